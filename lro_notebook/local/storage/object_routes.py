"""Routes of objects: list, read whole or in part, describe, remove."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import buckets
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http.paging import limit_of, text_after, token_of
from lro_notebook.local.http.service import read_json, service_of
from lro_notebook.local.storage import listing, object_resource, object_writing, preconditions
from lro_notebook.local.storage.object_resource import API, Stored
from lro_notebook.local.storage.responses import answer, answer_object, refuse_keys, storage_of
from lro_notebook.operations.resource import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_OBJECT = f"{API}/b/{{bucket}}/o/{{object:path}}"
_NOT_MODIFIED = 304


def list_objects(request: Request) -> Response:
    """List the objects of a bucket (``storage.objects.list``), with a delimiter by prefix."""
    service, query = service_of(request), request.query_params
    location = buckets.parse(f"gs://{request.path_params['bucket']}", field="bucket")
    if query.get("softDeleted", "false") == "true":
        raise ServiceError(
            Code.UNIMPLEMENTED, "softDeleted: the local service keeps nothing that was removed"
        )
    wanted = listing.Wanted(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        start=query.get("startOffset", ""),
        end=query.get("endOffset", ""),
        globs=listing.globs_of(query["matchGlob"]) if query.get("matchGlob") else (),
        trailing=query.get("includeTrailingDelimiter", "false") == "true",
        after=text_after(request),
    )
    files = service.buckets.objects(location.bucket, wanted.prefix)
    page = listing.page(files, wanted, limit_of(request, "maxResults"))
    with service.database.read() as connection:
        found = object_resource.with_notes(connection, location.bucket, page.items)
    response: dict[str, Any] = {"kind": "storage#objects"}
    if page.last:
        response["nextPageToken"] = token_of(request, page.last)
    if found:
        response["items"] = [object_resource.resource(service.endpoint, one) for one in found]
    if page.prefixes:
        response["prefixes"] = page.prefixes
    return answer(request, response)


def get_object(request: Request) -> Response:
    """Return the metadata of an object, or its content with ``alt=media`` (``storage.objects.get``)."""
    if request.query_params.get("alt") == "media":
        return download(request)
    found = _named(request)
    return _unmodified(request, found) or answer_object(request, object_resource.summed(found))


def download(request: Request) -> Response:
    """Return the content of an object, or the range of it that the request asks for."""
    refuse_keys(request)
    found = _named(request)
    unmodified = _unmodified(request, found)
    if unmodified is not None:
        return unmodified
    found = object_resource.summed(found)
    sums = {"crc32c": found.note.get("crc32c"), "md5": found.note.get("md5Hash")}
    headers = {
        "X-Goog-Generation": found.generation,
        "X-Goog-Metageneration": found.metageneration,
        "X-Goog-Stored-Content-Length": str(found.size),
        "X-Goog-Storage-Class": str(found.note.get("storageClass", "STANDARD")),
        **_header("X-Goog-Hash", ",".join(f"{name}={text}" for name, text in sums.items() if text)),
        **_header("Cache-Control", found.note.get("cacheControl")),
        **_header("Content-Disposition", found.note.get("contentDisposition")),
        **_header("Content-Encoding", found.note.get("contentEncoding")),
        **_header("Content-Language", found.note.get("contentLanguage")),
    }
    return FileResponse(found.path, media_type=object_resource.content_type(found), headers=headers)


def delete_object(request: Request) -> Response:
    """Remove an object (``storage.objects.delete``)."""
    with storage_of(request).writing:
        found = _named(request)
        _require(request, found)
        found.path.unlink()
        with service_of(request).database.write() as connection:
            object_resource.forget(connection, found.bucket, found.name)
    return Response(status_code=204)


async def patch_object(request: Request) -> Response:
    """Change fields of an object (``storage.objects.patch``)."""
    return await run_in_threadpool(_change, request, await read_json(request))


async def update_object(request: Request) -> Response:
    """Set the fields of an object (``storage.objects.update``)."""
    body = await read_json(request)
    return await run_in_threadpool(_change, request, {**dict.fromkeys(object_resource.NOTED), **body})


def _change(request: Request, body: Mapping[str, Any]) -> Response:
    object_writing.noted_of(body)
    with storage_of(request).writing:
        found = _named(request)
        _require(request, found)
        note = dict(object_resource.summed(found).note)
        for name in object_resource.NOTED:
            if body.get(name, "") is None:
                note.pop(name, None)
            elif name == "metadata" and name in body:
                merged = {**note.get(name, {}), **body[name]}
                note[name] = {key: text for key, text in merged.items() if text is not None}
            elif name in body:
                note[name] = body[name]
        note |= {
            "metageneration": str(int(found.metageneration) + 1),
            "updated": format_timestamp(datetime.now(UTC)),
        }
        found = found._replace(note=note)
        with service_of(request).database.write() as connection:
            object_resource.note(connection, found)
    return answer_object(request, found)


def _named(request: Request) -> Stored:
    """Return the object in a request's path; it must exist."""
    path = request.path_params
    return object_resource.need(
        service_of(request), path["bucket"], path["object"], request.query_params.get("generation")
    )


def _require(request: Request, found: Stored) -> None:
    name = preconditions.failed(request.query_params, found.generation, found.metageneration)
    if name is not None:
        raise preconditions.error(name, found.uri, found.generation)


def _unmodified(request: Request, found: Stored) -> Response | None:
    """Return the response to a client that has this generation already; raise if it wants another."""
    name = preconditions.failed(request.query_params, found.generation, found.metageneration)
    if name is not None and "Not" in name:
        return Response(status_code=_NOT_MODIFIED)
    _require(request, found)
    return None


def _header(name: str, value: object) -> dict[str, str]:
    """Return a header of a noted value, if it can be one."""
    text = str(value or "")
    return {name: text} if text and text.isascii() and text.isprintable() else {}


ROUTES = [
    Route(f"{API}/b/{{bucket}}/o", list_objects, methods=["GET"]),
    Route(_OBJECT, get_object, methods=["GET"]),
    Route(_OBJECT, delete_object, methods=["DELETE"]),
    Route(_OBJECT, patch_object, methods=["PATCH"]),
    Route(_OBJECT, update_object, methods=["PUT"]),
    Route(f"/download{_OBJECT}", download, methods=["GET"]),
]
