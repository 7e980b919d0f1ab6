"""The service's operations: their records, what runs them, what their runners share."""
