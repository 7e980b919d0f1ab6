"""A transport that is closed leaves no connection behind, whatever other threads are doing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest
from hostile import Hostile, saying
from patience import GIVE_UP

from lro_notebook.http.response_limits import BoundedTransport, carrier
from lro_notebook.local.identity import transport as proven
from lro_notebook.local.identity.proof import Identity

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


class Opening:
    """Holds connections between their opening and their use."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.sockets: list[socket.socket] = []

    def hold(self, stream: httpcore.NetworkStream) -> None:
        self.sockets.append(stream.get_extra_info("socket"))
        self.begun.set()
        assert self.go_on.wait(GIVE_UP)


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Opening:
    held = Opening()
    connect = httpcore.SyncBackend.connect_tcp

    def slow(self: httpcore.SyncBackend, *args: Any, **how: Any) -> httpcore.NetworkStream:
        stream = connect(self, *args, **how)
        held.hold(stream)
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", slow)
    return held


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile(lambda connection, _: connection.sendall(saying({}))) as hostile:
        yield hostile


def to_google(server: Hostile) -> BoundedTransport:
    return BoundedTransport(carrier(httpx.URL(server.endpoint), None), seconds=9.0, most=1000)


def to_the_local_service(server: Hostile) -> BoundedTransport:
    identity = Identity.new(server.endpoint)
    return BoundedTransport(proven.ProvenTransport(identity), seconds=9.0, most=1000)


@pytest.mark.parametrize("make", [to_google, to_the_local_service])
def test_a_connection_that_was_just_opened_is_closed_with_the_transport(
    make: Callable[[Hostile], BoundedTransport],
    server: Hostile,
    opening: Opening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proven, "prove", lambda *_: None)
    transport = make(server)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(transport.handle_request, httpx.Request("GET", server.endpoint))
        assert opening.begun.wait(GIVE_UP)
        transport.close()
        opening.go_on.set()
        with pytest.raises(httpx.ConnectError, match="closed meanwhile"):
            asked.result()
    assert [each.fileno() for each in opening.sockets] == [-1]
