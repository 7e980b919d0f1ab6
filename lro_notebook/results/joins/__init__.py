"""Two tables side by side, by the references between them."""
