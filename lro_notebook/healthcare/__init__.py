"""Start helpers of the Cloud Healthcare API: datasets and their stores."""
