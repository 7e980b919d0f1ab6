"""Forked, spawned and distributed: each process has its own connections, threads and locks."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from children import forks, in_child
from fakes import rounds
from misbehaving import PARENT, Misbehaving

import lro_notebook as lro
from lro_notebook import errors, forking
from lro_notebook.http import forked_connections
from lro_notebook.http.responses import NoResponse, ResponseLost
from lro_notebook.results.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def program(name: str, *arguments: str, **environment: str) -> Any:
    """Return what a program of forks.py prints; Python warns of forks beside threads, which are the point."""
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(here / "forks.py"), name, *arguments]
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture
def service() -> Iterator[Misbehaving]:
    with Misbehaving() as running:
        yield running


@forks
def test_each_child_gets_the_answers_to_its_own_questions(service: Misbehaving) -> None:
    service.seconds = 30.0
    seen = program("answers", service.endpoint)
    assert seen == {"children": [[25, 25]] * 8, "parent": [25, 25]}


@forks
def test_an_operation_can_be_waited_for_in_children_and_in_the_parent(service: Misbehaving) -> None:
    service.seconds = 2.0
    seen = program("waits", service.endpoint)
    values = ["SUCCEEDED", {"ok": True}, ["SUCCEEDED"], "SUCCEEDED", 1, True]
    assert seen == {
        "children": [[value, 0] for value in values],  # no child has run the parent's callback
        "parent": ["SUCCEEDED"],
        "called": True,
    }


@forks
def test_no_lock_that_another_thread_held_at_the_fork_stops_a_child(service: Misbehaving) -> None:
    count = rounds(12, 100)
    seen = program("hammer", service.endpoint, ROUNDS=str(count))
    assert seen == ["SUCCEEDED"] * (2 * count)


@forks
def test_a_child_that_ends_as_programs_do_closes_nothing_of_the_parents(service: Misbehaving) -> None:
    service.seconds = 1.0
    seen = program("at_exit", service.endpoint)
    assert seen == {"codes": [7, 7, 7, 7], "closed": False, "state": "SUCCEEDED"}


@forks
def test_children_spread_their_looks_differently(service: Misbehaving) -> None:
    assert len(set(program("draws", service.endpoint))) == 4


@pytest.mark.parametrize("method", ["spawn", pytest.param("forkserver", marks=forks)])
def test_a_process_that_shares_nothing_attaches_by_name(service: Misbehaving, method: str) -> None:
    seen = program("other", service.endpoint, method)
    assert seen == {"state": "SUCCEEDED", "error": [404, "NOT_FOUND"]}


class Thing:
    """Counts the forks that it has heard of."""

    def __init__(self, error: Exception | None = None) -> None:
        self.heard, self.error = 0, error

    def after_fork_in_child(self) -> None:
        if self.error is not None:
            raise self.error
        self.heard += 1


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_one_thing_that_cannot_begin_afresh_does_not_keep_the_others_from_it() -> None:
    things = [Thing(), Thing(ValueError("no")), Thing()]
    for thing in things:
        forking.bind(thing)

    def look() -> None:
        assert [thing.heard for thing in things] == [1, 0, 1]
        assert forking.is_forked()
        in_child(lambda: [thing.heard for thing in things] == [2, 0, 2] or sys.exit(1))

    in_child(look)
    assert [thing.heard for thing in things] == [0, 0, 0]
    assert not forking.is_forked()


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_what_is_undivided_and_the_child_may_use_it() -> None:
    inside, over, ended = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        with forking.undivided():
            inside.set()
            over.wait(5)
            ended.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(5)
    threading.Timer(0.05, over.set).start()

    def use() -> None:
        assert ended == ["whole"]
        with forking.undivided():
            pass

    in_child(use)
    thread.join()


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_table_that_was_being_read_at_the_fork_is_asked_for_again() -> None:
    numbers = ahead(lambda number: lambda: number * 2, iter(range(50)))
    assert next(numbers) == (0, 0)

    def go_on() -> None:
        with pytest.raises(lro.ResultError, match="ask for it again here"):
            list(numbers)

    in_child(go_on)
    assert len(list(numbers)) == 49


@forks
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_transport_of_the_users_own_is_not_shared_either(service: Misbehaving, wrapped: bool) -> None:  # noqa: FBT001 - a parameter
    class Wrapping(httpx.BaseTransport):
        def __init__(self, inner: httpx.BaseTransport) -> None:
            self.inner = inner

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return self.inner.handle_request(request)

    inner = httpx.HTTPTransport()
    with lro.Client(service.endpoint, transport=Wrapping(inner) if wrapped else inner) as client:
        operation = client.start("POST", f"{PARENT}/fhirStores/s:import", {})
        operation.refresh()
        assert inner._pool.connections

        def ask() -> None:
            assert not inner._pool.connections
            assert client.get(operation.name).name == operation.name

        in_child(ask)
        assert operation.wait(20).state == "SUCCEEDED"
        inner.close()


def test_a_pool_that_is_built_differently_is_refused() -> None:
    transport = httpx.HTTPTransport()
    with lro.Client("http://127.0.0.1:9", transport=transport) as client:
        pool = transport._pool
        transport._pool = object()  # type: ignore[assignment]  # as another version may have it
        client.session.after_fork_in_child()
        with pytest.raises(lro.LroError, match="make the client here"):
            client.get("operations/1")
        transport._pool = pool


def test_what_is_let_go_of_is_closed_here() -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        assert forked_connections.leave(client)


def test_a_handle_says_how_to_attach_in_another_process() -> None:
    with lro.Client("http://127.0.0.1:9") as client:
        operation = client.attach(lro.OperationResource(f"{PARENT}/operations/1"))
        for make in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(
                TypeError, match=rf"operation {PARENT}/operations/1 .*Client\(…\)\.get\(name\)"
            ):
                make(operation)
            with pytest.raises(TypeError, match="Make it where it is used"):
                make(client)
        with pytest.raises(TypeError, match="Make it where it is used"):
            pickle.dumps(lro.Dataset(client, PARENT))


@pytest.mark.parametrize(
    "error",
    [
        lro.LroError("a"),
        lro.ConfigError("b"),
        lro.AuthError("c"),
        lro.ApiError(
            "m",
            status=404,
            code=errors.Code.NOT_FOUND,
            url="u",
            details=[{"a": 1}],
            hint="h",
            retry_after=2.0,
        ),
        NoResponse("r", url="u"),
        ResponseLost("x"),
        lro.StartUnknown("s", candidates=["a"]),
        lro.PollingLost("p"),
        lro.WaitTimeout("w"),
        lro.ResultError("r"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_between_processes(error: lro.LroError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(arrived) is type(error)
    assert (str(arrived), arrived.__dict__) == (str(error), error.__dict__)


@pytest.mark.parametrize("kind", [lro.OperationFailed, lro.OperationCancelled])
def test_the_error_of_an_operation_travels_without_its_handle(kind: type[lro.OperationError]) -> None:
    with lro.Client("http://127.0.0.1:9") as client:
        error = kind("export 1 failed", client.attach(lro.OperationResource("operations/1")))
        arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(arrived), str(arrived), arrived.operation) == (kind, "export 1 failed", None)
