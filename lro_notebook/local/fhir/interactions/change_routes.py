"""Routes of the FHIR interface that change resources: by id, and by conditions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir.interactions import binaries
from lro_notebook.local.fhir.interactions.changes import Changes, Result
from lro_notebook.local.fhir.interactions.responses import (
    FHIR_PATH,
    SYSTEM_PARAMETERS,
    base_of,
    resource_response,
    stamps,
)
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.http.service import read_body, service_of, store_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from lro_notebook.local.datasets.stores import Store

_T = TypeVar("_T")
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"', re.ASCII)
_PATCH_TYPE = "application/json-patch+json"
#: Parameters that say how a response is shown.
_SHOWN = frozenset({"_summary", "_elements"})


async def create(request: Request) -> Response:
    """``fhir.create`` and ``fhir.Binary-create``: the service assigns the id."""
    body, type_ = await read_body(request), _type(request)
    if criteria_of(request, _SHOWN):  # would make a resource each time, unnoticed
        raise invalid_argument(
            f"a POST of {type_} takes no search parameters in its address; send the criteria of a "
            "conditional create in the header If-None-Exist"
        )
    criteria = request.headers.get("if-none-exist")
    raw = binaries.is_raw(request, type_, body)

    def change(changes: Changes) -> Result:
        text = binaries.wrapped(request, body, changes.settings.version) if raw else body
        return changes.create(type_, text, if_none_exist=criteria)

    return await _respond(request, change, shows=not raw)


async def update(request: Request) -> Response:
    """``fhir.update`` and ``fhir.Binary-update``: a new version, or a new resource."""
    body, type_ = await read_body(request), _type(request)
    identifier, expected = resource_names.fhir_id(request.path_params["id"]), expected_version(request)
    only_new = request.headers.get("if-none-match", "").strip() == "*"
    raw = binaries.is_raw(request, type_, body)

    def change(changes: Changes) -> Result:
        text = body
        if raw:
            text = binaries.wrapped(request, body, changes.settings.version, identifier)
        return changes.update(type_, identifier, text, expected=expected, only_new=only_new)

    return await _respond(request, change, shows=not raw)


async def conditional_update(request: Request) -> Response:
    """``fhir.conditionalUpdate``."""
    body, type_, criteria = await read_body(request), _type(request), criteria_of(request)
    return await _respond(request, lambda changes: changes.update_where(type_, criteria, body))


async def patch(request: Request) -> Response:
    """``fhir.patch``."""
    body, type_ = await _read_patch(request), _type(request)
    identifier, expected = resource_names.fhir_id(request.path_params["id"]), expected_version(request)
    return await _respond(request, lambda changes: changes.patch(type_, identifier, body, expected=expected))


async def conditional_patch(request: Request) -> Response:
    """``fhir.conditionalPatch``."""
    body, type_, criteria = await _read_patch(request), _type(request), criteria_of(request)
    return await _respond(request, lambda changes: changes.patch_where(type_, criteria, body))


async def delete(request: Request) -> Response:
    """``fhir.delete``; deleting a missing resource succeeds too, and Google's samples expect HTTP 200."""
    type_, identifier = _type(request), resource_names.fhir_id(request.path_params["id"])
    expected = expected_version(request)
    return await _respond(request, lambda changes: changes.delete(type_, identifier, expected=expected))


async def conditional_delete(request: Request) -> Response:
    """``fhir.conditionalDelete``: up to 100 resources, or `_count`, 1000 at most."""
    type_, criteria = _type(request), criteria_of(request, {"_count"})
    count = request.query_params.get("_count", "")
    return await _respond(request, lambda changes: changes.delete_where(type_, criteria, count=count))


async def _respond(request: Request, change: Callable[[Changes], Result], *, shows: bool = True) -> Response:
    """Make a change and respond with the resource, or without it."""
    store, result = await run_in_threadpool(made, request, change)
    stored = result.stored
    if stored is None:
        return Response()  # 200; in a Bundle it is 204
    url = f"{base_of(request, store)}/{result.type}/{stored.id}/_history/{stored.version}"
    location = {"Location": url} if result.status == 201 else {"Content-Location": url}  # noqa: PLR2004 - created
    if not shows:
        return Response(status_code=result.status, headers={**stamps(stored), **location})
    return resource_response(stored, status=result.status, headers=location)


def made(request: Request, change: Callable[[Changes], _T]) -> tuple[Store, _T]:
    """Make changes in a transaction of their own; return the store, and what `change` returned. Blocks."""
    with service_of(request).database.write() as connection:
        store = store_of(request, connection, "fhirStores")
        changes = Changes(connection, settings_of(connection, store))
        result = change(changes)
        changes.settle()
    return store, result


def expected_version(request: Request) -> int | None:
    """Return the version in ``If-Match``; None without the header, -1 for an impossible version."""
    return version_in(request.headers.get("if-match"))


def version_in(etag: str | None) -> int | None:
    """Return the version that an ETag names; None without one, -1 for an impossible version."""
    if etag is None:
        return None
    match = _ETAG.fullmatch(etag.strip())
    return int(match.group(1)) if match else -1


def criteria_of(request: Request, also: frozenset[str] | set[str] = frozenset()) -> str:
    """Return the search parameters of a request, without those named in `also`."""
    pairs = request.query_params.multi_items()
    left_out = SYSTEM_PARAMETERS | also
    return urlencode([(name, value) for name, value in pairs if name not in left_out])


async def _read_patch(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _PATCH_TYPE:
        raise invalid_argument(f"Content-Type: a patch is a JSON Patch; send it as {_PATCH_TYPE}")
    return await read_body(request)


def _type(request: Request) -> str:
    return resource_names.resource_type(request.path_params["type"])


ROUTES = [
    Route(FHIR_PATH + "/{type}", create, methods=["POST"]),
    Route(FHIR_PATH + "/{type}", conditional_update, methods=["PUT"]),
    Route(FHIR_PATH + "/{type}", conditional_patch, methods=["PATCH"]),
    Route(FHIR_PATH + "/{type}", conditional_delete, methods=["DELETE"]),
    Route(FHIR_PATH + "/{type}/{id}", update, methods=["PUT"]),
    Route(FHIR_PATH + "/{type}/{id}", patch, methods=["PATCH"]),
    Route(FHIR_PATH + "/{type}/{id}", delete, methods=["DELETE"]),
]
