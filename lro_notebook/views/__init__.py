"""SQL on FHIR v2 views: parsed, compiled to work on Arrow arrays, and run over the files of a table."""
