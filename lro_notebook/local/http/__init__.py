"""What routes share, and the routes that belong to no single kind of store."""
