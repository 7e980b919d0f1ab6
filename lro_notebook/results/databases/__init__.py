"""Tables of results in a database: DuckDB and SQLite, streamed, all or nothing."""
