"""The threads that run jobs: as many as are needed, whatever the jobs do to them."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.operations.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hanging:
    """A job that hangs until the test is over."""

    lane: str | None = None

    def __init__(self, over: threading.Event) -> None:
        self.over, self.begun = over, threading.Event()

    def run(self) -> None:
        self.begun.set()
        self.over.wait(60)

    def on_crash(self, error: BaseException) -> None:
        raise error


class Looking:
    """A job that runs so many times."""

    def __init__(self, times: int = 1) -> None:
        self.left, self.done = times, threading.Event()
        self.error: BaseException | None = None

    def run(self) -> float | None:
        self.left -= 1
        if self.left:
            return 0.0
        self.done.set()
        return None

    def on_crash(self, error: BaseException) -> None:
        self.error = error
        self.done.set()


def ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("lro-request-")]


@pytest.fixture
def over() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_more_threads_are_there_only_while_some_hang(over: threading.Event) -> None:
    before = len(ours())
    scheduler = Scheduler(workers=2, slow=0.02)
    for _ in range(10):
        scheduler.schedule(Hanging(over))
    healthy = Looking(50)
    scheduler.schedule(healthy)
    assert healthy.done.wait(30)
    assert len(ours()) - before >= 10
    over.set()
    deadline = time.monotonic() + 30
    while len(ours()) - before > 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(ours()) - before == 2
    again = Looking()
    scheduler.schedule(again)
    assert again.done.wait(30)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RuntimeError])
def test_whatever_a_job_raises_the_threads_live_on(kind: type[BaseException]) -> None:
    class Raising(Looking):
        def run(self) -> float | None:
            raise kind("a bug")

        def on_crash(self, error: BaseException) -> None:
            super().on_crash(error)
            raise kind("another")

    scheduler = Scheduler(workers=2)
    jobs = [Raising() for _ in range(10)]
    for job in jobs:
        scheduler.schedule(job)
    assert all(job.done.wait(30) for job in jobs)
    assert all(isinstance(job.error, kind) for job in jobs)
    healthy = Looking(3)
    scheduler.schedule(healthy)
    assert healthy.done.wait(30)


def test_a_ticker_that_exits_stops_alone() -> None:
    ticks = threading.Semaphore(0)
    scheduler = Scheduler(workers=1)
    scheduler.tick_with(lambda: sys.exit(1))
    scheduler.tick_with(ticks.release)
    assert all(ticks.acquire(timeout=30) for _ in range(3))
    scheduler.untick(ticks.release)


def test_an_error_of_the_scheduler_itself_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(workers=1)
    step, errors = scheduler._step, [SystemExit(1), MemoryError()]

    def broken() -> None:
        if errors:
            raise errors.pop()
        step()

    monkeypatch.setattr(scheduler, "_step", broken)
    job = Looking(3)
    scheduler.schedule(job)
    assert job.done.wait(30)
    assert caplog.text.count("goes on") == 2


def test_threads_that_something_has_killed_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(workers=2)
    next_job, deaths = scheduler._next_job, [1, 1, 1, 1, 1]

    def killed(number: int) -> Any:
        if deaths:
            deaths.pop()
            raise SystemExit
        return next_job(number)

    monkeypatch.setattr(scheduler, "_next_job", killed)
    jobs = [Looking(2) for _ in range(5)]
    for job in jobs:
        scheduler.schedule(job)
    assert all(job.done.wait(30) for job in jobs)
    assert deaths == []


def test_a_scheduler_thread_that_is_gone_is_replaced_at_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(workers=1)
    with monkeypatch.context() as patched:
        patched.setattr(scheduler, "_dispatch", lambda: None)
        scheduler.schedule(Looking())
        gone = scheduler._dispatcher
        assert gone is not None
        gone.join(30)
    job = Looking()
    scheduler.schedule(job)
    assert job.done.wait(30)
