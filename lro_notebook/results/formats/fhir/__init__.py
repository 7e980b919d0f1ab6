"""FHIR resources, in lines and in any JSON."""
