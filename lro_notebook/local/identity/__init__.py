"""How a program knows that it talks to its own service, and whose data directory it is."""
