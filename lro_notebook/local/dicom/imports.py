"""The runner of ``dicomStores.import``: files in a bucket -> instances of a DICOM store.

A unit is one file. A file that is not DICOM is counted and logged; the import goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core import objects
from lro_notebook.local.datasets import stores
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.operations import arguments, batches
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.dicom_file import Instance
    from lro_notebook.local.operations.method import Context, Job, Steps

#: A step ends at this size, so that transactions stay short.
STEP_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A checked import, with the storage class to note."""

    store: Store
    source: Location
    storage_class: str


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ImportRequest:
    """Check the body of ``dicomStores.import``."""
    dicom_file.pydicom()
    return ImportRequest(
        store,
        arguments.source(context.buckets, body),
        rows.storage_class_of(body, default="STANDARD"),
    )


def run(job: Job, request: ImportRequest) -> Steps:
    """Read the files one by one and yield a step per batch."""
    yield from batches.await_sample(job, request.source)
    files, left_out = batches.source_files(job, request.source)
    yield Step(total=len(files) + len(left_out), failures=left_out)
    instances = (_new(job, request, uri, read_file(uri, path)) for uri, path in files)
    write = partial(_write, request=request)
    yield from batches.steps(job, instances, write, size_of=size_of, step_bytes=STEP_BYTES)
    return {}


def size_of(instance: Instance) -> int:
    """Return the size of an instance in bytes."""
    return len(instance.data)


def read_file(uri: str, path: Path) -> Instance | Failure:
    """Return the instance in a file, or a failure."""
    try:
        return dicom_file.read(objects.read_object(path))
    except OSError as error:
        return batches.read_failure(uri, error)
    except dicom_file.ParseError as parse_error:
        return Failure(uri, "", Code.INVALID_ARGUMENT, str(parse_error))


def _new(job: Job, request: ImportRequest, uri: str, read: Instance | Failure) -> Instance | Failure:
    """Return what was read, or a failure where the store has another file with the same UIDs."""
    if isinstance(read, Failure):
        return read
    with job.database.read() as connection:
        if not rows.differs(connection, request.store.key, read):
            return read
    message = "the store has another file with the UIDs of this instance; delete that one, then import again"
    return Failure(uri, "", Code.ALREADY_EXISTS, message)


def _write(connection: sqlite3.Connection, *, units: Sequence[Instance], request: ImportRequest) -> None:
    stores.require_store(connection, request.store)
    rows.put_many(connection, request.store.key, units, storage_class=request.storage_class)


METHOD = Method(
    "dicom.DicomService.ImportDicomData",
    "dicom.ImportDicomDataResponse",
    parse,
    run,
    log="ImportDicomLogEntry",
)
