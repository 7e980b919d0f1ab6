"""What every part of the service needs: database, names, buckets, errors, limits."""
