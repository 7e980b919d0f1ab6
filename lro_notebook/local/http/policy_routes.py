"""Routes of the IAM policies of datasets and stores, which are kept and not enforced."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.local.core.service_errors import json_response
from lro_notebook.local.datasets import policies, stores
from lro_notebook.local.discovery import masks
from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.violations import error_of
from lro_notebook.local.http.service import api_version, dataset_name, read_json, service_of, store_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.datasets.stores import Store

#: Says on every answer what a policy does here.
_HEADERS = {"Warning": '199 - "the local service keeps IAM policies and enforces none"'}


def routes_of(path: str, collection: str = "") -> Iterator[Route]:
    """Yield the three routes of datasets, or of the stores of a collection."""
    for verb, http_method, endpoint in (
        ("getIamPolicy", "GET", get),
        ("setIamPolicy", "POST", set_policy),
        ("testIamPermissions", "POST", test),
    ):
        yield Route(f"{path}:{verb}", partial(endpoint, collection=collection), methods=[http_method])


async def get(request: Request, collection: str) -> Response:
    """``getIamPolicy``."""
    version = int(request.query_params.get("options.requestedPolicyVersion") or 0)
    with service_of(request).database.read() as connection:
        name, _ = _resource(request, connection, collection)
        return json_response(policies.get(connection, name, version), headers=_HEADERS)


async def set_policy(request: Request, collection: str) -> Response:
    """``setIamPolicy``; the fields that ``updateMask`` does not name stay."""
    body = await read_json(request)
    mask = masks.read(document(api_version(request)), "Policy", body.get("updateMask") or "bindings")
    if mask.violations:
        raise error_of(mask.violations)
    fields = {path[0] for path in mask.paths} - {"etag", "version"}
    return await run_in_threadpool(_set, request, collection, body.get("policy") or {}, fields)


async def test(request: Request, collection: str) -> Response:
    """``testIamPermissions``: whoever has the token has them all."""
    body = await read_json(request)
    with service_of(request).database.read() as connection:
        _resource(request, connection, collection)
    granted = policies.granted(body.get("permissions") or [])
    return json_response({"permissions": granted} if granted else {}, headers=_HEADERS)


def _set(request: Request, collection: str, policy: Mapping[str, Any], fields: set[str]) -> Response:
    with service_of(request).database.write() as connection:
        name, store = _resource(request, connection, collection)
        changed = policies.set_policy(connection, name, policy, fields=sorted(fields), store=store)
    return json_response(changed, headers=_HEADERS)


def _resource(request: Request, connection: sqlite3.Connection, collection: str) -> tuple[str, Store | None]:
    """Return the name of the dataset or store in a request's path, which must exist, and the store."""
    if not collection:
        name = dataset_name(request)
        stores.get_dataset(connection, name)
        return name, None
    store = store_of(request, connection, collection)
    return store.name, store
