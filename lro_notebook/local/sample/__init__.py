"""A small generator of plausible synthetic FHIR R4 data, with a fixed seed."""
