"""How a program makes sure that it talks to its own service, and that a data directory is private."""
