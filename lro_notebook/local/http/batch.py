"""Batches: requests in the parts of a body, sent to the service one by one."""

from __future__ import annotations

import logging
import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, error_response, invalid_argument
from lro_notebook.local.http import multipart
from lro_notebook.local.http.service import read_body, received

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Message

logger = logging.getLogger(__name__)

_FIRST_LINE = re.compile(
    r"(?P<method>GET|POST|PUT|PATCH|DELETE) (?:https?://(?P<host>[^/?#\s]*))?(?P<path>/[^\x00-\x20\x7f]*) \S+"
)
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(r"\r?\n")
#: What no header of a response may have in its value.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
#: Most bytes in the bodies of all responses to a batch: they are in memory until the last is there.
ANSWERS_MAX = 256 << 20
#: Headers that hold for each request as the batch says: a part may not name another machine or page.
_OF_THE_BATCH = ("host", "origin")
#: What a part may not say either, since it is not sent by itself.
_OF_SENDING = ("connection", "content-length", "transfer-encoding")


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
        content: list[bytes] = []
        room = ANSWERS_MAX
        for call in calls:
            answer = await _answered(request, call, room)
            room -= answer.size
            content += (_head(call, answer, boundary), *answer.body, b"\r\n")
        return Response(
            b"".join((*content, f"--{boundary}--\r\n".encode())),
            headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
        )

    return Route(path, batch, methods=["POST"])


async def _calls(request: Request, below: tuple[str, ...]) -> list[Call]:
    _, parameters = multipart.parameters_of(request.headers.get("content-type", ""))
    body, host = await read_body(request), request.headers.get("host", "")
    try:
        return [
            call_of(part.headers, body[part.start : part.stop], below, host)
            for part in multipart.parts(body, parameters.get("boundary", ""))
        ]
    except (multipart.MultipartError, ValueError) as error:
        raise invalid_argument(f"the batch cannot be read: {error}") from error


def call_of(part: Mapping[str, str], content: bytes, below: tuple[str, ...], host: str) -> Call:
    """Return the request in a part, which is one to this `host`, below one of some paths."""
    head, *rest = _EMPTY_LINE.split(content.lstrip(b"\r\n"), maxsplit=1)
    first, *lines = _LINE_END.split(head.decode("latin-1").strip())
    match = _FIRST_LINE.fullmatch(first)
    if match is None or not match["path"].startswith(tuple(f"{path}/" for path in below)):
        raise ValueError(f"a part is no request below {' or '.join(below)}")
    if match["host"] is not None and match["host"].lower() != host.lower():
        raise ValueError("a part is a request to another host; leave the host out of its address")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, mark, value in pairs if mark}
    body = _body(rest[0] if rest else b"", headers.get("content-length", ""))
    return Call(part.get("content-id", ""), match["method"], match["path"], headers, body)


def _body(content: bytes, length: str) -> bytes:
    """Return a body without the empty lines that clients put after it.

    `length` tells of those that are its own. It is no more than that, since some clients count characters.
    """
    stripped = content.rstrip(b"\r\n")
    size = int(length) if length.isdecimal() and len(length) < 10 else 0  # noqa: PLR2004 - digits of a size
    return content[:size] if len(stripped) < size <= len(content) else stripped


class Answer:
    """What the service sends in response to a request of a batch.

    Parameters
    ----------
    room : int
        Bytes that its body may have; of a larger one an error is kept instead.
    """

    def __init__(self, room: int) -> None:
        self.status = HTTPStatus.INTERNAL_SERVER_ERROR
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.size = 0
        self.is_begun = self.is_too_large = False
        self._room = room

    async def __call__(self, message: Message) -> None:
        """Take a part of it."""
        if message["type"] == "http.response.start":
            self.is_begun = True
            self.status, self.headers = HTTPStatus(message["status"]), list(message["headers"])
        elif not self.is_too_large:
            self.body.append(message.get("body", b""))
            self.size += len(self.body[-1])
            if self.size > self._room:
                self.is_too_large, self.body, self.size = True, [], 0


async def _answered(request: Request, call: Call, room: int) -> Answer:
    """Return the response to one request."""
    scope, answer = _scope(request, call), Answer(room)
    try:
        await request.app(scope, received(call.body, request.receive), answer)
    except Exception:
        # The application has responded with an error; the other requests are done or to be done.
        if not answer.is_begun:
            raise
        logger.exception("%s %s in a batch", call.method, scope["path"])
    if answer.is_too_large:
        message = "the responses to the batch are too large together; send this request alone"
        whole = ServiceError(Code.RESOURCE_EXHAUSTED, message, status=413)
        answer = Answer(len(message) + room)
        await error_response(whole, scope["path"])(scope, request.receive, answer)
    return answer


def _scope(request: Request, call: Call) -> dict[str, Any]:
    url = urlsplit(call.target)
    outer = {name: request.headers[name] for name in _OF_THE_BATCH if name in request.headers}
    refused = (*_OF_THE_BATCH, *_OF_SENDING)
    own = {name: value for name, value in call.headers.items() if name not in refused}
    headers = {"content-type": "application/json", **outer, **own, "content-length": str(len(call.body))}
    if "authorization" in request.headers:
        headers.setdefault("authorization", request.headers["authorization"])
    raw_path = url.path.encode("latin-1")
    return {
        **{key: request.scope[key] for key in ("type", "asgi", "http_version", "scheme", "client", "server")},
        "method": call.method,
        "path": unquote_to_bytes(raw_path).decode(errors="replace"),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": url.query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "state": {},
    }


def _head(call: Call, answer: Answer, boundary: str) -> bytes:
    """Return what comes before the body of a response."""
    answered = {name: value for name, value in answer.headers if name != b"content-length"}
    lines = (
        f"--{boundary}",
        "Content-Type: application/http",
        f"Content-ID: <response-{_CONTROLS.sub('', call.identifier).strip('<>')}>",
        "",
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        *(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in answered.items()),
        f"Content-Length: {answer.size}",
    )
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
