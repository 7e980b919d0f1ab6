"""The interactions of FHIR that change resources, alone or in Bundles, and those that collect them."""
