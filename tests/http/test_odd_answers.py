"""One odd value in an answer, and one answer too many, cost no other operation anything."""

from __future__ import annotations

import json
import socket
import threading

import httpx
import pytest
from fakes import Scripted, failed
from hostile import Hostile, saying

import lro_notebook as lro
from lro_notebook.http import lenient_json
from lro_notebook.http.session import Session

PARENT = "projects/p/locations/l/datasets/d"


def listing(odd: bytes) -> bytes:
    """Return a list of two operations, the first with something odd in its metadata."""
    names = [f'{{"name":"{PARENT}/operations/{n}","metadata":{{"odd":%s}}}}'.encode() for n in (1, 2)]
    return b'{"operations":[' + names[0] % odd + b"," + names[1] % b"1" + b"]}"


@pytest.mark.parametrize(
    ("odd", "read"),
    [
        (rb'"\ud800"', "\ufffd"),
        (rb'"a\udc00b \ud83d\ude00"', "a\ufffdb \U0001f600"),
        (rb'"\\ud800"', r"\ud800"),
        ('"\ud800"'.encode("utf-8", "surrogatepass"), "\ufffd" * 3),
        (b'"\xff"', "\ufffd"),
        (b'"a\nb"', "a\nb"),
        (b"NaN", None),
        (b'["NaN",-Infinity]', ["NaN", None]),
        (b"1e999", None),
        (b"-1e999", None),
        (b"7" * 5000, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_an_odd_value_costs_no_list(odd: bytes, read: object) -> None:
    transport = Scripted(httpx.Response(200, content=listing(odd)))
    with lro.Client("http://127.0.0.1:1", transport=transport) as client:
        found = list(client.list(PARENT))
        assert [each.id for each in found] == ["1", "2"]
        assert found[0].resource.metadata == {"odd": read}
        assert found[1].resource.metadata == {"odd": 1}


def test_a_byte_order_mark_is_skipped_in_answers_and_in_errors() -> None:
    mark = b"\xef\xbb\xbf"
    transport = Scripted(
        httpx.Response(200, content=mark + b'{"name":"operations/1"}'),
        httpx.Response(404, content=mark + failed(404, "gone", "NOT_FOUND").content),
    )
    with lro.Client("http://127.0.0.1:1", transport=transport) as client:
        assert client.start("POST", "projects/p:x", {}).id == "1"
        with pytest.raises(lro.ApiError, match="gone"):
            client.get("operations/2")


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"{", b"[1,]", b"\xff\xfe{\x00}\x00", b"[" * 100_000, b"[" * 5000 + b"]" * 5000]
)
def test_what_is_no_json_stays_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        lenient_json.loads(data)


def test_what_is_large_is_read_as_it_is_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lenient_json, "_LARGEST", 10)
    assert lenient_json.loads(b"[1,2,3,4,5,6]") == [1, 2, 3, 4, 5, 6]
    with pytest.raises(ValueError, match="expected"):
        lenient_json.loads(b"[1,2,3,NaN,5]")


@pytest.mark.parametrize("pause", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("role", ["start", "read"])
def test_a_second_answer_is_not_that_to_the_next_request(role: str, pause: bool) -> None:  # noqa: FBT001 - a parameter
    """Whether it comes with the first one, or lies in the socket when the connection is used again."""
    all_sent = threading.Semaphore(0)

    def answer(connection: socket.socket, request: bytes) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if request.startswith(b"GET"):
            pieces = saying({"name": "operations/1"}), saying({"name": "operations/stale"})
            for piece in pieces if pause else [b"".join(pieces)]:
                connection.sendall(piece)
            all_sent.release()
        else:
            connection.sendall(saying({"name": "operations/own"}))
        return True

    with Hostile(answer) as server:
        session = Session(server.endpoint)
        for _ in range(5):
            assert session.call("GET", "operations/1", role="read") == {"name": "operations/1"}
            assert all_sent.acquire(timeout=30)
            answered = session.call("POST", "x:export", role=role, json={})  # type: ignore[arg-type]  # a role
            assert answered == {"name": "operations/own"}
        session.close()


def test_a_connection_without_such_an_answer_is_kept() -> None:
    connections = set()

    def answer(connection: socket.socket, _: bytes) -> bool:
        connections.add(connection.getpeername())
        connection.sendall(saying({"name": "operations/1"}))
        return True

    with Hostile(answer) as server:
        session = Session(server.endpoint)
        for _ in range(5):
            session.call("GET", "operations/1", role="read")
        session.close()
    assert len(connections) == 1


@pytest.mark.parametrize("parent", [5, None, b"projects/p", ["projects/p"]])
def test_a_parent_that_is_no_text_is_refused(parent: object) -> None:
    transport = Scripted(httpx.Response(200, content=json.dumps({}).encode()))
    with lro.Client("http://127.0.0.1:1", transport=transport) as client, pytest.raises(lro.ConfigError):
        list(client.list(parent))  # type: ignore[arg-type]
    assert transport.requests == []
