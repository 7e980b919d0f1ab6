"""Routes of the FHIR interface of a store: single resources and their versions. Search has routes of its own.

References are not checked, and PUT creates missing resources, as in a store with
`disableReferentialIntegrity` and `enableUpdateCreate`.
"""

from __future__ import annotations

import re
import uuid
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import names, nesting, rawjson
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response, not_found
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.imports import read_resource
from lro_notebook.local.http.paging import limit_of, number_after, token_of
from lro_notebook.local.http.service import (
    DATASET_PATH,
    Service,
    api_version,
    read_body,
    service_of,
    store_of,
)
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from starlette.requests import Request

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.fhir.rows import Incoming, Stored

_STORE = f"{DATASET_PATH}/fhirStores/{{store}}"
_FHIR = f"{_STORE}/fhir"
_MEDIA_TYPE = "application/fhir+json; charset=UTF-8"
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"', re.ASCII)
#: Query parameters that Google's clients may add to any call.
_SYSTEM_PARAMETERS = frozenset({"alt", "fields", "key", "prettyPrint", "quotaUser", "$.xgafv"})


class _Address(NamedTuple):
    """The resource that a request is about."""

    store: Store
    type: str
    id: str
    url: str


async def create(request: Request) -> Response:
    """``fhir.create``: the service assigns the id."""
    if "if-none-exist" in request.headers:
        raise ServiceError(Code.UNIMPLEMENTED, "If-None-Exist: the local service has no search for it")
    body = await read_body(request)
    type_ = names.resource_type(request.path_params["type"])
    identifier = str(uuid.uuid4())
    incoming = _incoming(body, type_, identifier)
    return await run_in_threadpool(_put, request, incoming, None)


async def update(request: Request) -> Response:
    """``fhir.update``: a new version, or a new resource."""
    body = await read_body(request)
    type_ = names.resource_type(request.path_params["type"])
    identifier = names.fhir_id(request.path_params["id"])
    return await run_in_threadpool(
        _put, request, _incoming(body, type_, identifier, own_id=True), _expected(request)
    )


def read(request: Request) -> Response:
    """``fhir.read``."""
    service = service_of(request)
    with service.database.read() as connection:
        address = _address(request, connection, request.path_params["id"])
        stored = rows.read(connection, address.store.key, address.type, address.id)
    return _resource_response(_existing(stored, address))


def delete(request: Request) -> Response:
    """``fhir.delete``; deleting a missing resource succeeds too."""
    with service_of(request).database.write() as connection:
        address = _address(request, connection, request.path_params["id"])
        _check_version(connection, address, _expected(request))
        rows.delete(connection, address.store.key, address.type, address.id)
    return Response(status_code=204)


def read_version(request: Request) -> Response:
    """``fhir.vread``."""
    number = names.whole_number(request.path_params["version"])
    with service_of(request).database.read() as connection:
        address = _address(request, connection, request.path_params["id"])
        stored = None
        if number is not None:
            stored = rows.read_version(
                connection, address.store.key, address.type, address.id, min(number, 2**62 - 1)
            )
    if stored is None:
        raise not_found(
            f"{address.type}/{address.id} has no such version; list them with GET {address.url}/_history"
        )
    return _resource_response(_existing(stored, address))


def history(request: Request) -> Response:
    """``fhir.history``: a Bundle of the versions, newest first."""
    limit, before = _count(request), number_after(request, default=2**62, parameter="_page_token")
    with service_of(request).database.read() as connection:
        address = _address(request, connection, request.path_params["id"])
        key = (address.store.key, address.type, address.id)
        if rows.read(connection, *key) is None:
            raise _resource_not_found(address)
        versions = rows.versions(connection, *key, before=min(before, 2**62), limit=limit + 1)
    page = versions[:limit]
    entries = (_history_entry(item, address) for item in page)
    following = page[-1].version if len(versions) > limit and page else None
    return _bundle(request, "history", entries, url=f"{address.url}/_history", following=following)


def _put(request: Request, incoming: Incoming, expected: int | None) -> Response:
    """Store a resource and respond with it: 201 for a new one, 200 for a new version."""
    with service_of(request).database.write() as connection:
        address = _address(request, connection, incoming.id)
        _check_version(connection, address, expected)
        before = rows.read(connection, address.store.key, address.type, address.id)
        rows.put_many(connection, address.store.key, [incoming])
        stored = rows.read(connection, address.store.key, address.type, address.id)
    stored = _existing(stored, address)
    created = before is None or before.body is None
    headers = {"Location": f"{address.url}/_history/{stored.version}"} if created else {}
    return _resource_response(stored, status=201 if created else 200, headers=headers)


def _incoming(body: bytes, type_: str, identifier: str, *, own_id: bool = False) -> Incoming:
    """Return the resource in a request body; with `own_id` the body must have its id."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        document = nesting.loads(text)
    except nesting.Unreadable as error:
        raise invalid_argument(f"the resource cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("resourceType") != type_:
        raise invalid_argument(f"expected a JSON object whose resourceType is {type_}, as in the address")
    if own_id and document.get("id") != identifier:
        raise invalid_argument(f"expected a resource whose id is {identifier}, as in the address")
    read = read_resource(text if own_id else rawjson.with_id(text, identifier), "the request body")
    if isinstance(read, Failure):
        raise invalid_argument(f"the resource cannot be stored: {read.message}")
    return read


def _expected(request: Request) -> int | None:
    """Return the version in ``If-Match``; None without the header, -1 for an impossible version."""
    header = request.headers.get("if-match")
    if header is None:
        return None
    match = _ETAG.fullmatch(header.strip())
    return int(match.group(1)) if match else -1


def _check_version(connection: sqlite3.Connection, address: _Address, expected: int | None) -> None:
    """Raise if a resource is not at the expected version."""
    if expected is None:
        return
    stored = rows.read(connection, address.store.key, address.type, address.id)
    if stored is None or stored.body is None or stored.version != expected:
        raise ServiceError(
            Code.FAILED_PRECONDITION,
            f"{address.type}/{address.id} is not at the version in If-Match; read it again",
            status=412,
        )


def _address(request: Request, connection: sqlite3.Connection, identifier: str) -> _Address:
    type_, identifier = names.resource_type(request.path_params["type"]), names.fhir_id(identifier)
    store = store_of(request, connection, "fhirStores")
    base = _base(service_of(request), api_version(request), store)
    return _Address(store, type_, identifier, f"{base}/{type_}/{identifier}")


def _base(service: Service, version: str, store: Store) -> str:
    return f"{service.endpoint}/{version}/{store.name}/fhir"


def _existing(stored: Stored | None, address: _Address) -> Stored:
    if stored is None:
        raise _resource_not_found(address)
    if stored.body is None:
        raise ServiceError(
            Code.NOT_FOUND,
            f"{address.type}/{address.id} was deleted; its versions are at GET {address.url}/_history",
            status=410,
        )
    return stored


def _resource_not_found(address: _Address) -> ServiceError:
    return not_found(
        f"{address.type}/{address.id} does not exist in {address.store.name}; "
        f"create it with PUT {address.url}, or list the type with GET {address.url.rpartition('/')[0]}"
    )


def _count(request: Request) -> int:
    """Return the page size; raise on parameters that would be ignored."""
    unknown = set(request.query_params) - {"_count", "_page_token"} - _SYSTEM_PARAMETERS
    if unknown:
        raise invalid_argument(
            f"parameter {min(unknown)[:80]!r}: a history supports only _count and _page_token here"
        )
    return 0 if request.query_params.get("_count") == "0" else limit_of(request, "_count")


def _resource_response(
    stored: Stored, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    standard = {
        "ETag": f'W/"{stored.version}"',
        "Last-Modified": formatdate(stored.updated / 1_000_000, usegmt=True),
    }
    return Response(stored.body, status, {**standard, **(headers or {})}, media_type=_MEDIA_TYPE)


def _history_entry(stored: Stored, address: _Address) -> bytes:
    http_method, status = ("DELETE", "204") if stored.body is None else ("PUT", "200")
    entry: dict[str, Any] = {
        "fullUrl": address.url,
        "request": {"method": http_method, "url": f"{address.type}/{address.id}"},
        "response": {"status": status, "etag": f'W/"{stored.version}"'},
    }
    text = orjson.dumps(entry)
    return text if stored.body is None else text[:-1] + b',"resource":' + stored.body + b"}"


def _bundle(
    request: Request,
    type_: str,
    entries: Iterable[bytes],
    *,
    url: str,
    following: object = None,
) -> Response:
    """Return a Bundle whose entries keep the bytes of their rows."""
    query = {key: value for key, value in request.query_params.items() if key == "_count"}
    links = [{"relation": "self", "url": str(request.url)}]
    if following is not None:
        links.append(
            {
                "relation": "next",
                "url": f"{url}?{urlencode({**query, '_page_token': token_of(request, following)})}",
            }
        )
    head: dict[str, Any] = {"resourceType": "Bundle", "type": type_, "link": links}
    joined = b",".join(entries)
    body = orjson.dumps(head)[:-1] + (b',"entry":[' + joined + b"]}" if joined else b"}")
    return Response(body, media_type=_MEDIA_TYPE)


def metrics(request: Request) -> Response:
    """``getFHIRStoreMetrics``: number and bytes of the resources of each type."""
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        sizes = rows.sizes(connection, store.key)
    shown = [
        {
            "resourceType": size.type,
            "count": str(size.number),
            "structuredStorageSizeBytes": str(size.current),
            "versionedStorageSizeBytes": str(size.earlier),
        }
        for size in sizes
    ]
    return json_response({"name": store.name, "metrics": shown})


ROUTES = [
    Route(f"{_STORE}:getFHIRStoreMetrics", metrics, methods=["GET"]),
    Route(_FHIR + "/{type}", create, methods=["POST"]),
    Route(_FHIR + "/{type}/{id}", read, methods=["GET"]),
    Route(_FHIR + "/{type}/{id}", update, methods=["PUT"]),
    Route(_FHIR + "/{type}/{id}", delete, methods=["DELETE"]),
    Route(_FHIR + "/{type}/{id}/_history", history, methods=["GET"]),
    Route(_FHIR + "/{type}/{id}/_history/{version}", read_version, methods=["GET"]),
]
