"""Read access to the buckets with the JSON API of Cloud Storage: buckets, objects, content.

As much as `gcsfs` and Google's client need to read.
"""

from __future__ import annotations

import mimetypes
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import buckets, objects
from lro_notebook.local.core.service_errors import ServiceError, json_response, not_found
from lro_notebook.local.http.paging import limit_of, text_after, token_of
from lro_notebook.local.http.service import service_of
from lro_notebook.operations.resource import format_timestamp

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

_API = "/storage/v1"
_LAST_TIME = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_OBJECT = "/b/{bucket}/o/{object:path}"


def list_buckets(request: Request) -> Response:
    """List the buckets (``storage.buckets.list``)."""
    names = service_of(request).buckets.names()
    limit, after = limit_of(request, "maxResults"), text_after(request)
    page = [name for name in names if name > after]
    response: dict[str, Any] = {"kind": "storage#buckets", "items": [_bucket(n) for n in page[:limit]]}
    if len(page) > limit:
        response["nextPageToken"] = token_of(request, page[limit - 1])
    return json_response(response)


def get_bucket(request: Request) -> Response:
    """Return a bucket (``storage.buckets.get``)."""
    return json_response(_bucket(_bucket_of(request)))


def list_objects(request: Request) -> Response:
    """List the objects of a bucket (``storage.objects.list``), with a delimiter by folder."""
    bucket = _bucket_of(request)
    query = request.query_params
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    if delimiter not in ("", "/"):
        raise ServiceError(Code.UNIMPLEMENTED, "delimiter: the local service supports '/' only")
    limit, after = limit_of(request, "maxResults"), text_after(request)
    files = service_of(request).buckets.objects(bucket, prefix)
    items: list[dict[str, Any]] = []
    prefixes: list[str] = []
    last = after
    response: dict[str, Any] = {"kind": "storage#objects"}
    for name, path in _grouped(files, prefix, delimiter):
        if name <= last:
            continue
        if len(items) + len(prefixes) == limit:
            response["nextPageToken"] = token_of(request, last)
            break
        last = name
        if path is None:
            prefixes.append(name)
        else:
            with suppress(FileNotFoundError):  # removed since the bucket was listed
                items.append(_object(request, bucket, name, path))
    if items:
        response["items"] = items
    if prefixes:
        response["prefixes"] = prefixes
    return json_response(response)


def get_object(request: Request) -> Response:
    """Return the metadata of an object, or its content with ``alt=media`` (``storage.objects.get``)."""
    name, path = _file_of(request)
    if request.query_params.get("alt") == "media":
        return _content(path)
    return json_response(_object(request, request.path_params["bucket"], name, path))


def download(request: Request) -> Response:
    """Return the content of an object, or the range of it that the request asks for."""
    return _content(_file_of(request)[1])


def _content(path: Path) -> Response:
    return FileResponse(path, media_type=_media_type(path.name))


def _bucket_of(request: Request) -> str:
    """Return the name of the bucket in a request's path; it must exist."""
    location = buckets.parse(f"gs://{request.path_params['bucket']}", field="bucket")
    service_of(request).buckets.folder(location.bucket)
    return location.bucket


def _file_of(request: Request) -> tuple[str, Path]:
    """Return name and file of the object in a request's path; it must exist."""
    folders = service_of(request).buckets
    bucket, name = _bucket_of(request), request.path_params["object"]
    location = buckets.parse(f"gs://{bucket}/{name}", field="object")
    folders.check(location, field="object")
    path = folders.path(location)
    if location.path != name or objects.why_unusable(str(path), str(folders.root)):
        raise not_found(f"no object gs://{bucket}/{name[:300]}; list them with GET {_API}/b/{bucket}/o")
    wanted = request.query_params.get("generation")
    if wanted is not None and wanted != _generation(path.stat()):
        raise not_found(
            f"no generation {wanted[:40]} of gs://{bucket}/{name[:300]}; only the last one is kept"
        )
    return name, path


def _generation(status: os.stat_result) -> str:
    """Return the generation of an object: there is one for each time it is written."""
    return str(status.st_mtime_ns // 1000)


def _grouped(
    files: Iterable[tuple[str, Path]], prefix: str, delimiter: str
) -> Iterable[tuple[str, Path | None]]:
    """Yield objects; objects below a folder are replaced by the folder, once and without a file."""
    folder = None
    for name, path in files:
        head, slash, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
        if not slash:
            yield name, path
        elif folder != prefix + head + slash:
            folder = prefix + head + slash
            yield folder, None


def _bucket(name: str) -> dict[str, Any]:
    return {
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "location": "LOCAL",
        "storageClass": "STANDARD",
    }


def _object(request: Request, bucket: str, name: str, path: Path) -> dict[str, Any]:
    status = path.stat()
    # File times may lie outside the range of datetime.
    time = format_timestamp(datetime.fromtimestamp(min(max(status.st_mtime, 0), _LAST_TIME), UTC))
    generation = _generation(status)
    base = f"{service_of(request).endpoint}{_API}/b/{bucket}/o"
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"{base}/{name}",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "metageneration": "1",
        "contentType": _media_type(name),
        "storageClass": "STANDARD",
        "size": str(status.st_size),
        "etag": f"{generation}-{status.st_size}",
        "timeCreated": time,
        "updated": time,
    }


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


ROUTES = [
    Route(f"{_API}/b", list_buckets, methods=["GET"]),
    Route(f"{_API}/b/{{bucket}}", get_bucket, methods=["GET"]),
    Route(f"{_API}/b/{{bucket}}/o", list_objects, methods=["GET"]),
    Route(_API + _OBJECT, get_object, methods=["GET"]),
    Route(f"/download{_API}{_OBJECT}", download, methods=["GET"]),
]
