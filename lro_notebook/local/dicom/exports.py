"""The runner of ``dicomStores.export``: instances -> files ``{study}/{series}/{instance}.dcm`` in a bucket.

Each file is written to a hidden folder and then renamed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets import stores
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.operations import arguments
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import workspace

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.rows import Row
    from lro_notebook.local.operations.method import Context, Job, Steps

_MIME_TYPE = re.compile(r"application/dicom(?:\s*;\s*transfer-syntax=\"?([0-9.]+|\*)\"?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A checked export; `syntax` None keeps that of each instance."""

    store: Store
    destination: Location
    syntax: str | None
    filter: Location | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ExportRequest:
    """Check the body of ``dicomStores.export``."""
    dicom_file.pydicom()
    arguments.refuse_bigquery(body)
    location = arguments.destination(context.buckets, body)
    syntax = _syntax(body["gcsDestination"].get("mimeType"))
    return ExportRequest(store, location, syntax, rows.filter_of(context.buckets, body))


def run(job: Job, request: ExportRequest) -> Steps:
    """Write a snapshot of the store, instance by instance."""
    job.buckets.folder(request.destination.bucket)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        instances = rows.instances(connection, request.store.key)
        chosen = rows.chosen(instances, job.buckets, request.filter)
        yield Step(total=len(chosen))
        for row in chosen:
            place = request.destination.below(row.study, row.series, f"{row.id}.dcm")
            job.buckets.check(place, field="gcsDestination.uriPrefix")
            try:
                _write(connection, row, request.syntax, drafts, job.buckets.path(place))
            except dicom_file.ParseError as parse_error:
                yield Step(failures=[rows.failure(request.store, row, parse_error)])
            else:
                yield Step(success=1)
    return {}


def _write(connection: sqlite3.Connection, row: Row, syntax: str | None, drafts: Path, target: Path) -> None:
    content = rows.data(connection, row.number) or b""
    if syntax is not None:
        content = dicom_file.converted(content, syntax)
    draft = drafts / str(row.number)
    draft.write_bytes(content)
    objects.place(draft, target)


def _syntax(mime_type: object) -> str | None:
    """Return the transfer syntax in a MIME type; None keeps that of each instance."""
    if not mime_type:
        return None
    match = _MIME_TYPE.fullmatch(mime_type) if isinstance(mime_type, str) else None
    syntax = match and match.group(1)
    if match is None or syntax not in (None, "*", *dicom_file.UNCOMPRESSED):
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "gcsDestination.mimeType: the local service does not render or compress images; leave it out, or "
            "use application/dicom; transfer-syntax=1.2.840.10008.1.2.1",
        )
    return None if syntax in (None, "*") else syntax


METHOD = Method(
    "dicom.DicomService.ExportDicomData",
    "dicom.ExportDicomDataResponse",
    parse,
    run,
    log="ExportDicomLogEntry",
)
