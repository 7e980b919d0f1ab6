"""Operations that change instances in place: deletion, metadata patches, storage classes.

A unit is one instance. What they work on is a part of a store: all of it, a study or a series.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.core.service_errors import invalid
from lro_notebook.local.dicom import part10
from lro_notebook.local.dicom import rows as dicom_instances
from lro_notebook.local.dicom.imports import STEP_BYTES
from lro_notebook.local.dicom.rows import Scope
from lro_notebook.local.operations import batches
from lro_notebook.local.operations.work import Kind, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.part10 import Instance
    from lro_notebook.local.dicom.rows import Row
    from lro_notebook.local.operations.records import Failure
    from lro_notebook.local.operations.work import Context, Job, Steps

_EMPTY = "google.protobuf.Empty"


class Part(NamedTuple):
    """The part of a store that a request names."""

    store: Store
    scope: Scope


@dataclass(frozen=True, slots=True)
class PatchRequest:
    """A checked change of metadata."""

    part: Part
    patch: list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ClassRequest:
    """A checked change of the storage class."""

    part: Part
    storage_class: str
    filter: Location | None


def parse_delete(_context: Context, part: Part, _body: object) -> Part:
    """Take a part of a store to delete as it is."""
    return part


def parse_patch(_context: Context, part: Part, body: object) -> PatchRequest:
    """Check a JSON Patch of the metadata."""
    part10.pydicom()
    try:
        return PatchRequest(part, part10.check_patch(body))
    except part10.ParseError as parse_error:
        raise invalid(f"the request body: {parse_error}") from parse_error


def parse_class(context: Context, target: Part | Store, body: Mapping[str, Any]) -> ClassRequest:
    """Check the body of ``setBlobStorageSettings`` of a store or a study."""
    part = target if isinstance(target, Part) else Part(target, Scope())
    storage_class = dicom_instances.storage_class_of(body, default=None)
    return ClassRequest(part, storage_class, dicom_instances.filter_of(context.buckets, body))


def run_delete(job: Job, part: Part) -> Steps:
    """Delete the instances batch by batch."""
    yield from _in_batches(job, _rows(job, part), dicom_instances.delete_many)
    return {}


def run_class(job: Job, request: ClassRequest) -> Steps:
    """Note the storage class batch by batch."""
    rows = dicom_instances.chosen(_rows(job, request.part), job.buckets, request.filter)
    write = partial(dicom_instances.set_class, storage_class=request.storage_class)
    yield from _in_batches(job, rows, write)
    return {}


def run_patch(job: Job, request: PatchRequest) -> Steps:
    """Patch the instances one by one; one that the patch does not fit stays as it is."""
    rows = _rows(job, request.part)
    yield Step(sized=len(rows))
    patched = (_patched(job, request, row) for row in rows)
    yield from batches.steps(
        job, patched, _replace, size_of=lambda unit: len(unit[1].data), step_bytes=STEP_BYTES
    )
    return {}


def _patched(job: Job, request: PatchRequest, row: Row) -> tuple[int, Instance] | Failure:
    """Return an instance as the patch makes it, with its number, or why it does not fit."""
    with job.database.read() as connection:
        content = dicom_instances.data(connection, row.number)
    if content is None:
        gone = "the instance was deleted while the operation ran"
        return dicom_instances.failure(request.part.store, row, gone)
    try:
        return row.number, part10.patched(content, request.patch)
    except part10.ParseError as parse_error:
        return dicom_instances.failure(request.part.store, row, parse_error)


def _replace(connection: sqlite3.Connection, *, units: Sequence[tuple[int, Instance]]) -> None:
    dicom_instances.replace_many(connection, units)


def _rows(job: Job, part: Part) -> list[Row]:
    with job.database.read() as connection:
        return dicom_instances.rows(connection, part.store.key, part.scope)


def _in_batches(
    job: Job, rows: list[Row], write: Callable[[sqlite3.Connection, Sequence[int]], None]
) -> Steps:
    yield Step(sized=len(rows))
    while rows:
        size = job.batch()
        batch, rows = [row.number for row in rows[:size]], rows[size:]
        yield Step(partial(_call, write=write, numbers=batch), success=len(batch))
    return {}


def _call(
    connection: sqlite3.Connection,
    *,
    write: Callable[[sqlite3.Connection, Sequence[int]], None],
    numbers: Sequence[int],
) -> None:
    write(connection, numbers)


DELETE_STUDY = Kind("dicom.DicomWebService.DeleteStudy", _EMPTY, parse_delete, run_delete)
DELETE_SERIES = Kind("dicom.DicomWebService.DeleteSeries", _EMPTY, parse_delete, run_delete)
UPDATE_STUDY = Kind(
    "dicom.DicomWebService.UpdateStudyMetadata",
    "dicom.UpdateStudyMetadataResponse",
    parse_patch,
    run_patch,
    versions=("v1beta1",),
)
UPDATE_SERIES = Kind(
    "dicom.DicomWebService.UpdateSeriesMetadata",
    "dicom.UpdateSeriesMetadataResponse",
    parse_patch,
    run_patch,
    versions=("v1beta1",),
)
SET_BLOB_STORAGE_SETTINGS = Kind(
    "storageinfo.StorageInfoService.SetBlobStorageSettings", _EMPTY, parse_class, run_class
)
