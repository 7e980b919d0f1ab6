"""When to look at an operation again, and the threads that do it.

`PollPolicy` decides and is pure. `Scheduler` owns one scheduler thread and at most four request
threads for the whole process, all daemon and named, none before the first job. It knows nothing of
operations: a job is anything with `run` and `abandon`.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.25  # seconds between two ticks of the clocks: at most four updates a second
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """Delays between two looks at one operation, in seconds.

    The delay is a share of the time that the operation has run, between `floor` and `cap`: short work
    is seen to end soon, long work is asked rarely.
    """

    floor: float = 0.25
    cap: float = 20.0
    share: float = 0.1
    failure_floor: float = 1.0
    failure_cap: float = 30.0
    failure_budget: float = 900.0

    def delay(self, elapsed: float) -> float:
        """Return the delay after a successful look at an operation that has run for `elapsed` seconds."""
        return min(self.cap, max(self.floor, elapsed * self.share))

    def delay_after_failure(self, failures: int, failing: float, retry_after: float | None) -> float | None:
        """Return the delay after a look that failed, or None once the state counts as lost.

        Parameters
        ----------
        failures : int
            Failures in a row, from 1.
        failing : float
            Seconds since the first of them.
        retry_after : float or None
            What the service asked for.
        """
        if failing > self.failure_budget:
            return None
        backoff = min(self.failure_cap, self.failure_floor * 2.0 ** min(failures - 1, 10))
        return max(backoff, retry_after or 0.0)


class Job(Protocol):
    """Work that is done again and again until it says that it is over."""

    def run(self) -> float | None:
        """Do the work once; return the seconds until the next time, or None when it is over."""

    def abandon(self, error: BaseException) -> None:
        """Hear that `run` raised `error`, and will not be called again."""


class Scheduler:
    """Runs jobs when they are due.

    Parameters
    ----------
    workers : int
        Threads that run jobs; the most requests in flight at once.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, *, workers: int = 4, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._workers = workers
        self._due: list[tuple[float, int, Job]] = []
        self._entries: dict[Job, int] = {}
        self._running: set[Job] = set()
        self._again: set[Job] = set()
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._ready: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._started = False
        self._tickers: set[Callable[[], object]] = set()
        self._next_tick = 0.0

    def schedule(self, job: Job, delay: float = 0.0) -> None:
        """Have `job` run in `delay` seconds, instead of when it was due before.

        A job that is running right now runs again as soon as it has ended.
        """
        with self._changed:
            if job in self._running:
                self._again.add(job)
                return
            self._enter(job, delay)
            self._start()
            self._changed.notify()

    def forget(self, job: Job) -> None:
        """Do not run `job` again; a run that has begun goes on to its end."""
        with self._changed:
            self._entries.pop(job, None)
            self._again.discard(job)

    def tick_with(self, ticker: Callable[[], object]) -> None:
        """Call `ticker` about four times a second, in the scheduler thread: it must not block."""
        with self._changed:
            self._tickers.add(ticker)
            self._start()
            self._changed.notify()

    def untick(self, ticker: Callable[[], object]) -> None:
        """Do not call `ticker` any more."""
        with self._changed:
            self._tickers.discard(ticker)

    def _enter(self, job: Job, delay: float) -> None:
        number = next(self._numbers)
        self._entries[job] = number
        heapq.heappush(self._due, (self._clock() + delay, number, job))

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        threading.Thread(target=self._dispatch, name="lro-scheduler", daemon=True).start()
        for number in range(self._workers):
            threading.Thread(target=self._work, name=f"lro-request-{number}", daemon=True).start()

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                now = self._clock()
                if not self._jobs_due(now) and not self._ticks_due(now):
                    self._changed.wait(self._pause(now))
                    continue
                jobs = self._take_due(now)
                tickers = self._take_ticks(now)
            for job in jobs:
                self._ready.put(job)
            for ticker in tickers:
                try:
                    ticker()
                except Exception:  # noqa: BLE001 - a display that broke must not stop the polling; it is logged
                    _log.exception("a clock was stopped")
                    self.untick(ticker)

    def _jobs_due(self, now: float) -> bool:
        return bool(self._due) and self._due[0][0] <= now

    def _ticks_due(self, now: float) -> bool:
        return bool(self._tickers) and self._next_tick <= now

    def _pause(self, now: float) -> float | None:
        times = [self._due[0][0]] if self._due else []
        times += [self._next_tick] if self._tickers else []
        return max(0.0, min(times) - now) if times else None

    def _take_due(self, now: float) -> list[Job]:
        jobs = []
        while self._jobs_due(now):
            _, number, job = heapq.heappop(self._due)
            if self._entries.get(job) == number:  # else entered again since, or forgotten
                del self._entries[job]
                self._running.add(job)
                jobs.append(job)
        return jobs

    def _take_ticks(self, now: float) -> list[Callable[[], object]]:
        if not self._ticks_due(now):
            return []
        self._next_tick = now + TICK
        return list(self._tickers)

    def _work(self) -> None:
        while True:
            job = self._ready.get()
            delay: float | None = None
            try:
                delay = job.run()
            except Exception as error:  # noqa: BLE001 - a job's bug must not end the thread; the job hears of it
                _log.debug("a job was abandoned: %s", type(error).__name__)
                job.abandon(error)
            with self._changed:
                self._running.discard(job)
                if job in self._again:
                    self._again.discard(job)
                    delay = 0.0
                if delay is not None:
                    self._enter(job, delay)
                    self._changed.notify()
            del job


_shared = Scheduler()


def shared() -> Scheduler:
    """Return the scheduler of this process."""
    return _shared
