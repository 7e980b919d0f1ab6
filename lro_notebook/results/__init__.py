"""Finished operations as pandas DataFrames: finding the files, parsing, flattening."""
