"""HL7v2 stores."""
