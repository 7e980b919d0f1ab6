"""Bytes and JSON to flat Arrow tables. Opens no file."""
