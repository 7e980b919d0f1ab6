"""What is at a place: which files, in which formats and tables, and whose."""
