"""CSV, TSV and their like."""
