"""The runners of ``studies.updateMetadata`` and ``series.updateMetadata``: a JSON Patch of each instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.dicom.imports import STEP_BYTES
from lro_notebook.local.operations import batches
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.dicom.dicom_file import Instance
    from lro_notebook.local.dicom.rows import Part, Row
    from lro_notebook.local.operations.method import Context, Job, Steps
    from lro_notebook.local.operations.records import Failure


@dataclass(frozen=True, slots=True)
class PatchRequest:
    """A checked change of metadata."""

    part: Part
    patch: list[Mapping[str, Any]]


def parse(_context: Context, part: Part, body: object) -> PatchRequest:
    """Check a JSON Patch of the metadata."""
    dicom_file.pydicom()
    try:
        return PatchRequest(part, dicom_file.check_patch(body))
    except dicom_file.ParseError as parse_error:
        raise invalid_argument(f"the request body: {parse_error}") from parse_error


def run(job: Job, request: PatchRequest) -> Steps:
    """Patch the instances one by one; an instance that the patch does not fit stays as it is."""
    with job.database.read() as connection:
        instances = rows.instances(connection, request.part.store.key, request.part.scope)
    yield Step(total=len(instances))
    patched = (_patched(job, request, row) for row in instances)
    yield from batches.steps(
        job, patched, _replace, size_of=lambda unit: len(unit[1].data), step_bytes=STEP_BYTES
    )
    return {}


def _patched(job: Job, request: PatchRequest, row: Row) -> tuple[int, Instance] | Failure:
    """Return the number of an instance and its patched file, or why the patch does not fit."""
    with job.database.read() as connection:
        content = rows.data(connection, row.number)
    if content is None:
        gone = "the instance was deleted while the operation ran"
        return rows.failure(request.part.store, row, gone)
    try:
        return row.number, dicom_file.patched(content, request.patch)
    except dicom_file.ParseError as parse_error:
        return rows.failure(request.part.store, row, parse_error)


def _replace(connection: sqlite3.Connection, *, units: Sequence[tuple[int, Instance]]) -> None:
    rows.replace_many(connection, units)


STUDY_METHOD = Method(
    "dicom.DicomWebService.UpdateStudyMetadata",
    "dicom.UpdateStudyMetadataResponse",
    parse,
    run,
    versions=("v1beta1",),
)
SERIES_METHOD = Method(
    "dicom.DicomWebService.UpdateSeriesMetadata",
    "dicom.UpdateSeriesMetadataResponse",
    parse,
    run,
    versions=("v1beta1",),
)
