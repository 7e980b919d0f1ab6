"""Calls to a remote file system, beside each other: on the event loop of fsspec, or in threads.

Each call is tried again after a fault that may pass, and after a silence.
"""

from __future__ import annotations

import asyncio
import errno
import random
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lro_notebook.results.file_systems import loop_of
from lro_notebook.results.location import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Result = TypeVar("Result")
Item = TypeVar("Item")

_PASSING = {408, 425, 429}  # answers of a server that is there, and may answer otherwise soon
_CLIENT, _SERVER = 400, 500
_FINAL = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)
_FINAL_NUMBERS = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOSPC}
_LONGEST_WAIT = 8.0


def backoff(tries: int) -> float:
    """Return how many seconds to wait after so many tries that failed."""
    longest: float = min(_LONGEST_WAIT, 0.5 * 2.0 ** (tries - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Fetch:
    """How a remote place is read.

    Attributes
    ----------
    streams : int
        Requests at once.
    memory : int
        Bytes on their way, or here and not yet parsed; what is parsed next is fetched whatever its size.
    timeout : float
        Seconds without an answer after which a request is made again.
    tries : int
        How often a request is made that fails in a way that may pass.
    patience : float
        Seconds after which no further try is made.
    backoff : callable
        Returns the seconds between tries from their number.
    clock : callable
        Returns the time, in seconds.
    """

    streams: int = 16
    memory: int = 256_000_000
    timeout: float = 60.0
    tries: int = 5
    patience: float = 180.0
    backoff: Callable[[int], float] = backoff
    clock: Callable[[], float] = time.monotonic

    def goes_on(self, tries: int, begun: float) -> bool:
        """Tell whether there is another try after so many, the first of them at `begun`."""
        return tries < self.tries and self.clock() - begun < self.patience


#: As a place is read where nobody says otherwise.
USUAL = Fetch()


class TruncatedError(EOFError):
    """An answer ended before all was there that was asked for."""


class StalledError(TimeoutError):
    """There was no answer, time and again."""


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status in an error of a file system, where it has one."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "code", "status_code"):
            value = getattr(holder, name, None)
            if isinstance(value, int | str) and str(value).isdigit():
                return int(value)
    return None


def may_pass(error: BaseException) -> bool:
    """Tell whether it makes sense to try again after `error`."""
    if isinstance(error, _FINAL) or (isinstance(error, OSError) and error.errno in _FINAL_NUMBERS):
        return False
    if is_forbidden(error):
        return False
    status = status_of(error)
    return status is None or status in _PASSING or not _CLIENT <= status < _SERVER


def is_forbidden(error: BaseException) -> bool:
    """Tell whether `error` says that permission is missing."""
    number = getattr(error, "errno", None)
    return (
        isinstance(error, PermissionError)
        or number in {errno.EACCES, errno.EPERM}
        or status_of(error) in {401, 403}
        or (isinstance(error, OSError) and str(error).startswith("Forbidden"))  # gcsfs
    )


def _nothing() -> None:
    pass


class Call(Generic[Result]):
    """A call on its way.

    Attributes
    ----------
    future : Future
        What becomes of it.
    tries : int
        How often it was begun.
    """

    def __init__(self, begin: Callable[[Call[Result]], Callable[[], object]], fetch: Fetch) -> None:
        self.future: Future[Result] = Future()
        self.tries = 0
        self._dropped = False
        self.begun = self.since = fetch.clock()  # the first try, and the one that goes on
        self._begin, self._fetch = begin, fetch
        self._stop: Callable[[], object] = _nothing
        self._start()

    def result(self) -> Result:
        """Wait for the result; begin again where there is none for too long.

        Raises
        ------
        StalledError
            There was no answer.
        """
        fetch = self._fetch
        while True:
            with suppress(TimeoutError):
                return self.future.result(max(0.0, self.since + fetch.timeout - fetch.clock()))
            if self.future.done():
                return self.future.result()
            if fetch.clock() < self.since + fetch.timeout:
                continue
            self._stop()
            if not fetch.goes_on(self.tries, self.begun):
                raise StalledError
            self.since = fetch.clock()
            self._start()

    def _start(self) -> None:
        self.tries += 1
        self._stop = self._begin(self)
        if self.future.done():
            self._stop = _nothing

    def settle(self, ended: Future[Result]) -> None:
        """Take what a try gave, if it is the first to end."""
        if ended.cancelled():
            if self._dropped:
                self.future.cancel()
            return
        with suppress(InvalidStateError):
            if (error := ended.exception()) is not None:
                self.future.set_exception(error)
            else:
                self.future.set_result(ended.result())
        self._stop = _nothing  # which holds the result, and this call

    def drop(self) -> None:
        """Give it up; it has ended when `future` has, since a thread ends by itself alone."""
        self._dropped = True
        self._stop()

    def cancel(self) -> None:
        """Give it up, and wake whoever waits for it."""
        self.future.cancel()
        self._stop()


class Calls:
    """Makes calls to `fs`; after `close`, nothing of it goes on."""

    def __init__(self, fs: Any, fetch: Fetch) -> None:
        self.fs, self.fetch = fs, fetch
        self._loop = loop_of(fs)
        self._closed = threading.Event()
        self._threads = _Threads()

    def begin(
        self, method: str, path: str, check: Callable[[Any], Result] | None = None, **how: Any
    ) -> Call[Result]:
        """Begin ``fs.{method}(path, **how)``; `check` is given the result, and may refuse it."""
        taken: Callable[[Any], Any] = check or (lambda result: result)

        def on_loop(call: Call[Result]) -> Callable[[], object]:
            run = self._tried_on_loop(call, getattr(self.fs, f"_{method}"), path, taken, how)
            task = asyncio.run_coroutine_threadsafe(run, self._loop)
            task.add_done_callback(call.settle)
            return task.cancel

        def in_thread(call: Call[Result]) -> Callable[[], object]:
            function = getattr(self.fs, method)
            task = self._threads.submit(lambda: self._tried(call, function, path, taken, how))
            task.add_done_callback(call.settle)
            return lambda: None

        return Call(in_thread if self._loop is None else on_loop, self.fetch)

    def close(self) -> None:
        """Let the threads end; one that waits for an answer ends when that comes, and nobody waits for it."""
        self._closed.set()
        self._threads.close()

    async def _tried_on_loop(
        self,
        call: Call[Result],
        function: Callable[..., Any],
        path: str,
        check: Callable[[Any], Result],
        how: dict[str, Any],
    ) -> Result:
        while True:
            call.since = self.fetch.clock()
            try:
                return check(await function(path, **how))
            except faults() as error:
                pause = self._pause_after(error, call)
            await asyncio.sleep(pause)
            call.tries += 1

    def _tried(
        self,
        call: Call[Result],
        function: Callable[..., Any],
        path: str,
        check: Callable[[Any], Result],
        how: dict[str, Any],
    ) -> Result:
        while True:
            call.since = self.fetch.clock()
            try:
                return check(function(path, **how))
            except faults() as error:
                pause = self._pause_after(error, call)
            if self._closed.wait(pause):
                raise CancelledError
            call.tries += 1

    def _pause_after(self, error: BaseException, call: Call[Any]) -> float:
        """Return how long to wait before the next try, timed from then; raise `error` where there is none."""
        if not may_pass(error) or not self.fetch.goes_on(call.tries, call.begun):
            raise error
        pause = self.fetch.backoff(call.tries)
        call.since = self.fetch.clock() + pause
        return pause


def in_order(
    begin: Callable[[Item], Call[Result]], items: Iterable[Item], most: int
) -> Iterator[tuple[Item, Callable[[], Result]]]:
    """Yield each item with what waits for its result, in order; up to `most` calls are on their way."""
    waiting: deque[tuple[Item, Call[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, begin(item)))
            if len(waiting) >= most:
                yield waiting[0][0], waiting[0][1].result
                waiting.popleft()
        while waiting:
            yield waiting[0][0], waiting[0][1].result
            waiting.popleft()
    finally:
        for _, call in waiting:
            call.cancel()


class _Threads:
    """Daemon threads: one for each job that runs, kept for the next. A lost one keeps no process alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._idle = 0
        self._all: list[threading.Thread] = []

    def submit(self, run: Callable[[], Result]) -> Future[Result]:
        """Run a job at once."""
        future: Future[Result] = Future()
        with self._lock:
            is_new = self._idle == 0
            self._idle -= not is_new
        self._jobs.put((future, run))
        if is_new:
            thread = threading.Thread(target=self._work, name="lro-fetch", daemon=True)
            self._all.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Let each thread end when it has nothing to do; those that have not end now."""
        for _ in self._all:
            self._jobs.put(None)
        with self._lock:
            idle = self._idle == len(self._all)
        for thread in self._all if idle else ():
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._run(*job)
            del job

    def _run(self, future: Future[Any], run: Callable[[], Any]) -> None:
        result, fault = None, None
        try:
            result = run()
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            fault = error
        with self._lock:  # what waits may begin the next job: it is for this thread
            self._idle += 1
        if fault is None:
            future.set_result(result)
        else:
            future.set_exception(fault)
