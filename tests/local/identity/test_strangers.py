"""What answers where the files of a data directory say that the service is, is not always the service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, saying, whole

from lro_notebook.local import launch
from lro_notebook.local.identity.proof import Identity

if TYPE_CHECKING:
    import socket

ABOUT = {"service": "lro-notebook-local", "dataDir": "/x", "buckets": "/x/b", "dataset": "d", "pid": 1}


@pytest.mark.parametrize(
    "answer",
    [
        saying({**ABOUT, "dataDir": 5}),
        saying({"service": "lro-notebook-local"}),
        saying({**ABOUT, "proof": "x"}),
        saying([1]),
        whole(b"[" * 60_000),
        whole(b"x" * 1_000_000),
        b"SSH-2.0-x\r\n",
    ],
)
def test_a_stranger_is_not_taken_for_the_service(answer: bytes) -> None:
    with Hostile(lambda connection, _: connection.sendall(answer)) as server:
        assert launch._ask(Identity.new(server.endpoint)) is None


def test_a_stranger_that_drips_holds_up_nobody() -> None:
    def drips(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        server.drip(connection, b" ")

    with Hostile(drips) as server:
        began = time.monotonic()
        assert launch._ask(Identity.new(server.endpoint), timeout=0.3) is None
        assert time.monotonic() - began < 30.0
