"""No answer may be larger, or take longer, than its bound: on sockets, with what servers can do wrong."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest
from fakes import NAME, Clock, Scripted, ok
from hostile import Hostile, bomb, saying, whole

from lro_notebook.errors import ApiError, LroError
from lro_notebook.http.response_limits import BoundedTransport, TooLarge, TooSlow
from lro_notebook.http.responses import NoResponse, ResponseLost, UnusableAnswer, is_transient
from lro_notebook.http.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hostile import Answers

TIMEOUT = 0.2  # seconds: a request may take 0.4 s in all
SOON = 30.0  # seconds in which a loaded machine has certainly noticed that 0.4 are over


def asked(answer: Answers, *, timeout: float = TIMEOUT, most: int = 1 << 20, role: str = "poll") -> LroError:
    """Ask a server that answers like this once, and return the error that it costs."""
    with Hostile(answer) as server:
        return asked_of(server, timeout=timeout, most=most, role=role)


def asked_of(
    server: Hostile, *, timeout: float = TIMEOUT, most: int = 1 << 20, role: str = "poll"
) -> LroError:
    session = Session(server.endpoint, timeout=timeout, max_answer=most)
    began = time.monotonic()
    try:
        with pytest.raises(LroError) as caught:
            session.call("GET", NAME, role=role)  # type: ignore[arg-type]  # a role
    finally:
        session.close()
    assert time.monotonic() - began < SOON
    return caught.value


def endless(head: bytes, piece: bytes) -> Answers:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return answer


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
        (CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (b"HTTP/1.1 500 no\r\n\r\n", b"x" * 65536),
    ],
    ids=["to the close", "a length", "chunks", "an error"],
)
def test_an_answer_without_an_end_is_cut_at_its_bound(head: bytes, piece: bytes) -> None:
    error = asked(endless(head, piece), timeout=2.0)
    assert isinstance(error, UnusableAnswer)
    assert "larger than 1,048,576 bytes" in str(error)
    assert "max_answer" in str(error)
    assert not is_transient(error)


def test_an_answer_in_crumbs_costs_no_more_than_a_second_of_work() -> None:
    began = time.thread_time()
    error = asked(endless(CHUNKED, b"1\r\nx\r\n" * 10_000), timeout=20.0, most=64 << 20)
    assert isinstance(error, NoResponse)
    assert time.thread_time() - began < SOON


def test_answers_before_the_answer_are_bounded_too() -> None:
    error = asked(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000), timeout=2.0)
    assert isinstance(error, UnusableAnswer)


def test_a_gzip_that_becomes_gigabytes_costs_no_more_than_the_bound() -> None:
    answer = bomb(3000)
    tracemalloc.start()
    try:
        error = asked(lambda connection, _: connection.sendall(answer), timeout=2.0, most=8 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(error, UnusableAnswer)
    assert peak < 40 << 20


def test_one_piece_that_becomes_too_much_is_unpacked_in_steps() -> None:
    zipped = gzip.compress(bytes(100 << 20), 9)  # one member
    assert len(zipped) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            sent(httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(zipped)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 << 20


class Streamed(httpx.BaseTransport):
    """Answers with one response, which nobody has read yet."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response

    def handle_request(self, _: httpx.Request) -> httpx.Response:
        return self.response


class Pieces(httpx.SyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


def sent(response: httpx.Response, *, most: int = 1 << 20, seconds: float = 60.0) -> httpx.Response:
    transport = BoundedTransport(Streamed(response), seconds=seconds, most=most)
    return transport.handle_request(httpx.Request("GET", "http://127.0.0.1/"))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("members", [1, 3])
def test_gzip_in_any_pieces_and_members_reads_as_what_was_zipped(size: int, members: int) -> None:
    text = b'{"a": "' + b"0123456789" * 500 + b'"}'
    zipped = gzip.compress(text) * members
    pieces = [zipped[start : start + size] for start in range(0, len(zipped), size)]
    answer = sent(httpx.Response(200, headers={"Content-Encoding": "GZip"}, stream=Pieces(*pieces)))
    assert answer.read() == text * members


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"{}" * 100)[:-12]),
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b"{}") + b"rest"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
        ("deflate", zlib.compress(b"{}")),
        ("br", b"\x0b\x00\x80{}\x03"),
        ("zstd", b"(\xb5/\xfd"),
    ],
    ids=["cut short", "no gzip", "a rest", "twice", "deflate", "br", "zstd"],
)
def test_codings_that_are_broken_or_not_asked_for_are_no_answer(coding: str, body: bytes) -> None:
    answer = whole(body, f"Content-Encoding: {coding}")
    error = asked(lambda connection, _: connection.sendall(answer), timeout=2.0)
    assert isinstance(error, NoResponse)
    assert is_transient(error)


def test_only_what_is_unpacked_in_bounded_steps_is_asked_for() -> None:
    transport = Scripted(ok({}))
    Session("http://127.0.0.1:1", transport=transport).call("GET", NAME, role="read")
    assert transport.requests[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        CHUNKED + b"10000\r\n",
        CHUNKED + b"1;",
        b"HTTP/1.1 503 no\r\nContent-Length: 100000\r\n\r\n",
        b"",
    ],
    ids=["headers", "body", "chunk", "chunk extension", "an error", "silence, then drips"],
)
def test_bytes_that_drip_end_in_time(start: bytes) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        server.drip(connection, b"H" if not start else b"x")

    with Hostile(answer) as server:
        error = asked_of(server)
    assert isinstance(error, NoResponse)
    assert "not there after 0.4 s" in str(error)


def test_a_start_whose_answer_drips_counts_as_lost() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        server.drip(connection, b" ")

    with Hostile(answer) as server:
        assert isinstance(asked_of(server, role="start"), ResponseLost)


def test_a_server_that_reads_nothing_ends_the_request_in_time() -> None:
    quiet = socket.create_server(("127.0.0.1", 0))
    session = Session(f"http://127.0.0.1:{quiet.getsockname()[1]}", timeout=TIMEOUT)
    began = time.monotonic()
    with quiet, pytest.raises(NoResponse):
        session.call("POST", "x:go", role="poll", json={"a": "x" * (32 << 20)})
    session.close()
    assert time.monotonic() - began < SOON


def test_a_large_answer_that_keeps_coming_may_take_longer() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000002\r\n\r\n{}")
        for _number in range(20):
            server.over.wait(0.11)
            connection.sendall(b" " * 50_000)

    with Hostile(answer) as server:
        session = Session(server.endpoint, timeout=1.0)  # of silence, and two seconds in all
        assert session.call("GET", NAME, role="poll") == {}
        session.close()


class Slowly(httpx.SyncByteStream):
    """A piece each second of the clock."""

    def __init__(self, clock: Clock, piece: bytes) -> None:
        self.clock, self.piece = clock, piece

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(10):
            self.clock.sleep(1.0)
            yield self.piece


@pytest.mark.parametrize(("size", "passes"), [(200_000, True), (1, False)])
def test_a_transport_of_somebody_else_is_bounded_too(size: int, passes: bool) -> None:  # noqa: FBT001 - a parameter
    clock = Clock()
    response = httpx.Response(200, stream=Slowly(clock, b"x" * size))
    transport = BoundedTransport(Streamed(response), seconds=5.0, most=1 << 30, clock=clock)
    request = httpx.Request("GET", "http://127.0.0.1/")
    if passes:
        assert len(transport.handle_request(request).read()) == 10 * size
        return
    with pytest.raises(TooSlow):
        transport.handle_request(request)
    assert sum(clock.slept) < 7.0


def test_a_healthy_answer_on_the_same_connection_is_read_as_ever() -> None:
    def answer(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(saying({"name": NAME}))
        return True

    with Hostile(answer) as server:
        session = Session(server.endpoint, timeout=SOON)
        for _ in range(3):
            assert session.call("GET", NAME, role="poll") == {"name": NAME}
            server.over.wait(0.05)
        session.close()


DEEP = b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
ODD = {
    "nested 100,000 deep": whole(DEEP),
    "an error nested 100,000 deep": whole(DEEP, status="500 no"),
    "an error that is no UTF-8": whole(b'{"error": {"message": "\xff"}}', status="404 \xff"),
    "HTML": whole(b"<html>sign in</html>", "Content-Type: text/html"),
    "a list": whole(b"[1,2"),
    "a number": whole(b"5"),
    "null": whole(b"null"),
    "a huge header": whole(b"{}", "X: " + "y" * 300_000),
    "many headers": whole(b"{}", *[f"X-{number}: y" for number in range(30_000)]),
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a chunk of a length that is none": CHUNKED + b"zz\r\n{}\r\n",
    "a status that is none": b"HTTP/1.1 999999 OK\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "nothing": b"",
    "a redirect": whole(b"", "Location: http://127.0.0.1:1/", status="302 Found"),
    "a redirect to nonsense": whole(b"", "Location: http://[", status="302 Found"),
    "a cookie": whole(b"x", "Set-Cookie: \x01=;;;==", "Content-Type: ;;charset=\x7f"),
    "a charset": whole(b"x", "Content-Type: application/json; charset=no-such"),
    "a challenge": whole(b"x", "WWW-Authenticate: ,,,=", status="401 no"),
}


@pytest.mark.parametrize("role", ["read", "poll"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_is_an_error_of_ours(odd: str, role: str) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(ODD[odd])

    with Hostile(answer) as server:
        session = Session(server.endpoint, timeout=2.0, sleep=lambda _: None)
        with pytest.raises(LroError) as caught:
            session.call("GET", NAME, role=role)  # type: ignore[arg-type]  # a role
        session.close()
    assert len(str(caught.value)) < 6000


def test_an_answer_without_a_body_is_an_empty_object() -> None:
    transport = Scripted(httpx.Response(204))
    assert Session("http://127.0.0.1:1", transport=transport).call("DELETE", NAME, role="read") == {}


def test_a_key_that_comes_twice_counts_once() -> None:
    transport = Scripted(httpx.Response(200, content=b'{"name": "a", "name": "b"}'))
    assert Session("http://127.0.0.1:1", transport=transport).call("GET", NAME, role="read") == {"name": "b"}


def test_what_a_service_says_is_shown_in_part_where_it_says_too_much() -> None:
    body = b'{"error": {"code": 400, "message": "' + b"y" * 5_000_000 + b'"}}'
    transport = Scripted(httpx.Response(400, content=body))
    with pytest.raises(ApiError) as caught:
        Session("http://127.0.0.1:1", transport=transport).call("GET", NAME, role="read")
    assert "(5,000,000 characters in all)" in str(caught.value)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("100000000", 1e8),
        ("9" * 4000, 1e9),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1e9),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("\u0665", None),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("", None),
    ],
)
def test_the_time_that_a_service_asks_for_is_a_number_or_nothing(header: str, seconds: float | None) -> None:
    answer = httpx.Response(503, headers=[(b"Retry-After", header.encode())])
    with pytest.raises(ApiError) as caught:
        Session("http://127.0.0.1:1", transport=Scripted(answer)).call("GET", NAME, role="poll")
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("role", ["start", "read"])
def test_a_service_that_asks_for_years_is_not_waited_for(role: str) -> None:
    clock = Clock()
    transport = Scripted(httpx.Response(429, headers={"Retry-After": "100000000"}))
    session = Session("http://127.0.0.1:1", transport=transport, sleep=clock.sleep, clock=clock)
    with pytest.raises(ApiError):
        session.call("POST", "x:go", role=role)  # type: ignore[arg-type]  # a role
    assert sum(clock.slept) <= 90.0
