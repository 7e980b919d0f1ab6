"""Requests that are written otherwise than they are meant, as Google's front end takes them.

A POST may be another method: Google's Python client does so with a GET of over 2,048 characters, and its
query is then the body. An address of DICOMweb may end with a slash, as in Google's samples for Go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.requests import Request

from lro_notebook.local.http.service import read_body, received

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_METHODS = frozenset({"GET", "PUT", "PATCH", "DELETE"})
#: Parameters of every method of Google's that may bring the token instead of a header.
_TOKENS = (b"access_token", b"oauth_token")
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
    query, _ = without_tokens(b"&".join(filter(None, (scope["query_string"], query))))
    return {**meant, "query_string": query}, received(b"", receive)


def without_tokens(query: bytes) -> tuple[bytes, list[bytes]]:
    """Return a query without the tokens in it, so that no search, link or log has them, and these."""
    parts = [part.partition(b"=") for part in query.split(b"&")]
    are_tokens = [unquote_to_bytes(name).removeprefix(b"$") in _TOKENS for name, _, _ in parts]
    kept = [b"".join(part) for part, is_token in zip(parts, are_tokens, strict=True) if not is_token]
    given = [
        unquote_to_bytes(text) for (_, _, text), is_token in zip(parts, are_tokens, strict=True) if is_token
    ]
    return b"&".join(kept), given
