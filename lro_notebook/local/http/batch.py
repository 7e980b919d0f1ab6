"""Batches: requests in the parts of a body, sent to the service one by one."""

from __future__ import annotations

import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.http import multipart
from lro_notebook.local.http.service import read_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Message

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
#: Headers that are the batch's own: a part may not name another machine or page, or how it is sent.
_OF_THE_BATCH = ("host", "origin", "connection", "content-length", "transfer-encoding")


class Call(NamedTuple):
    """A request in a part of a batch; the names of its headers are in lower case."""

    identifier: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def route(path: str, *below: str, calls_max: int) -> Route:
    """Return the route of batches of at most `calls_max` requests, each below one of some paths."""

    async def batch(request: Request) -> Response:
        """Send the requests of a batch, each on its own; their responses come in the same order."""
        calls = await _calls(request, below)
        if len(calls) > calls_max:
            message = f"the batch has more than {calls_max:,} requests; send several batches"
            raise invalid_argument(message)
        boundary = f"batch_{secrets.token_hex(12)}"
        content = b"".join([await _answered(request, call, boundary) for call in calls])
        return Response(
            content + f"--{boundary}--\r\n".encode(),
            headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
        )

    return Route(path, batch, methods=["POST"])


async def _calls(request: Request, below: tuple[str, ...]) -> list[Call]:
    _, parameters = multipart.parameters_of(request.headers.get("content-type", ""))
    body = await read_body(request)
    try:
        return [
            _call(part.headers, body[part.start : part.stop], below)
            for part in multipart.parts(body, parameters.get("boundary", ""))
        ]
    except (multipart.MultipartError, ValueError) as error:
        raise invalid_argument(f"the batch cannot be read: {error}") from error


def _call(part: Mapping[str, str], content: bytes, below: tuple[str, ...]) -> Call:
    """Return the request in a part."""
    head, *rest = _EMPTY_LINE.split(content.lstrip(b"\r\n"), maxsplit=1)
    first, *lines = head.decode("latin-1").strip().splitlines()
    words = first.split(" ")
    starts = tuple(f"{path}/" for path in below)
    if len(words) != 3 or words[0] not in _METHODS or not urlsplit(words[1]).path.startswith(starts):  # noqa: PLR2004
        raise ValueError(f"a part is no request below {' or '.join(below)}")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, mark, value in pairs if mark}
    body = rest[0].rstrip(b"\r\n") if rest else b""
    return Call(part.get("content-id", ""), words[0], words[1], headers, body)


async def _answered(request: Request, call: Call, boundary: str) -> bytes:
    """Return the part of the response to one request."""
    url = urlsplit(call.target)
    # What the batch says holds for each of its requests, unless that says something else.
    kept = ("authorization", *_OF_THE_BATCH)
    outer = {name: request.headers[name] for name in kept if name in request.headers}
    own = {name: value for name, value in call.headers.items() if name not in _OF_THE_BATCH}
    headers = {
        "content-type": "application/json",
        **outer,
        **own,
        "content-length": str(len(call.body)),
    }
    scope = {
        **{key: request.scope[key] for key in ("type", "asgi", "http_version", "scheme", "client", "server")},
        "method": call.method,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "root_path": "",
        "query_string": url.query.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "state": {},
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await request.app(scope, receive, send)
    status = HTTPStatus(sent[0]["status"])
    body = b"".join(message.get("body", b"") for message in sent[1:])
    answered = {name: value for name, value in sent[0]["headers"] if name != b"content-length"}
    lines = (
        f"--{boundary}",
        "Content-Type: application/http",
        f"Content-ID: <response-{call.identifier.strip('<>')}>",
        "",
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in answered.items()),
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body + b"\r\n"
