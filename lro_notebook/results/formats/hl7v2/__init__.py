"""HL7v2 messages, in text and in JSON."""
