"""Tables larger than memory: to `parquet`, in `drafts` at first, or as Dask DataFrames (`dask`)."""
