"""The threads that poll operations, and how often they may.

`Budget` says how many requests a client may send. `Scheduler` owns one scheduler thread and four request
threads for the whole process, more only while some of these hang. All are named daemons, and none exists
before the first job. It knows nothing of operations: a job is anything with `run` and `on_crash`.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from lro_notebook import forking
from lro_notebook.operations.due_queue import DueQueue
from lro_notebook.operations.lanes import SLOW, Lanes

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.25  # seconds between two ticks of what is shown live: at most four updates a second
_LOOK_UP = 1.0  # seconds after which a waiting scheduler checks the clock: the machine may have slept
_RECOVERY = 5.0  # seconds in which a request rate that was halved doubles again
_BREATH = 0.1  # seconds of pause after an error of the scheduler itself
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_log = logging.getLogger(__name__)


def steady() -> float:
    """Return seconds that only ever grow, also while the machine sleeps: on wake, what is overdue is due.

    Linux stops `time.monotonic` in its sleep; the other systems do not.
    """
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


class Budget:
    """How many requests a client may send to poll its operations. May be used from any thread.

    A token bucket: `rate` a second, `burst` at once. HTTP 429 halves the rate, at most once a second; it
    doubles again every `_RECOVERY` seconds. A service may ask for a pause as well.

    Parameters
    ----------
    rate, burst : float
        Requests a second, and at most at once.
    longest : float
        Seconds of the longest pause that a service gets.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        rate: float = 40.0,
        burst: float = 40.0,
        *,
        longest: float = 120.0,
        clock: Callable[[], float] = steady,
    ) -> None:
        self._most, self._burst, self._longest, self._clock = rate, burst, longest, clock
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
            self._held = max(self._held, self._clock() + min(seconds, self._longest))


class Job(Protocol):
    """Work that is repeated until it says that it is over.

    A job may have a ``lane``, such as the host that it asks, and say that it is ``troubled`` while it is
    likely to hang: see `lanes`.
    """

    def run(self) -> float | None:
        """Do the work once; return the seconds until the next time, or None when it is over."""

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised `error`, and will not be called again."""


class Scheduler:
    """Runs jobs when they are due. A job that hangs or raises costs nobody else anything.

    Parameters
    ----------
    workers : int
        Threads that run jobs. Up to `most` are there while some jobs take long.
    most : int
        The most threads; half of them at most are in one lane.
    slow : float
        Seconds after which another thread takes over from one whose job takes long.
    names : tuple of str
        What the thread that dispatches is called, and what the threads that run jobs are, before a number.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        *,
        workers: int = 4,
        most: int = 32,
        slow: float = SLOW,
        names: tuple[str, str] = ("lro-scheduler", "lro-request"),
        clock: Callable[[], float] = steady,
    ) -> None:
        self._clock, self._names = clock, names
        self._few, self._most, self._slow = workers, most, slow
        self._begin()
        forking.bind(self)

    def _begin(self) -> None:
        self._lanes = Lanes(few=self._few, most=self._most, slow=self._slow)
        self._due: DueQueue[Job] = DueQueue()
        self._running: set[Job] = set()
        self._again: set[Job] = set()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._offered = threading.Condition(self._lock)
        self._ready: deque[Job] = deque()
        self._dispatcher: threading.Thread | None = None
        self._threads: dict[int, threading.Thread] = {}
        self._free = 0  # threads without a job
        self._tickers: set[Callable[[], object]] = set()
        self._next_tick = 0.0

    def after_fork_in_child(self) -> None:
        """Begin without jobs and threads: both are the parent's, and who looks here schedules anew."""
        self._begin()

    def schedule(self, job: Job, delay: float = 0.0) -> None:
        """Have `job` run in `delay` seconds, instead of when it was due before.

        A job that is running right now runs again as soon as it has ended.
        """
        with self._lock:
            if job in self._running:
                self._again.add(job)
                return
            self._lanes.forget(job)
            self._enter(job, delay)
            self._start()
            self._changed.notify()

    def forget(self, job: Job) -> None:
        """Do not run `job` again; a run that has begun goes on to its end."""
        with self._lock:
            self._due.discard(job)
            self._lanes.forget(job)
            self._again.discard(job)

    def tick_with(self, ticker: Callable[[], object]) -> None:
        """Call `ticker` about four times a second, in the scheduler thread: it must not block."""
        with self._lock:
            self._tickers.add(ticker)
            self._start()
            self._changed.notify()

    def untick(self, ticker: Callable[[], object]) -> None:
        """Do not call `ticker` any more."""
        with self._lock:
            self._tickers.discard(ticker)

    def _enter(self, job: Job, delay: float) -> None:
        self._due.put(job, self._clock() + max(0.0, delay))

    def _start(self) -> None:
        """Start the scheduler thread where there is none, or none any more."""
        if self._dispatcher is not None and self._dispatcher.is_alive():
            return
        self._dispatcher = threading.Thread(target=self._dispatch, name=self._names[0], daemon=True)
        self._dispatcher.start()

    def _dispatch(self) -> None:
        while True:
            try:
                self._step()
            except BaseException:  # noqa: BLE001 - whatever it was: nothing else would move any more
                _log.exception("the scheduler met an error, and goes on")
                time.sleep(_BREATH)

    def _step(self) -> None:
        """Offer what is due to the threads, or wait until something is."""
        with self._lock:
            now = self._clock()
            for _, job in self._due.take(now):
                self._lanes.enter(job)
            if not self._offer(now) and not self._ticks_due(now):
                self._changed.wait(self._pause(now))
                return
            tickers = self._take_ticks(now)
        for ticker in tickers:
            try:
                ticker()
            except BaseException:  # noqa: BLE001 - a display that broke must not stop the polling; it is logged
                _log.exception("a clock was stopped")
                self.untick(ticker)

    def _ticks_due(self, now: float) -> bool:
        return bool(self._tickers) and self._next_tick <= now

    def _pause(self, now: float) -> float | None:
        first_due, change = self._due.first_due, self._lanes.next_change(now)
        times = [] if first_due is None else [first_due - now]
        times += [self._next_tick - now] if self._tickers else []
        times += [] if change is None else [change]
        return min(_LOOK_UP, max(0.0, min(times))) if times else None

    def _offer(self, now: float) -> bool:
        """Give the jobs that may run to the threads; tell whether there are any."""
        jobs = self._lanes.admit(now)
        self._running.update(jobs)
        self._ready.extend(jobs)
        self._offered.notify(len(jobs))
        while len(self._ready) > self._free and len(self._threads) < self._lanes.most:
            if not self._add_thread():
                break
        return bool(jobs)

    def _add_thread(self) -> bool:
        number = next(number for number in itertools.count() if number not in self._threads)
        thread = threading.Thread(
            target=self._work, args=(number,), name=f"{self._names[1]}-{number}", daemon=True
        )
        self._threads[number] = thread
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads; those that are there go on
            del self._threads[number]
            _log.warning("no thread can be started; %d look at the operations", len(self._threads))
            return False
        self._free += 1
        return True

    def _take_ticks(self, now: float) -> list[Callable[[], object]]:
        if not self._ticks_due(now):
            return []
        self._next_tick = now + TICK
        return list(self._tickers)

    def _work(self, number: int) -> None:
        try:
            while (job := self._next_job(number)) is not None:
                self._run(job)
                del job
        except BaseException:  # noqa: BLE001 - something has killed the thread; another takes its place
            _log.exception("a request thread has ended")
            with self._lock:
                self._leave(number)
                self._offer(self._clock())

    def _leave(self, number: int) -> None:
        self._free -= 1
        del self._threads[number]

    def _next_job(self, number: int) -> Job | None:
        """Return the next job, None where this thread is one too many."""
        with self._lock:
            while not self._ready:
                if len(self._threads) > self._lanes.few:
                    self._leave(number)
                    return None
                self._offered.wait()
            self._free -= 1
            return self._ready.popleft()

    def _run(self, job: Job) -> None:
        delay: float | None = None
        try:
            delay = job.run()
        except BaseException as error:  # noqa: BLE001 - a job's bug, or exit, must not end the thread; the job hears of it
            _log.debug("a job was abandoned: %s", type(error).__name__)
            self._abandon(job, error)
        finally:
            with self._lock:
                self._free += 1
                self._running.discard(job)
                self._lanes.left(job)
                if job in self._again:
                    self._again.discard(job)
                    delay = 0.0
                if delay is not None:
                    self._enter(job, delay)
                self._start()
                self._offer(self._clock())
                self._changed.notify()

    def _abandon(self, job: Job, error: BaseException) -> None:
        try:
            job.on_crash(error)
        except BaseException:  # noqa: BLE001 - as above
            _log.exception("a job could not be told that it was abandoned")


_shared = Scheduler()


def shared() -> Scheduler:
    """Return the scheduler of this process."""
    return _shared
