"""FHIR stores."""
