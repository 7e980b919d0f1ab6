"""Files of a remote place: many requests at once, in the state that was listed."""
