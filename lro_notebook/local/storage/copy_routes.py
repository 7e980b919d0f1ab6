"""Routes that make objects of objects: copy, rewrite, move, compose."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.http.service import read_json, service_of
from lro_notebook.local.storage import object_resource, object_writing, preconditions
from lro_notebook.local.storage.object_resource import API, Stored
from lro_notebook.local.storage.object_writing import Target
from lro_notebook.local.storage.responses import answer, answer_object, refuse_keys, storage_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

_SOURCE = f"{API}/b/{{bucket}}/o/{{object:path}}"
_DESTINATION = "b/{destination_bucket}/o/{destination:path}"
_SOURCES_MAX = 32
_BUFFER = 1 << 20


async def rewrite(request: Request) -> Response:
    """Copy an object, in one step (``storage.objects.rewrite``)."""
    done = await _copied(request)
    size = str(done.size)
    resource = object_resource.resource(service_of(request).endpoint, done)
    response = {
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": size,
        "objectSize": size,
        "done": True,
    }
    return answer(request, {**response, "resource": resource})


async def copy(request: Request) -> Response:
    """Copy an object (``storage.objects.copy``)."""
    return answer_object(request, await _copied(request))


def move(request: Request) -> Response:
    """Give an object another name in its bucket (``storage.objects.move``)."""
    service, storage, path = service_of(request), storage_of(request), request.path_params
    source = _source(request)
    target = Target(path["bucket"], path["destination"], source.note, request.query_params)
    if target.name == source.name:
        raise invalid_argument("destinationObject: it is the object itself; choose another name")
    done = _copy(request, [source], target)
    with storage.writing:
        now = object_resource.find(service, source.bucket, source.name)
        if now is not None and now.generation == source.generation:  # nobody has written it meanwhile
            now.path.unlink()  # it may have moved, into a folder of its name
            with service.database.write() as connection:
                object_resource.forget(connection, source.bucket, source.name)
    return answer_object(request, done)


async def compose(request: Request) -> Response:
    """Join objects of a bucket to one (``storage.objects.compose``)."""
    body = await read_json(request)
    return await run_in_threadpool(_compose, request, body)


def _compose(request: Request, body: Mapping[str, Any]) -> Response:
    given, fields = body.get("sourceObjects"), body.get("destination") or {}
    if not isinstance(given, list) or not 1 <= len(given) <= _SOURCES_MAX or not isinstance(fields, dict):
        raise invalid_argument(f"sourceObjects: name 1 to {_SOURCES_MAX} objects of the bucket")
    bucket = request.path_params["bucket"]
    sources = [_composed(request, bucket, one) for one in given]
    target = Target(bucket, request.path_params["object"], fields, request.query_params)
    return answer_object(request, _copy(request, sources, target))


def _composed(request: Request, bucket: str, given: object) -> Stored:
    """Return an object that is to be a part of another."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise invalid_argument("sourceObjects: expected objects with a name")
    generation, wanted = given.get("generation"), given.get("objectPreconditions") or {}
    source = object_resource.need(
        service_of(request), bucket, given["name"], None if generation is None else str(generation)
    )
    query = {name: str(value) for name, value in wanted.items()} if isinstance(wanted, dict) else {}
    failed = preconditions.failed(query, source.generation, source.metageneration)
    if failed is not None:
        raise preconditions.error(failed, source.uri, source.generation)
    return source


async def _copied(request: Request) -> Stored:
    body = await read_json(request)
    return await run_in_threadpool(_copy_one, request, body)


def _copy_one(request: Request, body: Mapping[str, Any]) -> Stored:
    source, path = _source(request), request.path_params
    # A body replaces what is noted of the source; checksums in it would be those of the source.
    fields = {name: body[name] for name in body if name in (*object_resource.NOTED, "acl")} or {
        name: source.note[name] for name in object_resource.NOTED if name in source.note
    }
    target = Target(path["destination_bucket"], path["destination"], fields, request.query_params)
    return _copy(request, [source], target)


def _source(request: Request) -> Stored:
    """Return the source of a copy, which must be as the request wants it."""
    refuse_keys(request)
    path, query = request.path_params, request.query_params
    found = object_resource.need(
        service_of(request), path["bucket"], path["object"], query.get("sourceGeneration")
    )
    failed = preconditions.failed(query, found.generation, found.metageneration, "ifSource")
    if failed is not None:
        raise preconditions.error(failed, found.uri, found.generation)
    return found


def _copy(request: Request, sources: Sequence[Stored], target: Target) -> Stored:
    """Write the sources one after another, and put that in place."""
    service = service_of(request)
    with object_writing.draft(service.buckets) as draft:
        object_writing.check(service, target)
        with draft.open("wb") as file:
            for source in sources:
                with objects.open_object(source.path) as content:
                    shutil.copyfileobj(content, file, _BUFFER)
        return object_writing.put(service, storage_of(request), target, draft)


#: A copy is told from a composition by its longer end, so it comes first.
ROUTES = [
    Route(f"{_SOURCE}/rewriteTo/{_DESTINATION}", rewrite, methods=["POST"]),
    Route(f"{_SOURCE}/copyTo/{_DESTINATION}", copy, methods=["POST"]),
    Route(f"{_SOURCE}/moveTo/o/{{destination:path}}", move, methods=["POST"]),
    Route(f"{_SOURCE}/compose", compose, methods=["POST"]),
]
