"""JSON of anything."""
