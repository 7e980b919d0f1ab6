"""Routes of buckets: list, read, make, remove. A bucket is a folder; its settings are not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import buckets
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http.paging import limit_of, text_after, token_of
from lro_notebook.local.http.service import read_json, service_of
from lro_notebook.local.storage.object_resource import API, remove_empty
from lro_notebook.local.storage.responses import answer, storage_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from lro_notebook.local.core.buckets import Location


def list_buckets(request: Request) -> Response:
    """List the buckets (``storage.buckets.list``)."""
    prefix = request.query_params.get("prefix", "")
    limit, after = limit_of(request, "maxResults"), text_after(request)
    names = service_of(request).buckets.names()
    page = [name for name in names if name > after and name.startswith(prefix)]
    response: dict[str, Any] = {"kind": "storage#buckets", "items": [_bucket(n) for n in page[:limit]]}
    if len(page) > limit:
        response["nextPageToken"] = token_of(request, page[limit - 1])
    return answer(request, response)


def get_bucket(request: Request) -> Response:
    """Return a bucket (``storage.buckets.get``)."""
    location = _location(request.path_params["bucket"])
    service_of(request).buckets.folder(location.bucket)
    return answer(request, _bucket(location.bucket))


async def insert_bucket(request: Request) -> Response:
    """Make a bucket (``storage.buckets.insert``)."""
    body = await read_json(request)
    return await run_in_threadpool(_insert, request, _location(body.get("name")))


def delete_bucket(request: Request) -> Response:
    """Remove an empty bucket (``storage.buckets.delete``)."""
    location = _location(request.path_params["bucket"])
    with storage_of(request).writing:
        folder = service_of(request).buckets.folder(location.bucket)
        if folder.is_symlink() or not remove_empty(folder):
            message = f"bucket {location.bucket} is not empty; remove its objects, then it"
            raise ServiceError(Code.FAILED_PRECONDITION, message, status=409)
    return Response(status_code=204)


def _insert(request: Request, location: Location) -> Response:
    folder = service_of(request).buckets.root / location.bucket
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise ServiceError(
            Code.ALREADY_EXISTS, f"bucket {location.bucket} is there already; use it, or another name"
        ) from error
    return answer(request, _bucket(location.bucket))


def _location(name: object) -> Location:
    return buckets.parse(f"gs://{name}", field="bucket")._replace(path="")


def _bucket(name: str) -> dict[str, Any]:
    return {
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "location": "LOCAL",
        "storageClass": "STANDARD",
    }


ROUTES = [
    Route(f"{API}/b", list_buckets, methods=["GET"]),
    Route(f"{API}/b", insert_bucket, methods=["POST"]),
    Route(f"{API}/b/{{bucket}}", get_bucket, methods=["GET"]),
    Route(f"{API}/b/{{bucket}}", delete_bucket, methods=["DELETE"]),
]
