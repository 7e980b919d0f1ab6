"""A service of long-running operations on a real loopback socket that misbehaves as it is told.

It speaks HTTP/1.1 by hand, since no HTTP library lets a server break the protocol.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import socketserver
import struct
import threading
import time
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

PARENT = "projects/p/locations/l/datasets/d"
STALL = 1.0  # seconds; longer than the tests' clients wait
STATUSES = (408, 429, 500, 502, 503, 504)
#: What may happen to a request that asks how an operation is, and what passes by itself.
PASSING = (
    *map(str, STATUSES),
    "429 with Retry-After",
    "503 with Retry-After",
    "reset before the answer",
    "reset after the headers",
    "stall",
    "truncated",
    "no JSON",
    "JSON, but no object",
    "no operation",
)


BACK = {"done": False, "metadata": {"counter": {"pending": "1000"}}}  # what "goes back" tells


class Operation:
    """An operation that ends so many seconds after its start, in a given way."""

    def __init__(self, name: str, seconds: float, outcome: dict[str, Any]) -> None:
        self.name, self.seconds, self.outcome = name, seconds, outcome
        self.began = time.monotonic()

    def resource(self) -> dict[str, Any]:
        share = min(1.0, (time.monotonic() - self.began) / self.seconds)
        done = int(share * 1000)
        metadata = {
            "createTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "counter": {"success": str(done), "pending": str(1000 - done)},
        }
        ended = {"done": True, **self.outcome} if share == 1.0 else {}
        return {"name": self.name, "metadata": metadata, **ended}


class Misbehaving:
    """The service; a context manager.

    Attributes
    ----------
    faults : list of str
        What happens to the next requests that read, one each; then all goes well.
    start_faults : list of str
        What happens to the next requests that start: one of `PASSING`, or ``"lost: " + one``, after which
        the operation runs although the answer was lost.
    always : str
        What happens to all that read, once `faults` is empty.
    seconds, outcome
        How the operations that are started next will go.
    """

    def __init__(self, port: int = 0) -> None:
        self.faults: list[str] = []
        self.start_faults: list[str] = []
        self.always = ""
        self.seconds = 0.3
        self.outcome: dict[str, Any] = {"response": {"ok": True}}
        self.operations: dict[str, Operation] = {}
        self.requests: Counter[str] = Counter()
        self.authorizations: list[str | None] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self.port: int = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):  # it is over already
                connection.shutdown(socket.SHUT_RDWR)

    def begin(self) -> Operation:
        operation = Operation(f"{PARENT}/operations/{next(self._numbers)}", self.seconds, self.outcome)
        self.operations[operation.name] = operation
        return operation

    def answer(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        """Return what happens to a request, and the JSON of the answer when all goes well."""
        with self._lock:
            path = path.partition("?")[0].removeprefix("/v1/")
            if method == "POST" and not path.endswith(":cancel"):
                self.requests["start"] += 1
                fault = self.start_faults.pop(0) if self.start_faults else ""
                refused = fault and not fault.startswith("lost: ")
                started = {} if refused else self.begin().resource()
                return fault.removeprefix("lost: "), started
            self.requests[method] += 1
            fault = self.faults.pop(0) if self.faults else self.always
            if path == f"{PARENT}/operations":
                return fault, {"operations": [each.resource() for each in self.operations.copy().values()]}
            known = self.operations.get(path.removesuffix(":cancel"))
            return (fault, known.resource()) if known else ("404", {})


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self.connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)


def _handler(service: Misbehaving) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (request := _request(self.rfile)) is not None:
                method, path, authorization = request
                service.authorizations.append(authorization)
                if not self.respond(*service.answer(method, path)):
                    return

        def respond(self, fault: str, answer: dict[str, Any]) -> bool:
            """Answer; False where the connection is over."""
            if fault == "reset before the answer":
                return self.reset()
            if fault == "reset after the headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
                return self.reset()
            if fault == "stall":
                time.sleep(STALL)
                return False
            status, body, headers = _spoilt(fault, answer)
            length = len(body) + (50 if fault == "truncated" else 0)
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {length}", *headers, "", ""]
            self.wfile.write("\r\n".join(lines).encode() + body)
            return fault != "truncated"

        def reset(self) -> bool:
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return False

    return Handler


def _request(lines: Iterable[bytes]) -> tuple[str, str, str | None] | None:
    """Read one request; return method, path and Authorization, None at the end of the connection."""
    first, headers = b"", dict[str, str]()
    try:
        for line in lines:
            if not line.strip():
                break
            if not first:
                first = line
            else:
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
        lines.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]  # a binary file
    except OSError:  # the client has left
        return None
    if not first:
        return None
    method, path, _ = first.decode().split(" ", 2)
    return method, path, headers.get("authorization")


def _spoilt(fault: str, answer: dict[str, Any]) -> tuple[int, bytes, list[str]]:
    """Return status, body and further headers of an answer."""
    whole = json.dumps(answer).encode()
    bodies = {
        "": whole,
        "truncated": whole,
        "no JSON": b"<html>a proxy</html>",
        "JSON, but no object": b"[1]",
        "no operation": b'{"kind": "something else"}',
        "goes back": json.dumps(
            {**answer, "done": False, "metadata": {"counter": {"pending": "9"}}}
        ).encode(),
    }
    if fault in bodies:
        return 200, bodies[fault], []
    if fault == "redirect":
        return 302, b"", ["Location: http://localhost:1/elsewhere"]
    status, _, after = fault.partition(" with ")
    error = {"error": {"code": int(status), "message": "told to fail", "status": ""}}
    return int(status), json.dumps(error).encode(), ["Retry-After: 1"] if after else []
