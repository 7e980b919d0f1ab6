"""Requests that travel as a POST and are another method, as Google's front end takes them.

Google's Python client does so with a GET of over 2,048 characters: its query is then the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import Request

from lro_notebook.local.http.service import read_body

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

_METHODS = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_FORM = "application/x-www-form-urlencoded"


async def as_meant(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """Return a request as what its ``X-HTTP-Method-Override`` says that it is."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return scope, receive
    headers = Headers(scope=scope)
    method = headers.get("x-http-method-override", "").upper()
    if method not in _METHODS:
        return scope, receive
    meant = {**scope, "method": method}
    if method != "GET" or not headers.get("content-type", "").startswith(_FORM):
        return meant, receive
    query = await read_body(Request(scope, receive))
    return {**meant, "query_string": b"&".join(filter(None, (scope["query_string"], query)))}, _nothing


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
