"""DICOM stores."""
