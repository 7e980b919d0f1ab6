"""The structure that FHIR gives to resources: types, elements and the forms of values."""
