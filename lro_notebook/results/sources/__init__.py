"""Where the tables of results come from: files, BigQuery, a store of the service."""
