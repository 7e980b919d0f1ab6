"""DICOM objects, in files and in JSON."""
