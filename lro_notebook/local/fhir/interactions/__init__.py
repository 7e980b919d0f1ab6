"""The interactions of FHIR: what reads, changes and collects resources, alone or in Bundles."""
