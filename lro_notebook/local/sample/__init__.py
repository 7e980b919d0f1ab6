"""A small generator of plausible synthetic FHIR R4 data, with a fixed seed."""

from lro_notebook.local.sample.generate import resources, write

__all__ = ["resources", "write"]
