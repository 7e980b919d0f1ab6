"""A small generator of plausible synthetic data, with a fixed seed: FHIR R4, HL7v2 messages, DICOM images."""

from lro_notebook.local.sample.generate import resources, write
from lro_notebook.local.sample.images import write_images
from lro_notebook.local.sample.messages import messages, write_messages

__all__ = ["messages", "resources", "write", "write_images", "write_messages"]
