"""Where the tables of results come from: `files`, `bigquery`, a `store` of the service; see `source`."""
