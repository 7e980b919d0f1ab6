"""The OpenAPI 3.1 description of this service, made from its routes.

It lists the paths, not the schemas of bodies; those are in Google's discovery document.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.routing import Mount, Route

from lro_notebook.local import registry
from lro_notebook.local.core.service_errors import json_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

PATH = "/openapi.json"
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_JSON = "application/json"
#: HTTP method and end of a path -> the query parameters, with their types.
_QUERIES: Sequence[tuple[str, str, Sequence[tuple[str, str]]]] = (
    ("get", "/datasets", (("pageSize", "integer"), ("pageToken", "string"))),
    ("post", "/datasets", (("datasetId", "string"),)),
    ("get", "Stores", (("pageSize", "integer"), ("pageToken", "string"), ("filter", "string"))),
    ("get", "/operations", (("pageSize", "integer"), ("pageToken", "string"), ("filter", "string"))),
    ("get", ":failures", (("pageSize", "integer"), ("pageToken", "string"))),
    ("get", "/fhir/{type}", (("_count", "integer"), ("_page_token", "string"))),
    ("get", "/_history", (("_count", "integer"), ("_page_token", "string"))),
    ("get", "$export", (("_type", "string"), ("_since", "string"), ("organizeOutputBy", "string"))),
    ("get", "/o", (("prefix", "string"), ("delimiter", "string"), ("maxResults", "integer"))),
    ("patch", "{store}", (("updateMask", "string"),)),
)


def describe(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI description of `routes`."""
    paths: dict[str, dict[str, Any]] = {}
    for path, route in _flat(routes, ""):
        for http_method in sorted((route.methods or set()) - {"HEAD"}):
            key = http_method.lower()
            paths.setdefault(path, {})[key] = _operation(path, route, key)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The local service of lro_notebook", "version": "1"},
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "paths": paths,
    }


def serve(request: Request) -> Response:
    """Return this description."""
    return json_response(describe(request.app.routes))


def _flat(routes: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[str, Route]]:
    """Yield every route with its full path, once for each custom verb."""
    for route in routes:
        if isinstance(route, Mount):
            yield from _flat(route.routes, prefix + route.path)
        elif isinstance(route, Route) and route.include_in_schema:
            path = prefix + _PARAMETER.sub(r"{\1}", route.path)
            for verb in _verbs(path) if "{verb}" in path else ("",):
                yield path.replace("{verb}", verb), route


def _verbs(path: str) -> Sequence[str]:
    by_collection: Mapping[str, Sequence[str]] = {
        kind.collection: list(kind.methods) for kind in registry.STORE_KINDS
    }
    collection = path.rpartition("/")[0].rpartition("/")[2]
    return by_collection.get(collection, list(registry.DATASET_METHODS))


def _operation(path: str, route: Route, http_method: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(path)
    ]
    for each, end, queries in _QUERIES:
        if each == http_method and path.endswith(end):
            parameters += [
                {"name": name, "in": "query", "required": False, "schema": {"type": type_}}
                for name, type_ in queries
            ]
    documentation = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    operation: dict[str, Any] = {
        "summary": documentation,
        "parameters": parameters,
        "responses": {"default": {"description": "The response, or a google.rpc error or OperationOutcome"}},
    }
    if http_method in ("post", "put", "patch"):
        operation["requestBody"] = {"content": {_JSON: {"schema": {"type": "object"}}}}
    return operation


ROUTES = [Route(PATH, serve, methods=["GET"])]
