"""How each format of files is read: one module for each."""
