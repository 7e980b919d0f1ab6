"""Two results side by side: what a de-identification kept, changed and removed."""
