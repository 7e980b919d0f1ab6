"""Middleware that holds every request against the discovery document of its API version.

It knows the method of a request, refuses what Google's front end refuses before any route sees it, and cuts
the response to what ``fields`` selects. What FHIR and DICOMweb take is not proto JSON and passes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.requests import Request

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, error_response, not_found
from lro_notebook.local.discovery import masks, parameters, partial_response, query_fields, request_bodies
from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.method_lookup import method_at
from lro_notebook.local.discovery.served import NOT_SERVED
from lro_notebook.local.discovery.violations import Violation, error_of, missing
from lro_notebook.local.http.method_override import as_meant
from lro_notebook.local.http.service import CHECKED_BODY, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lro_notebook.local.discovery.document import Document, Method
    from lro_notebook.local.discovery.masks import Path
    from lro_notebook.local.discovery.partial_response import Selection

_OK = 200


class CheckedRequests:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with an error, or pass the request on in its one form."""
        scope, receive = await as_meant(scope, receive)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = method_at(scope["method"], scope["path"])
        try:
            if method is None or not method.is_proto:
                _check_version(scope["method"], scope["path"])
            selection = None if method is None else await _check(method, scope, receive)
        except ServiceError as service_error:
            await error_response(service_error, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send if selection is None else _Cut(send, selection))


def _check_version(http_method: str, path: str) -> None:
    """Refuse a method that v1 does not have, though its address may look like one of FHIR in v1."""
    if not path.startswith("/v1/"):
        return
    method = method_at(http_method, f"/v1beta1/{path[4:]}")
    if method is not None and method.id not in document("v1").methods:
        raise not_found(f"{method.id.removeprefix('locations.')} is a method of v1beta1; v1 has none")


async def _check(method: Method, scope: Scope, receive: Receive) -> Selection | None:
    """Check a request, put it into its one form, and return what ``fields`` selects of the response."""
    if method.id in NOT_SERVED:
        name = method.id.removeprefix("locations.")
        raise ServiceError(Code.UNIMPLEMENTED, f"{name}: {NOT_SERVED[method.id]}")
    has_query = scope["query_string"] != b""
    if not method.is_proto and not has_query:
        return None
    described = document(scope["path"].split("/", 2)[1])
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if not method.is_proto:
        if unknown := parameters.unknown_in_fhir(described, method, query):
            raise error_of(unknown)
        return None
    found = parameters.read(described, method, query) if query or method.http_method == "PATCH" else None
    violations = list(found.violations) if found else []
    if method.request:
        body = await read_json(Request(scope, receive))
        violations += query_fields.join(body, found.bound) if found else []
        violations += _check_body(described, method, body, found.mask if found else None, scope)
    if violations:
        raise error_of(violations)
    if found is None:
        return None
    scope["query_string"] = urlencode(found.pairs).encode()
    return _selection(described, method, found.system)


def _check_body(
    described: Document, method: Method, body: dict[str, Any], mask: Sequence[Path] | None, scope: Scope
) -> list[Violation]:
    """Return what is wrong with a body; put its one form into the scope."""
    read = request_bodies.read(described, method.request, body)
    scope[CHECKED_BODY] = read.message
    absent = read.missing
    if method.http_method == "PATCH":
        absent = masks.within(absent, mask or (), request_bodies.root_of(method.request))
    return read.violations or [missing(path) for path in absent]


def _selection(described: Document, method: Method, system: Mapping[str, str]) -> Selection | None:
    """Return what ``fields`` selects; raise on parameters that the service cannot honour."""
    if "callback" in system or system.get("alt") == "proto":
        raise ServiceError(
            Code.UNIMPLEMENTED, "the local service responds with JSON alone; leave out callback and alt=proto"
        )
    text = system.get("fields")
    if not text:
        return None
    try:
        return partial_response.checked(partial_response.parse(text), described, method.response)
    except partial_response.SelectionError as error:
        service_error = error_of([Violation("fields", str(error))])
        raise service_error from error


class _Cut:
    """Sends the selected part of a JSON response; errors are sent whole."""

    def __init__(self, send: Send, selection: Selection) -> None:
        self._send = send
        self._selection = selection
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == _OK:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_cut(self._start, message)

    async def _send_cut(self, start: Message, last: Message) -> None:
        body = orjson.dumps(partial_response.select(orjson.loads(self._body), self._selection))
        length = (b"content-length", str(len(body)).encode())
        headers = [item for item in start["headers"] if item[0].lower() != length[0]]
        await self._send({**start, "headers": [*headers, length]})
        await self._send({**last, "body": body})
