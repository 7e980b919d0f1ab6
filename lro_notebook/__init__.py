"""Long-running operations of Google Cloud in Jupyter: start, watch, load into pandas."""
