"""Done callbacks run on threads of their own: they may block, for ever too, and hold up nobody."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, saying

import lro_notebook as lro
from lro_notebook.operations.callbacks import Callbacks
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

SOON = 30.0  # seconds in which a loaded machine has certainly done what takes none


class Ended:
    """A source that says of each operation that it has ended."""

    def __init__(self, name: str) -> None:
        self.name = name

    def poll(self) -> OperationResource:
        return OperationResource(self.name, done=True)

    get = poll

    def cancel(self) -> None:
        raise NotImplementedError


numbers = itertools.count()


def followed() -> lro.Operation:
    """Return an operation that has ended by the first look at it."""
    name = f"operations/{next(numbers)}"
    return lro.Operation(OperationPoller(Ended(name), OperationResource(name)))


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """What callbacks wait for that block until the test is over."""
    over = threading.Event()
    yield over
    over.set()


def answer(connection: socket.socket, request: bytes) -> None:
    name = request.split()[1].decode().removeprefix("/v1/")
    connection.sendall(saying({"name": name, "done": True}))


def holding(note: Callable[[], object], held: threading.Event) -> Callable[[object], None]:
    """Return a callback that says that it began, and then blocks."""

    def callback(_: object) -> None:
        note()
        held.wait(60)

    return callback


def raising(error: BaseException) -> Callable[[object], None]:
    def callback(_: object) -> None:
        raise error

    return callback


def test_an_operation_is_seen_beside_forty_of_its_host_whose_callbacks_block(held: threading.Event) -> None:
    with Hostile(answer) as server, lro.Client(server.endpoint) as client:
        blocking = [client.attach(OperationResource(f"p/{number}/operations/1")) for number in range(40)]
        begun = threading.Semaphore(0)
        for each in blocking:
            each.add_done_callback(holding(begun.release, held))
        for each in blocking:
            assert begun.acquire(timeout=SOON)
            assert each.wait(SOON).done()
        healthy = client.attach(OperationResource("p/healthy/operations/1"))
        called = threading.Event()
        healthy.add_done_callback(lambda _: called.set())
        assert healthy.wait(SOON).done()
        assert called.wait(SOON)


def test_a_callback_may_wait_for_the_next_operation() -> None:
    depth, left, over = 50, [50], threading.Event()

    def onwards(_: lro.Operation) -> None:
        left[0] -= 1
        if not left[0]:
            over.set()
            return
        following = followed()
        following.add_done_callback(onwards)
        following.wait(SOON)

    for _ in range(20):  # more than there are places for one host
        other = followed()
        other.add_done_callback(lambda _: followed().wait(SOON))
    followed().add_done_callback(onwards)
    assert over.wait(SOON), f"{left} of {depth} left"


def test_those_who_wait_do_not_wait_for_callbacks(held: threading.Event) -> None:
    operation, begun, last = followed(), threading.Event(), threading.Event()
    operation.add_done_callback(holding(begun.set, held))
    operation.add_done_callback(lambda _: last.set())
    assert operation.wait(SOON).done()
    assert begun.wait(SOON)
    assert not last.is_set()
    held.set()
    assert last.wait(SOON)


def test_each_is_called_once_and_in_order_whoever_adds_it_when() -> None:
    for _ in range(20):
        called = added_by_three_threads()
        assert sorted(called) == [(who, n) for who in range(3) for n in range(50)]
        for who in range(3):
            assert [n for one, n in called if one == who] == list(range(50))


def added_by_three_threads() -> list[tuple[int, int]]:
    """Return who was called in which order where the end comes while three threads add callbacks."""
    callbacks, called, over = Callbacks("1"), list[tuple[int, int]](), threading.Event()

    def add(who: int) -> None:
        for n in range(50):
            callbacks.add(lambda n=n: called.append((who, n)))  # type: ignore[misc]

    threads = [threading.Thread(target=add, args=(who,)) for who in range(3)]
    for each in threads:
        each.start()
    callbacks.end()
    for each in threads:
        each.join()
    callbacks.add(over.set)
    assert over.wait(SOON)
    return called


def test_the_threads_are_daemons_with_a_name_and_go_when_they_are_not_needed(held: threading.Event) -> None:
    def there() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name.startswith("lro-callback-")]

    begun = threading.Semaphore(0)
    for _ in range(12):
        followed().add_done_callback(holding(begun.release, held))
    for _ in range(12):
        assert begun.acquire(timeout=SOON)
    assert len(there()) >= 12
    assert all(each.daemon for each in there())
    held.set()
    for _ in range(int(SOON / 0.02)):
        if len(there()) <= 5:  # the one that dispatches, and the few that are kept
            break
        threading.Event().wait(0.02)
    assert len(there()) <= 5


def test_what_a_callback_raises_is_logged_and_the_next_is_called(caplog: pytest.LogCaptureFixture) -> None:
    operation, over = followed(), threading.Event()
    for error in (SystemExit(1), KeyboardInterrupt(), ValueError("a bug")):
        operation.add_done_callback(raising(error))
    operation.add_done_callback(lambda _: over.set())
    assert over.wait(SOON)
    assert caplog.text.count(f"a done callback of operation {operation.id} failed") == 3
    assert "a bug" in caplog.text


def test_where_it_has_ended_a_callback_is_called_at_once_and_an_exit_is_its_users() -> None:
    callbacks, threads = Callbacks("1"), list[threading.Thread]()
    callbacks.end()
    callbacks.add(lambda: threads.append(threading.current_thread()))
    assert threads == [threading.current_thread()]
    with pytest.raises(SystemExit):
        callbacks.add(lambda: sys.exit(3))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_callbacks_work_in_a_child_although_those_of_the_parent_block(held: threading.Event) -> None:
    begun = threading.Event()
    followed().add_done_callback(holding(begun.set, held))
    assert begun.wait(SOON)
    child = os.fork()
    if not child:
        called = threading.Event()
        followed().add_done_callback(lambda _: called.set())
        os._exit(0 if called.wait(SOON) else 1)
    assert os.waitpid(child, 0)[1] == 0
