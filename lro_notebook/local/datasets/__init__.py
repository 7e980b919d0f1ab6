"""Datasets and the stores in them, whatever their kind."""
