"""Programs that fork, for test_forking.py: each is a process of its own, apart from pytest.

Usage: python forks.py NAME ENDPOINT [METHOD]. Prints one JSON object.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import multiprocessing
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from misbehaving import PARENT

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 120.0  # seconds that children may take
START = f"{PARENT}/fhirStores/s:import"


def children(count: int, work: Callable[[int], object], method: str = "fork") -> list[Any]:
    """Return what `work(number)` gives in each of so many child processes; "hung" of one that never ended."""
    context: Any = multiprocessing.get_context(method)
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    started = []
    for number, (_, sends) in enumerate(pipes):
        process = context.Process(target=_told, args=(work, number, sends))
        process.start()
        started.append(process)
    deadline = time.monotonic() + PATIENCE
    answers: list[Any] = []
    for process, (receives, _) in zip(started, pipes, strict=True):
        if receives.poll(max(0.0, deadline - time.monotonic())):
            answers.append(receives.recv())
            process.join(10.0)
        else:
            answers.append("hung")
        if process.is_alive():
            process.kill()
            process.join()
            answers[-1] = "hung"
    return answers


def _told(work: Callable[[int], object], number: int, sends: Any) -> None:
    faulthandler.dump_traceback_later(PATIENCE - 10.0)  # where it hangs, if it does
    try:
        sends.send(work(number))
    except BaseException as error:
        sends.send(f"{type(error).__name__}: {error}")
        raise


def begun(client: lro.Client, count: int = 1) -> list[lro.Operation]:
    """Start operations, and have each looked at over a connection that is kept."""
    operations = [client.start("POST", START, {}) for _ in range(count)]
    for operation in operations:
        operation.refresh()
    return operations


def answers(endpoint: str) -> object:
    """Count the answers that belong to the operation asked for, of 8 children with 25 requests each."""
    client = lro.Client(endpoint)
    operations = begun(client, 8)
    parents = [0, 0]

    def ask(mine: lro.Operation) -> tuple[int, int]:
        seen = [client.session.call("GET", mine.name, role="read")["name"] for _ in range(25)]
        return seen.count(mine.name), len(seen)

    parent = threading.Thread(target=lambda: parents.__setitem__(slice(2), ask(operations[0])))
    parent.start()
    seen = children(8, lambda number: ask(operations[number]))
    parent.join()
    return {"children": seen, "parent": parents}


def waits(endpoint: str) -> object:
    """Wait for one operation in the parent and in each way in children; callbacks are the parent's."""
    client = lro.Client(endpoint)
    (operation,) = begun(client)
    called: list[int] = []
    operation.add_done_callback(lambda _: called.append(os.getpid()))
    ways: list[Callable[[], object]] = [
        lambda: operation.wait(30).state,
        lambda: operation.result(30),
        lambda: [each.state for each in lro.as_completed([operation], timeout=30)],
        lambda: polled(operation),
        lambda: len(lro.wait([operation], timeout=30).done),
        lambda: own_callback(operation),
    ]
    state: list[str] = []
    parent = threading.Thread(target=lambda: state.append(operation.wait(30).state))
    parent.start()
    seen = children(len(ways), lambda number: [ways[number](), len(called)])
    parent.join()
    deadline = time.monotonic() + 30
    while not called and time.monotonic() < deadline:  # on a thread of its own
        time.sleep(0.02)
    return {"children": seen, "parent": state, "called": called == [os.getpid()]}


def polled(operation: lro.Operation) -> str:
    """Wait as in a loop by hand."""
    deadline = time.monotonic() + 30
    while not operation.done() and time.monotonic() < deadline:
        time.sleep(0.02)
    return operation.state


def own_callback(operation: lro.Operation) -> bool:
    """Wait for a callback that the child has registered."""
    ended = threading.Event()
    operation.add_done_callback(lambda _: ended.set())
    return ended.wait(30)


def hammer(endpoint: str) -> object:
    """Fork again and again while other threads use everything that has a lock; each child uses it too."""
    client = lro.Client(endpoint)
    over, journal = threading.Event(), client.journal

    def busy() -> None:
        while not over.is_set():
            operation = client.start("POST", START, {})
            operation.add_done_callback(lambda _: None)
            operation.cancel()
            journal.all()
            list(client.list(PARENT))
            operation.wait(30)

    threads = [threading.Thread(target=busy) for _ in range(6)]
    for thread in threads:
        thread.start()
    outcomes: list[Any] = []
    for _ in range(int(os.environ["ROUNDS"])):
        outcomes += children(2, lambda _: _used(client))
        if "hung" in outcomes:
            break
    over.set()
    for thread in threads:
        thread.join()
    return outcomes


def _used(client: lro.Client) -> str:
    (operation,) = begun(client)
    known = [each.done() for each in client.known()]
    assert known
    assert client.journal.all()
    state = operation.wait(30).state
    client.close()
    return state


def at_exit(endpoint: str) -> object:
    """Let children end as programs do, with their at-exit functions; the parent's client goes on."""
    client = lro.Client(endpoint)
    (operation,) = begun(client)
    codes = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            operation.done()
            sys.exit(7)  # runs atexit, unlike os._exit
        codes.append(_code_of(child))
    return {"codes": codes, "closed": client.closed, "state": operation.wait(30).state}


def _code_of(child: int) -> int:
    """Return the exit code of a child; it is killed where it does not end."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


def draws(endpoint: str) -> object:
    """Return what children draw for the jitter of their looks."""
    client = lro.Client(endpoint)
    poller = begun(client)[0].poller
    return children(4, lambda _: poller._draw())


def attach(argument: tuple[str, str]) -> str:
    """Attach to an operation by its name, in a process that has nothing of the parent's."""
    endpoint, name = argument
    # Python 3.14 loads the main module before its server forks, so this may be a fork all the same.
    assert not any(isinstance(each, lro.Client) for each in gc.get_objects())
    with lro.Client(endpoint) as client:
        return client.get(name).wait(30).state


def fail(argument: tuple[str, str]) -> str:
    """Ask for what is not there."""
    with lro.Client(argument[0]) as client:
        return client.get(f"{PARENT}/operations/none").name


def other(endpoint: str, method: str) -> object:
    """Send a name to a pool of another start method, and an error back."""
    with lro.Client(endpoint) as client:
        (operation,) = begun(client)
        with multiprocessing.get_context(method).Pool(1) as pool:
            state = pool.apply_async(attach, [(endpoint, operation.name)]).get(PATIENCE)
            try:
                pool.apply_async(fail, [(endpoint, "")]).get(PATIENCE)
            except lro.ApiError as error:
                return {"state": state, "error": [error.status, error.code.name]}
    return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
