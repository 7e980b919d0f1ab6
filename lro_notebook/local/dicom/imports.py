"""The runner of ``dicomStores.import``: files in a bucket -> instances of a DICOM store.

A unit is one file. A file that is not DICOM, or differs from the instance that the store has under its
UIDs, is counted and logged; the import goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core import objects
from lro_notebook.local.datasets import stores
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.dicom_file import Instance
    from lro_notebook.local.dicom.rows import Scope
    from lro_notebook.local.operations.method import Context, Job, Steps

#: A step ends at this size, so that transactions stay short.
STEP_BYTES = 16 << 20

_DIFFERS = "the store has an instance with these study, series and SOP instance UIDs, and its file differs"


class Incoming(NamedTuple):
    """An instance, and the URI of its file."""

    uri: str
    instance: Instance


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
        request_fields.source(context.buckets, body),
        rows.storage_class_of(body, default="STANDARD"),
    )


def run(job: Job, request: ImportRequest) -> Steps:
    """Read the files one by one and yield a step per batch."""
    yield from batches.await_sample(job, request.source)
    files, left_out = batches.source_files(job, request.source)
    yield Step(total=len(files) + len(left_out), failures=left_out)
    yield from batches.steps(
        job,
        (_incoming(uri, path) for uri, path in files),
        partial(_write, request=request),
        size_of=lambda unit: size_of(unit.instance),
        step_bytes=STEP_BYTES,
        sift=partial(_sift, job, request.store),
    )
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


def _incoming(uri: str, path: Path) -> Incoming | Failure:
    read = read_file(uri, path)
    return read if isinstance(read, Failure) else Incoming(uri, read)


def _sift(job: Job, store: Store, units: Sequence[Incoming]) -> tuple[list[Incoming], list[Failure]]:
    """Return the instances that are new or the same as before, and failures for the others."""
    good: list[Incoming] = []
    bad: list[Failure] = []
    before: dict[Scope, bytes | None] = {}
    with job.database.read() as connection:
        for unit in units:
            scope = rows.scope_of(unit.instance)
            if scope not in before:
                found = rows.instances(connection, store.key, scope)
                before[scope] = rows.data(connection, found[0].number) if found else None
            content = before[scope]
            if content is None:
                before[scope] = unit.instance.data
            if content in (None, unit.instance.data):
                good.append(unit)
            else:
                bad.append(Failure(unit.uri, "", Code.ALREADY_EXISTS, _DIFFERS))
    return good, bad


def _write(connection: sqlite3.Connection, *, units: Sequence[Incoming], request: ImportRequest) -> None:
    stores.require_store(connection, request.store)
    instances = [unit.instance for unit in units]
    rows.put_many(connection, request.store.key, instances, storage_class=request.storage_class)


METHOD = Method(
    "dicom.DicomService.ImportDicomData",
    "dicom.ImportDicomDataResponse",
    parse,
    run,
    log="ImportDicomLogEntry",
)
