"""What the service's routes share, and the routes that belong to no kind of store."""
