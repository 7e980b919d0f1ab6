"""DataFrames and charts about operations: their state, their history, their failures."""
