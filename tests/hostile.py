"""Servers on loopback that answer with what no server should; each connection is one call of a function."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    Answers = Callable[[socket.socket, bytes], bool | None]  # gets the request; true: the connection goes on

DRIP = 0.02  # seconds between two bytes that drip


class Hostile:
    """A server on a port of loopback; a context manager.

    Attributes
    ----------
    requests : list of bytes
        What was asked, headers and all.
    over : threading.Event
        Set at the end, so that answers that wait or never end come to one.
    """

    def __init__(self, answer: Answers) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while not self.over.is_set():
                request = _request(connection)
                if not request:
                    return
                self.requests.append(request)
                if not self.answer(connection, request):
                    return

    def drip(self, connection: socket.socket, data: bytes) -> None:
        """Send `data` again and again, one byte at a time, to the end of the test."""
        while not self.over.is_set():
            for number in range(len(data)):
                connection.sendall(data[number : number + 1])
                if self.over.wait(DRIP):
                    return


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def saying(data: Any) -> bytes:
    """Return an HTTP answer of JSON."""
    return whole(json.dumps(data).encode(), "Content-Type: application/json")


def bomb(megabytes: int) -> bytes:
    """Return an HTTP answer of gzip that becomes so many MB."""
    zipped = gzip.compress(b'{"name":"' + bytes(1 << 20).replace(b"\0", b"x"), 9)
    member = gzip.compress(b"x" * (1 << 20), 9)
    return whole(zipped + member * (megabytes - 1), "Content-Encoding: gzip")
