"""Pub/Sub notifications of changes, written to a file of the data directory instead of to a topic."""
