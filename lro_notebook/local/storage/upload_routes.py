"""Routes that upload objects: content alone, with its metadata, or in pieces that can be resumed."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.http import multipart
from lro_notebook.local.http.service import read_json, service_of
from lro_notebook.local.storage import object_writing, resumable_uploads
from lro_notebook.local.storage.object_resource import API
from lro_notebook.local.storage.object_writing import Target
from lro_notebook.local.storage.responses import answer_object, refuse_keys, storage_of
from lro_notebook.local.storage.resumable_uploads import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from starlette.requests import Request

_UPLOAD = f"/upload{API}/b/{{bucket}}/o"
_CANCELLED = 499
_BUFFER = 1 << 20
_SUMS = {"crc32c": "crc32c", "md5": "md5Hash"}


async def upload(request: Request) -> Response:
    """Upload an object (``storage.objects.insert``)."""
    refuse_keys(request)
    if "upload_id" in request.query_params:  # gcsfs sends its pieces with POST
        return await resume(request)
    kind = request.query_params.get("uploadType", "")
    ways = {"media": _media, "multipart": _multipart, "resumable": _begin}
    if kind not in ways:
        raise invalid_argument("uploadType: expected media, multipart or resumable")
    return await ways[kind](request)


async def resume(request: Request) -> Response:
    """Go on with an upload in pieces, or ask how far it is."""
    session = storage_of(request).sessions.get(request.query_params.get("upload_id", ""))
    if session.done is not None:
        return answer_object(request, session.done)
    if session.is_busy:
        message = "another request writes to this upload; wait for it, then ask with 'bytes */*'"
        raise ServiceError(Code.UNAVAILABLE, message)
    session.is_busy = True
    try:
        is_whole = await _take(request, session)
        if not is_whole:
            return resumable_uploads.unfinished(session)
        target = _with_sums(request, session.target)
        session.done = stored = await run_in_threadpool(_put, request, target, session.draft)
    finally:
        session.is_busy = False
    return answer_object(request, stored)


async def cancel(request: Request) -> Response:
    """Give an upload in pieces up."""
    identifier = request.query_params.get("upload_id", "")
    storage_of(request).sessions.get(identifier)
    storage_of(request).sessions.drop(identifier)
    return Response(status_code=_CANCELLED)


async def _media(request: Request) -> Response:
    target = _with_sums(request, _target(request, {}, request.headers.get("content-type")))
    with object_writing.draft(service_of(request).buckets) as draft:
        with draft.open("wb", buffering=_BUFFER) as file:
            await _receive(request, file)
        return answer_object(request, await run_in_threadpool(_put, request, target, draft))


async def _multipart(request: Request) -> Response:
    _, parameters = multipart.parameters_of(request.headers.get("content-type", ""))
    folders = service_of(request).buckets
    with object_writing.draft(folders) as whole, object_writing.draft(folders) as draft:
        with whole.open("wb", buffering=_BUFFER) as file:
            await _receive(request, file)
        fields, kind = await run_in_threadpool(_split, whole, draft, parameters.get("boundary", ""))
        target = _target(request, fields, kind)
        return answer_object(request, await run_in_threadpool(_put, request, target, draft))


async def _begin(request: Request) -> Response:
    fields = await read_json(request)
    target = _target(request, fields, request.headers.get("x-upload-content-type"))
    await run_in_threadpool(object_writing.check, service_of(request), target)
    draft = object_writing.draft_path(service_of(request).buckets)
    draft.touch()
    identifier = storage_of(request).sessions.add(Session(target, draft))
    url = f"{service_of(request).endpoint}{_UPLOAD.format(bucket=target.bucket)}"
    location = f"{url}?uploadType=resumable&upload_id={identifier}"
    return Response(headers={"Location": location, "X-GUploader-UploadID": identifier})


async def _take(request: Request, session: Session) -> bool:
    """Write what a request brings; return whether the upload is whole now."""
    start, total, is_open = resumable_uploads.piece_of(request.headers.get("content-range"))
    if start is not None and start > session.received:
        raise invalid_argument(
            f"Content-Range: the upload has {session.received} bytes, so it cannot go on at {start}; ask "
            "with 'bytes */*' how far it is"
        )
    with object_writing.room(), session.draft.open("r+b", buffering=_BUFFER) as file:
        if start is not None:
            session.received = start  # what comes after is overwritten, also if the client hangs up
            file.seek(start)
            await _receive(request, file)
            file.truncate()
        size = session.received if start is None else file.tell()
        if total is not None and size > total:
            raise invalid_argument("Content-Range: more arrived than it says; start the upload again")
        is_whole = size == total or (is_open and total is None)
        # A piece that is not the last counts in steps, as Cloud Storage has it.
        session.received = size if is_whole else max(session.received, size - size % resumable_uploads.CHUNK)
    return is_whole


async def _receive(request: Request, file: BinaryIO) -> None:
    async for chunk in request.stream():
        if chunk:
            await run_in_threadpool(file.write, chunk)


def _split(whole: Path, draft: Path, boundary: str) -> tuple[Mapping[str, Any], str | None]:
    """Write the content of a multipart body to `draft`; return its metadata and media type."""
    try:
        with whole.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            about, content = multipart.parts(body, boundary)
            fields = nesting.loads(body[about.start : about.stop])
            with draft.open("wb") as target:
                for start in range(content.start, content.stop, _BUFFER):
                    target.write(body[start : min(start + _BUFFER, content.stop)])
    except (ValueError, nesting.Unreadable) as error:
        message = "the body is not multipart/related of metadata as JSON and the content; send both parts"
        raise invalid_argument(message) from error
    if not isinstance(fields, dict):
        raise invalid_argument("the metadata is not a JSON object")
    return fields, content.headers.get("content-type")


def _target(request: Request, fields: Mapping[str, Any], kind: str | None) -> Target:
    name = request.query_params.get("name") or fields.get("name")
    if not isinstance(name, str):
        raise invalid_argument("name: name the object, in the query or in the metadata")
    if kind and not fields.get("contentType"):
        fields = {**fields, "contentType": kind}
    object_writing.noted_of(fields)
    return Target(request.path_params["bucket"], name, fields, request.query_params)


def _with_sums(request: Request, target: Target) -> Target:
    """Return a target with the checksums that ``x-goog-hash`` has, such as ``crc32c=n03x6A==,md5=…``."""
    header = ",".join(request.headers.getlist("x-goog-hash"))
    pairs = (part.strip().partition("=") for part in header.split(","))
    sums = {_SUMS[name]: text for name, _, text in pairs if name in _SUMS}
    return target._replace(fields={**target.fields, **sums})


def _put(request: Request, target: Target, draft: Path) -> Any:
    with object_writing.room():
        return object_writing.put(service_of(request), storage_of(request), target, draft)


ROUTES = [
    Route(_UPLOAD, upload, methods=["POST"]),
    Route(_UPLOAD, resume, methods=["PUT"]),
    Route(_UPLOAD, cancel, methods=["DELETE"]),
]
