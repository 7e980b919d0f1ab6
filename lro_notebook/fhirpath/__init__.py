"""FHIRPath on Python's JSON values: one engine, for views and for the local service."""
