"""FHIRPath on JSON values: one engine, for views and for the local service."""
