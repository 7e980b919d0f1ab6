"""The runner of ``dicomStores.export``: instances -> files ``{study}/{series}/{instance}.dcm`` in a bucket.

Pictures are ``{instance}.jpg`` or ``.png``, and ``{instance}/{frame}.jpg`` where there are several frames.
Each file is written to a hidden folder and then renamed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets import stores
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.dicom.web import frames, rendered
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

_MIME_TYPE = re.compile(
    r"(application/dicom|image/jpeg|image/png)(?:\s*;\s*transfer-syntax=\"?([0-9.]+|\*)\"?)?", re.ASCII
)
_ENDS = {"image/jpeg": ".jpg", "image/png": ".png"}
#: Media type -> the transfer syntaxes that it may name.
_SYNTAXES: Mapping[str, tuple[str | None, ...]] = {
    "application/dicom": (None, "*", *dicom_file.UNCOMPRESSED),
    "image/jpeg": (None, "1.2.840.10008.1.2.4.50"),
    "image/png": (None,),
}


class Form(NamedTuple):
    """What files are to be: pictures of a media type, or instances of a transfer syntax, None for theirs."""

    picture: str | None = None
    syntax: str | None = None


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A checked export."""

    store: Store
    destination: Location
    form: Form
    filter: Location | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ExportRequest:
    """Check the body of ``dicomStores.export``."""
    dicom_file.pydicom()
    request_fields.refuse_bigquery(body)
    location = request_fields.destination(context.buckets, body)
    form = _form(body["gcsDestination"].get("mimeType"))
    if form.picture is not None:
        rendered.require()
    return ExportRequest(store, location, form, rows.filter_of(context.buckets, body))


def run(job: Job, request: ExportRequest) -> Steps:
    """Write a snapshot of the store, instance by instance."""
    job.buckets.folder(request.destination.bucket)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        instances = rows.instances(connection, request.store.key)
        chosen = rows.chosen(instances, job.buckets, request.filter)
        yield Step(total=len(chosen))
        for row in chosen:
            content = rows.data(connection, row.number) or b""
            try:
                for end, made in _files(content, request.form):
                    place = request.destination.below(row.study, row.series, f"{row.id}{end}")
                    job.buckets.check(place, field="gcsDestination.uriPrefix")
                    draft = drafts / str(row.number)
                    draft.write_bytes(made)
                    objects.place(draft, job.buckets.path(place))
            except (dicom_file.ParseError, _UnseenError) as error:
                yield Step(failures=[rows.failure(request.store, row, error)])
            else:
                yield Step(success=1)
    return {}


class _UnseenError(Exception):
    """Why an instance cannot be shown as a picture."""


def _files(content: bytes, form: Form) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an instance: the end of each name, and what is in it."""
    if form.picture is None:
        yield ".dcm", content if form.syntax is None else dicom_file.converted(content, form.syntax)
        return
    try:
        source = frames.open_frames(content)
        for number in frames.all_numbers(source):
            made = rendered.picture(source, number, form.picture, None)
            name = f"/{number}" if source.how_many > 1 else ""
            yield f"{name}{_ENDS[form.picture]}", made
    except ServiceError as error:
        raise _UnseenError(str(error)) from error


def _form(mime_type: object) -> Form:
    """Return what files a MIME type asks for."""
    if not mime_type:
        return Form()
    match = _MIME_TYPE.fullmatch(mime_type) if isinstance(mime_type, str) else None
    kind, syntax = match.groups() if match else ("", None)
    if syntax not in _SYNTAXES.get(kind, ()):
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "gcsDestination.mimeType: the local service does not compress instances or write pixels alone; "
            "leave it out, or use image/jpeg, image/png or "
            "application/dicom; transfer-syntax=1.2.840.10008.1.2.1",
        )
    if kind in _ENDS:
        return Form(picture=kind)
    return Form(syntax=None if syntax == "*" else syntax)


METHOD = Method(
    "dicom.DicomService.ExportDicomData",
    "dicom.ExportDicomDataResponse",
    parse,
    run,
    log="ExportDicomLogEntry",
)
