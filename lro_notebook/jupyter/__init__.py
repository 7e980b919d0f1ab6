"""What a notebook shows: cards, tables, snapshots, and the pump that keeps buttons alive."""
