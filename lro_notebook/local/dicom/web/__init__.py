"""DICOMweb: what clients store, search and retrieve."""
