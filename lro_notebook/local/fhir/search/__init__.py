"""FHIR search: what parameters there are, what is kept of resources to find them by, and queries of that."""
