"""Requests that are written otherwise than they are meant, as Google's front end takes them.

A POST may be another method: Google's Python client does so with a GET of over 2,048 characters, and its
query is then the body. An address of DICOMweb may end with a slash, as in Google's samples for Go.
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
    """Return a request as what its ``X-HTTP-Method-Override`` says that it is, without a slash at the end."""
    if scope["type"] != "http":
        return scope, receive
    if scope["path"].endswith("/") and "/dicomWeb/" in scope["path"]:
        scope = {**scope, "path": scope["path"].rstrip("/")}
    if scope["method"] != "POST":
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
