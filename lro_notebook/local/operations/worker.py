"""Running operations: threads, commits, counters, cancellation and throttling. Each method brings its runner.

The rows of a step and the counters of its operation are committed in one transaction. An operation stops
between two steps when it is cancelled or the service ends.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core.current_method import CAUSE
from lro_notebook.local.core.service_errors import ServiceError, database_error, file_error
from lro_notebook.local.operations import records
from lro_notebook.local.operations.method import Job
from lro_notebook.operations.resource import Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from lro_notebook.local.core.buckets import Buckets
    from lro_notebook.local.core.database import Database
    from lro_notebook.local.core.throttle import Throttle
    from lro_notebook.local.operations.method import Method, Step

logger = logging.getLogger(__name__)

#: How many operations run at once: what Google advises clients (best practices for operations).
_RUNNING_AT_ONCE = 5


@dataclass(slots=True)
class _Run:
    """An operation that is queued or running; `end` says how it ends once it is halted."""

    number: int
    start: records.Start
    method: Method
    request: Any
    halted: threading.Event = field(default_factory=threading.Event)
    end: Status = records.ABORTED
    future: Future[None] | None = None

    def halt(self, end: Status) -> None:
        self.end = end
        self.halted.set()


class _Halted(Exception):
    """The operation was halted between two steps."""


class Worker:
    """The threads that run operations.

    Parameters
    ----------
    limit : int
        How many operations may be queued or running; a start beyond that gets HTTP 429.
    shard_bytes : int
        Size at which an output file is split.
    """

    def __init__(
        self, database: Database, buckets: Buckets, throttle: Throttle, *, limit: int, shard_bytes: int
    ) -> None:
        self._database = database
        self._buckets = buckets
        self._throttle = throttle
        self._limit = limit
        self._shard_bytes = shard_bytes
        self._lock = threading.Lock()
        self._runs: dict[int, _Run] = {}
        self._ends: dict[int, records.End] = {}
        self._threads = ThreadPoolExecutor(_RUNNING_AT_ONCE, thread_name_prefix="lro-operation")
        self._stopped = threading.Event()

    @property
    def busy(self) -> bool:
        """Whether an operation is queued or running."""
        return bool(self._runs)

    @property
    def ends(self) -> records.Ends:
        """How operations ended whose rows cannot be written because the disk is full or fails."""
        with self._lock:
            return dict(self._ends)

    def write_ends(self) -> None:
        """Retry the ends that could not be written; called now and then."""
        for number, end in self.ends.items():
            if not self._write_end(number, end):
                return
            with self._lock:
                self._ends.pop(number, None)

    def start(self, method: Method, start: records.Start, request: Any) -> int:
        """Queue an operation and return its number; it is durable when this returns."""
        with self._lock:
            if self._stopped.is_set():
                raise ServiceError(Code.UNAVAILABLE, "the local service is stopping; start it again")
            with self._database.write() as connection:
                if records.active(connection) >= self._limit:
                    raise self._too_many()
                number = records.insert(connection, start)
            run = self._runs[number] = _Run(number, start, method, request)
            run.future = self._threads.submit(self._run, run)
        return number

    def cancel(self, number: int) -> None:
        """Stop an operation before its next step; a queued one ends at once."""
        self._halt(number, records.CANCELLED)

    def stop(self) -> None:
        """Abort every queued and running operation, and wait for them."""
        with self._lock:
            self._stopped.set()
        self._halt_all(records.ABORTED)
        self._threads.shutdown(wait=True)
        self.write_ends()

    def drain(self) -> None:
        """Cancel every queued and running operation, and wait for them."""
        runs = self._halt_all(records.CANCELLED)
        wait([run.future for run in runs if run.future is not None])

    def _halt_all(self, end: Status) -> list[_Run]:
        """Halt every operation; none that is queued begins because one that runs has ended."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.halt(end)
        for run in runs:
            self._halt(run.number, end)
        return runs

    def _halt(self, number: int, end: Status) -> None:
        with self._lock:
            run = self._runs.get(number)
        if run is None:
            return
        run.halt(end)
        if run.future is not None and run.future.cancel():
            self._finish(run, end)

    def _run(self, run: _Run) -> None:
        """Run an operation, and record its end whatever happens."""
        try:
            outcome: Status | Mapping[str, Any] = self._drive(run)
        except _Halted:
            outcome = run.end
        except ServiceError as service_error:
            outcome = Status(service_error.code.value, service_error.message)
        except OSError as error:
            failed = file_error(error)
            outcome = Status(failed.code.value, failed.message)
        except MemoryError:
            message = "The operation ran out of memory; give it less data at once"
            outcome = Status(Code.RESOURCE_EXHAUSTED.value, message)
        except sqlite3.DatabaseError as error:
            logger.exception("operation %d failed", run.number)
            failed = database_error(error)
            outcome = Status(failed.code.value, failed.message)
        except Exception:  # a bug in a runner must end its operation, not leave it running for ever
            logger.exception("operation %d failed", run.number)
            message = "The local service has a bug; see service.log in its data directory"
            outcome = Status(Code.INTERNAL.value, message)
        self._finish(run, outcome)

    def _drive(self, run: _Run) -> Mapping[str, Any]:
        """Commit the steps of a runner one by one, and return the response."""
        CAUSE.set(run.method.name.rpartition(".")[2])
        job = Job(
            operation=run.number,
            database=self._database,
            buckets=self._buckets,
            shard_bytes=self._shard_bytes,
            halted=run.halted,
            batch_size=self._throttle.batch_size,
        )
        with closing(run.method.run(job, run.request)) as steps:
            while not run.halted.is_set():
                try:
                    step = next(steps)
                except StopIteration as end:
                    fields: Mapping[str, Any] = end.value
                    return {"@type": records.response_type(run.start, run.method.response), **fields}
                self._commit(run.number, step)
                if step.units:
                    self._throttle.take(step.units, run.halted)
        raise _Halted

    def _commit(self, number: int, step: Step) -> None:
        if step.write is None and not step.units and step.total is None and not step.places_drafts:
            return
        with self._database.write() as connection:
            if step.write is not None:
                step.write(connection)
            if step.total is not None:
                records.set_total(connection, number, step.total)
            alive = records.advance(
                connection,
                number,
                success=step.success,
                failures=step.failures,
                secondary=step.secondary,
            )
            if step.places_drafts:
                records.keep_drafts(connection, number)
            elif step.is_draft and alive:
                records.add_drafts(connection, number, step.success)
            if not alive:
                # Its dataset was deleted, and the operation with it.
                raise _Halted

    def _finish(self, run: _Run, outcome: Status | Mapping[str, Any]) -> None:
        """Write the end of an operation; if that fails, keep it for `write_ends`."""
        end = records.End(records.microseconds(), outcome)
        is_written = self._write_end(run.number, end)
        with self._lock:
            if not is_written:
                self._ends[run.number] = end
            self._runs.pop(run.number, None)

    def _write_end(self, number: int, end: records.End) -> bool:
        try:
            with self._database.write() as connection:
                records.finish(connection, number, end)
        except sqlite3.Error as error:
            logger.warning("the end of operation %d cannot be written: %s", number, error)
            return False
        return True

    def _too_many(self) -> ServiceError:
        return ServiceError(
            Code.RESOURCE_EXHAUSTED,
            f"{self._limit} operations are queued or running, the most that this service accepts; "
            "wait for one to end or cancel one (--max-operations changes the limit)",
            headers={"Retry-After": "1"},
        )
