"""Datasets and their stores, of any kind."""
