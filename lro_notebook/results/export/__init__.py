"""Tables larger than memory: to `parquet`, in `drafts` at first, or in `partitions` of Dask DataFrames."""
