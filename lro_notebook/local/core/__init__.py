"""What every part of the service stands on: its database, names, buckets and errors."""
