"""What hangs, raises or floods costs nobody else anything: lanes, threads, and both on sockets."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from fakes import NAME, Clock
from hostile import Hostile, saying

import lro_notebook as lro
from lro_notebook.http.responses import NoResponse
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.scheduler import Budget
from lro_notebook.operations.snapshot import Snapshot

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Dark:
    """A service whose operations are started as ever, after which it answers nothing more."""

    def __init__(self, how: str) -> None:
        self.server = Hostile(self.answer)
        self.how = how

    def answer(self, connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"POST"):
            connection.sendall(saying({"name": NAME}))
            return True
        if self.how == "drips":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            self.server.drip(connection, b" ")
        self.server.over.wait(60)
        return False


class Healthy:
    """A service whose operation ends after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.server = Hostile(self.answer)
        self.seconds, self.began, self.looks = seconds, time.monotonic(), 0

    def answer(self, connection: socket.socket, request: bytes) -> bool:
        if request.startswith(b"POST"):
            self.began = time.monotonic()
        else:
            self.looks += 1
        done = time.monotonic() - self.began >= self.seconds
        connection.sendall(saying({"name": NAME, **({"done": True} if done else {})}))
        return True


def test_the_end_of_a_healthy_operation_is_seen_in_time_beside_twelve_black_holes() -> None:
    holes = [Dark("drips" if number % 2 else "silent") for number in range(12)]
    healthy = Healthy(2.0)
    with healthy.server, lro.Client(healthy.server.endpoint) as client:
        clients = []
        for hole in holes:
            hole.server.__enter__()
            clients.append(lro.Client(hole.server.endpoint))
        try:
            dark = [each.start("POST", "x:go", {}, show=False) for each in clients]
            time.sleep(0.05)
            operation = client.start("POST", "x:go", {}, show=False)
            operation.wait(60)
            late = time.monotonic() - healthy.began - healthy.seconds
            assert not any(each.done() for each in dark)
        finally:
            for each in clients:
                each.close()
            for hole in holes:
                hole.server.__exit__()
    assert late < 8.0  # about 1 s on a quiet machine; 88 s before
    assert healthy.looks >= 2


def test_what_is_in_trouble_says_so_and_the_rest_of_its_own_service_goes_on() -> None:
    began = time.monotonic()
    over = threading.Event()

    def answer(connection: socket.socket, request: bytes) -> bool:
        path = request.split()[1]
        if b"/good" in path:
            done = time.monotonic() - began > 1.0
            connection.sendall(saying({"name": path[4:].decode(), "done": done}))
            return True
        over.wait(60)
        return False

    with Hostile(answer) as server, lro.Client(server.endpoint, timeout=0.5) as client:
        names = [f"operations/bad{number}" for number in range(12)]
        operations = [client.attach(OperationResource(name)) for name in names]
        good = client.attach(OperationResource("operations/good"))
        for each in (*operations, good):
            each.poller.follow()
        assert good.wait(30).done()
        deadline = time.monotonic() + 30
        while not all("no answer" in each.trouble for each in operations):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        over.set()


CALLBACKS: dict[str, Callable[[], object]] = {
    "sys.exit": lambda: sys.exit(1),
    "KeyboardInterrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
    "GeneratorExit": lambda: (_ for _ in ()).throw(GeneratorExit),
    "an error": lambda: 1 / 0,
}


class Ending:
    """A source whose operation has ended."""

    def __init__(self, name: str) -> None:
        self.name = name

    def poll(self) -> OperationResource:
        return OperationResource(self.name, done=True)

    get = poll

    def cancel(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("kind", CALLBACKS)
def test_callbacks_that_raise_anything_end_no_polling(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    healthy = Healthy(0.0)
    called: list[str] = []
    with healthy.server, lro.Client(healthy.server.endpoint) as client:
        for round_ in range(6):  # more than there are threads
            healthy.began = time.monotonic() + 60.0
            operation = client.attach(OperationResource(f"operations/{round_}"))
            operation.add_done_callback(lambda _: CALLBACKS[kind]())
            operation.add_done_callback(lambda each: called.append(each.id))
            operation.poller.source = Ending(operation.name)
            assert operation.wait(30).done()
        deadline = time.monotonic() + 30
        while len(called) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert sorted(called) == list("012345")
    assert caplog.text.count("a done callback of operation") == 6
    assert "Traceback" in caplog.text


def test_on_the_main_thread_an_exit_in_a_callback_is_the_users_and_the_others_are_called() -> None:
    called: list[int] = []
    with lro.Client("http://127.0.0.1:1") as client:
        operation = client.attach(OperationResource("operations/1"))
        operation.poller.when_ended(lambda: sys.exit(3))
        operation.poller.when_ended(lambda: called.append(1))
        with pytest.raises(SystemExit):
            operation.poller.update(OperationResource("operations/1", done=True))
        assert called == [1]
        assert operation.poller.released.is_set()


def test_what_cannot_note_an_end_keeps_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Snapshot) -> None:
        raise RuntimeError("the journal is gone")

    poller = OperationPoller(Ending("operations/1"), OperationResource("operations/1"), on_end=broken)
    poller.update(OperationResource("operations/1", done=True))
    assert poller.released.is_set()
    assert "what notes the end of operation 1 failed" in caplog.text


@pytest.mark.parametrize(
    "listed",
    [
        [1, 2],
        {"operations": 5},
        {"operations": [1, 2, None, "x", {}]},
        {"operations": [], "nextPageToken": "again"},
        {"operations": [{"name": NAME, "done": "perhaps"}] * 3},
        {"operations": {"a": 1}},
        5,
    ],
)
def test_a_surprising_list_costs_only_itself(listed: object) -> None:
    began, lists = time.monotonic(), []

    def answer(connection: socket.socket, request: bytes) -> bool:
        path = request.split()[1].decode().partition("?")[0]
        if path.endswith("/operations"):
            lists.append(path)
            connection.sendall(saying(listed))
        else:
            done = time.monotonic() - began > 0.5
            connection.sendall(saying({"name": path.removeprefix("/v1/"), "done": done}))
        return True

    with Hostile(answer) as server, lro.Client(server.endpoint) as client:
        parent = "projects/p/locations/l"
        operations = [
            client.attach(OperationResource(f"{parent}/operations/{number}")) for number in range(20)
        ]
        done, not_done = lro.wait(operations, timeout=60)
    assert not not_done
    assert all(each.resource.done for each in done)
    assert 1 <= len(lists) <= 120


def test_a_list_that_drips_holds_up_nobody() -> None:
    began = time.monotonic()

    def answer(connection: socket.socket, request: bytes) -> bool:
        path = request.split()[1].decode().partition("?")[0]
        if path.endswith("/operations"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            server.drip(connection, b" ")
        done = time.monotonic() - began > 2.0
        connection.sendall(saying({"name": path.removeprefix("/v1/"), "done": done}))
        return True

    with Hostile(answer) as server, lro.Client(server.endpoint) as client:
        operations = [
            client.attach(OperationResource(f"projects/p/operations/{number}")) for number in range(20)
        ]
        _, not_done = lro.wait(operations, timeout=25)  # the list drips for 60 s
    assert not not_done


def test_a_look_that_fails_after_a_while_makes_the_next_one_count_as_one_that_hangs() -> None:
    clock = Clock()

    class Slow(Ending):
        seconds = 0.1

        def poll(self) -> OperationResource:
            clock.sleep(self.seconds)
            raise NoResponse("it is silent", url="http://x")

    source = Slow("operations/1")
    poller = OperationPoller(source, OperationResource("operations/1"), clock=clock)
    poller.run()
    assert not poller.troubled  # it failed at once: no thread was held
    source.seconds = 30.0
    poller.run()
    assert poller.troubled
    poller.seen(Snapshot.of(OperationResource("operations/1")))
    assert not poller.troubled


@pytest.mark.parametrize("asked", [1e8, 1e9, float("inf"), float("nan"), -5.0, 0.0])
def test_no_look_comes_later_than_the_policy_allows_whatever_a_service_asks_for(asked: float) -> None:
    delay = lro.PollPolicy().delay_after_failure(1, 0.0, asked)
    assert delay is not None
    assert 1.0 <= delay <= 120.0
    clock = Clock()
    budget = Budget(clock=clock)
    budget.pause(asked)
    assert 0.0 <= budget.take() <= 120.0
