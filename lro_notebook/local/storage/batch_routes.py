"""The route of batches: requests in the parts of a body, sent to the service one by one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.http import multipart
from lro_notebook.local.http.service import read_body
from lro_notebook.local.storage.stored import API

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Message

#: As many as Cloud Storage takes; more are refused there too.
_CALLS_MAX = 100
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Call(NamedTuple):
    """A request in a part of a batch."""

    identifier: str
    method: str
    target: str
    kind: str
    body: bytes


async def batch(request: Request) -> Response:
    """Send the requests of a batch, each on its own; their responses come in the same order."""
    _, parameters = multipart.parameters_of(request.headers.get("content-type", ""))
    body = await read_body(request)
    try:
        calls = [
            _call(part.headers, body[part.start : part.stop])
            for part in multipart.parts(body, parameters.get("boundary", ""))
        ]
    except (multipart.MultipartError, ValueError) as error:
        raise invalid_argument(f"the batch cannot be read: {error}") from error
    if len(calls) > _CALLS_MAX:
        raise invalid_argument(f"the batch has more than {_CALLS_MAX} requests; send several batches")
    boundary = f"batch_{secrets.token_hex(12)}"
    content = b"".join([await _answered(request, call, boundary) for call in calls])
    return Response(
        content + f"--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
    )


def _call(headers: Any, content: bytes) -> Call:
    """Return the request in a part."""
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("latin-1").strip().split("\n")
    words = first.split(" ")
    if len(words) != 3 or words[0] not in _METHODS or not urlsplit(words[1]).path.startswith(f"{API}/"):  # noqa: PLR2004
        raise ValueError(f"a part is no request below {API}")
    given = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    kind = given.get("content-type", "application/json").strip()
    return Call(headers.get("content-id", ""), words[0], words[1], kind, body.rstrip(b"\n"))


async def _answered(request: Request, call: Call, boundary: str) -> bytes:
    """Return the part of the response to one request."""
    url, kept = urlsplit(call.target), ("host", "authorization", "origin")
    scope = {
        **{key: request.scope[key] for key in ("type", "asgi", "http_version", "scheme", "client", "server")},
        "method": call.method,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "root_path": "",
        "query_string": url.query.encode(),
        "headers": [
            *((name, value) for name, value in request.headers.raw if name.decode().lower() in kept),
            (b"content-type", call.kind.encode("latin-1", "replace")),
            (b"content-length", str(len(call.body)).encode()),
        ],
        "state": {},
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await request.app(scope, receive, send)
    status, body = sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
    kind = dict(sent[0]["headers"]).get(b"content-type", b"application/json").decode("latin-1")
    identifier = f"<response-{call.identifier.strip('<>')}>"
    return (
        (
            f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {identifier}\r\n\r\n"
            f"HTTP/1.1 {status} {'OK' if status < 400 else 'Error'}\r\n"  # noqa: PLR2004 - errors
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        + b"\r\n"
    )


ROUTES = [Route(f"/batch{API}", batch, methods=["POST"])]
