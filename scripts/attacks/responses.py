"""Services on loopback that answer as no service should: seeded, each attack ends by itself.

An answer held if it became a value, or an error of ours within the time of the request; and if the operation
of a healthy service beside it was seen in time.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hostile import Hostile, bomb, saying, whole

import lro_notebook as lro
from lro_notebook.http.retry_policy import RetryPolicy
from lro_notebook.http.session import Session
from lro_notebook.operations.progress import Progress, state_of
from lro_notebook.operations.resource import OperationResource

if TYPE_CHECKING:
    import random
    import socket
    from collections.abc import Callable

NAME = "operations/1"
TIMEOUT = 0.25  # seconds: a request may take 0.5 in all
MOST = 1 << 18  # bytes of an answer, which earn it 2.6 seconds more; on the wire it may be twice as large
LATE = 10.0  # seconds, with what a loaded machine may add
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def odd_json(draw: random.Random, depth: int = 0) -> Any:
    """Return a JSON value that has something of an operation, or of a list of them."""
    kind = draw.randrange(10 if depth < 4 else 6)  # noqa: PLR2004 - deep enough
    if kind < 6:  # noqa: PLR2004 - the scalars
        scalars = [None, True, -1, 2**63, 1e308, "", "x" * 300, NAME, "SUCCEEDED", "\u0000", "-5", "99%", 5]
        return draw.choice(scalars)
    if kind == 6:  # noqa: PLR2004 - lists
        return [odd_json(draw, depth + 1) for _ in range(draw.randrange(5))]
    names = [
        "name",
        "done",
        "metadata",
        "error",
        "response",
        "operations",
        "nextPageToken",
        "counter",
        "code",
    ]
    names += ["message", "details", "success", "pending", "progressPercent", "createTime", "link", "status"]
    return {name: odd_json(draw, depth + 1) for name in draw.sample(names, draw.randrange(1, 9))}


def spoilt(draw: random.Random, body: bytes) -> bytes:
    """Return an answer with `body`, cut, changed or framed in some wrong way."""
    status = draw.choice(
        ["200 OK", "200 OK", "204 No Content", "404 no", "429 no", "500 no", "302 x", "299 x"]
    )
    headers = draw.sample(
        [
            f"Retry-After: {draw.choice(['1e9', '-1', '9' * 400, 'Fri, 31 Dec 9999 23:59:59 GMT', 'x'])}",
            "Content-Encoding: gzip",
            "Content-Encoding: br",
            "Content-Type: text/html; charset=no-such",
            "Location: http://[",
            "X: " + "y" * draw.randrange(200_000),
            "WWW-Authenticate: ,=",
        ],
        draw.randrange(3),
    )
    answer = bytearray(whole(body, *headers, status=status))
    for _ in range(draw.randrange(4)):
        answer[draw.randrange(len(answer))] = draw.randrange(256)
    return bytes(answer[: draw.randrange(len(answer))] if draw.random() < 0.3 else answer)  # noqa: PLR2004


def bodies(draw: random.Random) -> bytes:
    """Return a body: JSON of any shape, deep, broken, zipped or none."""
    makers: list[Callable[[], bytes]] = [
        lambda: json.dumps(odd_json(draw)).encode(),
        lambda: b"[" * draw.randrange(200_000),
        lambda: b'{"name":' * draw.randrange(5000) + b"NaN",
        lambda: draw.randbytes(draw.randrange(2000)),
        lambda: gzip.compress(json.dumps(odd_json(draw)).encode()),
        lambda: gzip.compress(bytes(draw.randrange(1 << 22)))[: draw.randrange(1, 4000)],
        lambda: b"",
    ]
    return draw.choice(makers)()


def one_answer(answer: bytes, method: Callable[[lro.Client], object]) -> bool:
    """Tell whether a client takes an answer, or refuses it with an error of ours, in time."""
    began = time.monotonic()
    with (
        Hostile(lambda connection, _: connection.sendall(answer)) as server,
        lro.Client(server.endpoint, timeout=TIMEOUT, max_answer=MOST) as client,
    ):
        client.session._transport.policy = RetryPolicy(attempts=1)  # noqa: SLF001 - one try each
        try:
            method(client)
        except lro.LroError as error:
            return len(str(error)) < 10_000 and time.monotonic() - began < LATE  # noqa: PLR2004
    return time.monotonic() - began < LATE


def answers(draw: random.Random) -> tuple[int, int]:
    """Read, list, start and cancel with random answers."""
    methods: list[Callable[[lro.Client], object]] = [
        lambda client: client.get(NAME).progress,
        lambda client: list(client.list("projects/p")),
        lambda client: client.start("POST", "x:go", {}, show=False),
        lambda client: client.session.call("DELETE", NAME, role="read"),
    ]
    tried = 120
    return tried, sum(one_answer(spoilt(draw, bodies(draw)), draw.choice(methods)) for _ in range(tried))


def resources(draw: random.Random) -> tuple[int, int]:
    """Parse random operations: a ConfigError or a snapshot, and progress that never raises."""
    tried, held = 3000, 0
    for _ in range(tried):
        data = odd_json(draw)
        if isinstance(data, dict) and draw.random() < 0.8:  # noqa: PLR2004 - most have a name
            data["name"] = NAME
        try:
            resource = OperationResource.from_dict(data)
        except lro.ConfigError:
            held += 1
            continue
        Progress.from_resource(resource)
        state_of(resource)
        held += 1
    return tried, held


def endless(draw: random.Random) -> tuple[int, int]:
    """Ask servers whose answers have no end: drips, floods, gzip that grows, silence."""
    heads = [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n", CHUNKED, b"HTTP/1.1 503 no\r\n\r\n"]
    pieces = [b"x", b"HTTP/1.1 100 Continue\r\n\r\n", b"1\r\nx\r\n", b"X: y\r\n", b" " * 65536]
    tried, held = 15, 0
    for _ in range(tried):
        head, piece, drips = draw.choice(heads), draw.choice(pieces), draw.random() < 0.5  # noqa: PLR2004

        def answer(connection: socket.socket, _: bytes) -> None:
            connection.sendall(head)  # noqa: B023 - called before the next round
            if drips:  # noqa: B023
                server.drip(connection, piece)  # noqa: B023
            while not server.over.is_set():
                connection.sendall(piece)  # noqa: B023

        with Hostile(answer) as server:
            held += bounded(server.endpoint)
    zipped = bomb(draw.randrange(200, 1000))
    with Hostile(lambda connection, _: connection.sendall(zipped)) as server:
        return tried + 1, held + bounded(server.endpoint)


def bounded(endpoint: str) -> bool:
    """Tell whether a request ends in time with an error of ours."""
    rest, began = Session(endpoint, timeout=TIMEOUT, max_answer=MOST), time.monotonic()
    try:
        rest.call("GET", NAME, role="poll")
    except lro.LroError:
        return time.monotonic() - began < LATE
    finally:
        rest.close()
    return False


def beside(draw: random.Random) -> tuple[int, int]:
    """Follow one healthy operation beside twelve that are dark, drip or answer anything."""
    began, seconds = time.monotonic(), 2.0
    over = threading.Event()

    def healthy(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(saying({"name": NAME, "done": time.monotonic() - began > seconds}))
        return True

    def dark(connection: socket.socket, _: bytes) -> None:
        if draw.random() < 0.5:  # noqa: PLR2004
            over.wait(60)
        else:
            connection.sendall(spoilt(draw, bodies(draw)))

    with ExitStack() as stack:
        stack.callback(over.set)
        operations = []
        for answer in (*[dark] * 12, healthy):
            server = stack.enter_context(Hostile(answer))
            client = stack.enter_context(lro.Client(server.endpoint))
            operations.append(client.attach(OperationResource(NAME)))
        for each in operations:
            each.poller.follow()
        try:
            operations[-1].wait(seconds + LATE)
        except lro.WaitTimeout:
            return 1, 0
    return 1, 1


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("answers of any shape, cut and changed", answers),
    ("operations of any JSON", resources),
    ("answers without an end: drips, floods, gzip", endless),
    ("a healthy operation beside twelve dark ones", beside),
]
