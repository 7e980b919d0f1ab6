"""The runners of ``studies.delete`` and ``series.delete``. A unit is one instance."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lro_notebook.local.dicom import rows
from lro_notebook.local.operations import batches
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    from lro_notebook.local.dicom.rows import Part
    from lro_notebook.local.operations.method import Context, Job, Steps


def parse(_context: Context, part: Part, _body: object) -> Part:
    """Return the part of a store to delete; the request has no other fields."""
    return part


def run(job: Job, part: Part) -> Steps:
    """Delete the instances batch by batch."""
    with job.database.read() as connection:
        numbers = [row.number for row in rows.instances(connection, part.store.key, part.scope)]
    yield Step(total=len(numbers))
    for batch in batches.slices(job, numbers):
        yield Step(partial(rows.delete_many, numbers=batch), success=len(batch))
    return {}


STUDY_METHOD = Method("dicom.DicomWebService.DeleteStudy", "google.protobuf.Empty", parse, run)
SERIES_METHOD = Method("dicom.DicomWebService.DeleteSeries", "google.protobuf.Empty", parse, run)
