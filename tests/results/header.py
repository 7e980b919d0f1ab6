"""The first segment of the HL7v2 messages of tests."""

from __future__ import annotations

MSH = "MSH|^~\\&|A|B|C|D|20200101||ADT^A01|1|P|2.5\r"
