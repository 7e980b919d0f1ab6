"""When to look at an operation again, and the threads that do it.

`PollPolicy` decides and is pure; `Budget` says how many requests a client may send. `Scheduler` owns one
scheduler thread and at most four request threads for the whole process, all daemon and named, none
before the first job. It knows nothing of operations: a job is anything with `run` and `abandon`.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lro_notebook import forking

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.forecast import Forecast

TICK = 0.25  # seconds between two ticks of the clocks: at most four updates a second
_LOOK_UP = 1.0  # seconds after which a waiting scheduler looks at the clock: the machine may have slept
_RECOVERY = 5.0  # seconds in which a request rate doubles that a service had cut
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_log = logging.getLogger(__name__)


def steady() -> float:
    """Return seconds that only ever grow, also while the machine sleeps: on wake, what is overdue is due.

    Linux stops `time.monotonic` in its sleep; the other systems do not.
    """
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """Delays between two looks at one operation, in seconds. Pure.

    While the progress foretells the end, each look lies a share `ahead` of the way to it, and the last one
    just behind it; past a wrong forecast the delay is a share `behind` of the time since. Without a forecast
    the delay is the square root of `spread` times the elapsed time: where nothing is known of a duration,
    that spacing is the least late for its number of requests.

    Attributes
    ----------
    floor, cap : float
        No look follows sooner, none later; a service that asks for calm may set them.
    first, spread : float
        Without a forecast: no look follows sooner, and how far they lie apart.
    ahead, behind : float
        With one: the shares of the time left, and of the time overdue.
    near, near_cap : float
        Close to the forecast end, looks lie a share `near` of the elapsed time apart, at most `near_cap`.
    long_floor, long_after : float
        As `floor`, for work that has run longer than `long_after`.
    watched, watched_share : float
        While somebody sees it live, no look follows later than this, or than this share of the elapsed time.
    jitter : float
        Each delay is longer or shorter by up to this share, so that many clients spread out.
    failure_floor, failure_cap : float
        The first delay after a failed look, which doubles, and the longest.
    failure_budget, failure_least : float, int
        An operation counts as lost after so many seconds without an answer, and so many failures.

    Examples
    --------
    >>> policy = lro.PollPolicy(floor=5.0, jitter=0.0)
    >>> policy.delay(1.0), policy.delay(60.0)
    (5.0, 6.0)
    """

    floor: float = 0.2
    first: float = 0.5
    spread: float = 0.6
    ahead: float = 0.55
    behind: float = 0.4
    cap: float = 10.5
    near: float = 0.02
    near_cap: float = 1.0
    long_floor: float = 0.0
    long_after: float = 120.0
    watched: float = 1.5
    watched_share: float = 0.05
    jitter: float = 0.05
    failure_floor: float = 1.0
    failure_cap: float = 30.0
    failure_budget: float = 900.0
    failure_least: int = 10

    def delay(
        self,
        elapsed: float,
        forecast: Forecast | None = None,
        *,
        watched: bool = False,
        draw: float = 0.5,
    ) -> float:
        """Return the delay after a successful look.

        Parameters
        ----------
        elapsed : float
            Seconds that the operation has run.
        forecast : Forecast, optional
            What its progress tells.
        watched : bool
            Somebody sees it live.
        draw : float
            A random number in 0..1 that decides the jitter.
        """
        end = None if forecast is None else forecast.end
        if forecast is None or end is None:
            delay = self._blind(elapsed - ((forecast and forecast.began) or 0.0))
        else:
            delay = self._informed(elapsed, end - elapsed)
        if watched:
            delay = min(delay, max(self.watched, self.watched_share * elapsed))
        floor = max(self.floor, self.long_floor if elapsed > self.long_after else 0.0)
        return max(floor, delay * (1.0 + self.jitter * (2.0 * draw - 1.0)))

    def delay_after_failure(self, failures: int, failing: float, retry_after: float | None) -> float | None:
        """Return the delay after a look that failed, or None once the state counts as lost.

        Parameters
        ----------
        failures : int
            Failures in a row, from 1.
        failing : float
            Seconds since the first of them; a laptop that slept in between has few failures in many.
        retry_after : float or None
            What the service asked for.
        """
        if failing > self.failure_budget and failures >= self.failure_least:
            return None
        backoff = min(self.failure_cap, self.failure_floor * 2.0 ** min(failures - 1, 10))
        return max(backoff, retry_after or 0.0)

    def _blind(self, elapsed: float) -> float:
        return min(self.cap, max(self.first, math.sqrt(self.spread * max(0.0, elapsed))))

    def _informed(self, elapsed: float, left: float) -> float:
        near = min(self.near_cap, max(self.floor, self.near * elapsed))
        if left <= 0.0:  # the end was foretold too early
            return min(self._blind(elapsed), max(near, -left * self.behind))
        if left < 2.0 * near:
            return left + self.floor / 4.0
        return min(self.cap, max(near, left * self.ahead))


class Budget:
    """How many requests a client may send to look at its operations; from several threads.

    A bucket of tokens: `rate` a second, `burst` at once. A service that answers 429 halves the rate, at most
    once a second; it doubles again in `_RECOVERY` seconds. A service may ask for a pause as well.

    Parameters
    ----------
    rate, burst : float
        Requests a second, and at most at once.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, rate: float = 40.0, burst: float = 40.0, *, clock: Callable[[], float] = steady
    ) -> None:
        self._most, self._burst, self._clock = rate, burst, clock
        self._rate, self._tokens = rate, burst
        self._at = self._held = clock()
        self._slowed = float("-inf")
        self._lock = threading.Lock()
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Have a lock that no thread of the parent holds; the child has a budget of its own."""
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one request; return 0.0, or the seconds until there is one, without taking it."""
        with self._lock:
            moment = self._clock()
            if moment < self._held:
                return self._held - moment
            passed, self._at = moment - self._at, moment
            self._rate = min(self._most, self._rate * 2.0 ** min(10.0, passed / _RECOVERY))
            self._tokens = min(self._burst, self._tokens + passed * self._rate)
            if self._tokens < 1.0:
                return (1.0 - self._tokens) / self._rate
            self._tokens -= 1.0
            return 0.0

    def slow_down(self) -> None:
        """Hear that the service asks for fewer requests."""
        with self._lock:
            moment = self._clock()
            if moment - self._slowed >= 1.0:
                self._slowed, self._rate = moment, max(1.0, self._rate / 2.0)
                self._tokens = min(self._tokens, self._rate)

    def pause(self, seconds: float) -> None:
        """Hear that the service asks for no request in the next `seconds`."""
        with self._lock:
            self._held = max(self._held, self._clock() + seconds)


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

    def __init__(self, *, workers: int = 4, clock: Callable[[], float] = steady) -> None:
        self._clock = clock
        self._workers = workers
        self._begin()
        forking.bind(self)

    def _begin(self) -> None:
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

    def after_fork_in_child(self) -> None:
        """Begin without jobs and threads: both are the parent's, and who looks here schedules anew."""
        self._begin()

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
        return min(_LOOK_UP, max(0.0, min(times) - now)) if times else None

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
