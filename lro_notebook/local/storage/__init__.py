"""The buckets over the JSON API of Cloud Storage: objects are listed, read, written, copied and removed."""
