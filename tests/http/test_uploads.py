"""A large body may take its time while the service reads on; one that it hardly reads may not."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from hostile import saying

from lro_notebook.http.responses import ResponseLost
from lro_notebook.http.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 0.5  # seconds: a request may take one in all, were it not for its bytes
SMALL = 1 << 16  # bytes that the system keeps for a socket, so that it notices who does not read
SOON = 30.0


@contextmanager
def reading(piece: int, pause: float) -> Iterator[str]:
    """Serve on loopback; read `piece` bytes of a request at a time, and answer at its end."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            seen = connection.recv(SMALL)
            head, _, body = seen.partition(b"\r\n\r\n")
            length = next(
                int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
            )
            left = length - len(body)
            while left > 0 and not over.wait(pause):
                data = connection.recv(piece)
                if not data:
                    return
                left -= len(data)
            connection.sendall(saying({"name": "operations/1"}))

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join(SOON)


def session(endpoint: str) -> Session:
    options = [(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)]
    return Session(endpoint, timeout=TIMEOUT, transport=httpx.HTTPTransport(socket_options=options))


def test_a_body_that_the_service_reads_steadily_arrives_however_long_it_takes() -> None:
    with reading(SMALL, 0.03) as endpoint, closing(session(endpoint)) as asking:
        began = time.monotonic()
        answer = asking.call("POST", "x:import", role="start", json={"data": "x" * 4_000_000})
        assert answer == {"name": "operations/1"}
        assert time.monotonic() - began > 2 * TIMEOUT


def test_a_body_that_the_service_hardly_reads_is_given_up() -> None:
    with reading(256, 0.02) as endpoint, closing(session(endpoint)) as asking:
        began = time.monotonic()
        with pytest.raises(ResponseLost):
            asking.call("POST", "x:import", role="start", json={"data": "x" * 4_000_000})
        assert time.monotonic() - began < SOON
