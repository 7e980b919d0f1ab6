"""`Follower`: keeps the last snapshot of one operation fresh, until it has ended or cannot be read.

It is the scheduler's job for that operation, and what waiting threads wait for. It shows nothing,
warns of nothing and raises nothing: what went wrong is kept in `lost` for whoever asks.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from lro_notebook.errors import ApiError, LroError, PollingLost
from lro_notebook.polling import PollPolicy, Scheduler, shared
from lro_notebook.progress import Progress, Sample, Samples, state_of
from lro_notebook.resource import operation_id
from lro_notebook.rest import is_transient

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.resource import OperationResource

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Where the state of one operation comes from, and where its cancellation goes."""

    def poll(self) -> OperationResource:
        """Read the operation with a single request."""

    def get(self) -> OperationResource:
        """Read the operation, trying again through passing failures."""

    def cancel(self) -> None:
        """Ask for the cancellation."""


class Follower:
    """Follows one operation; a `polling.Job`. May be used from any thread.

    Parameters
    ----------
    source : Source
        Reads the operation.
    resource : OperationResource
        The first snapshot.
    on_end : callable, optional
        Called with the last snapshot before anybody who waits is released.
    scheduler, policy, clock, now
        Who runs it and when; monotonic seconds; UTC time of the samples.

    Attributes
    ----------
    resource : OperationResource
        The last snapshot.
    samples : Samples
        The progress seen over time.
    released : threading.Event
        Set once nobody need wait any longer: the operation has ended, or it is lost.
    """

    def __init__(
        self,
        source: Source,
        resource: OperationResource,
        *,
        on_end: Callable[[OperationResource], None] | None = None,
        scheduler: Scheduler | None = None,
        policy: PollPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.source, self.resource = source, resource
        self.samples = Samples()
        self.released = threading.Event()
        self._scheduler, self._policy = scheduler or shared(), policy or PollPolicy()
        self._clock, self._now = clock, now
        self._on_end = on_end
        self._lock = threading.Lock()
        self._ended = False
        self._began = clock()
        self._following = False
        self._failures = 0
        self._failing_since: float | None = None
        self._lost: LroError | None = None
        self._callbacks: list[Callable[[], object]] = []
        self.absorb(resource)

    @property
    def trouble(self) -> str:
        """What stands in the way, in a few words; empty when nothing does."""
        since = self._failing_since
        if self._lost is not None:
            return "its state cannot be read any more"
        return "" if since is None else f"no answer for {self._clock() - since:.0f} s, retrying"

    def take_lost(self) -> LroError | None:
        """Return why the operation is lost, once; following it again starts afresh."""
        with self._lock:
            lost, self._lost = self._lost, None
            return lost

    def follow(self) -> None:
        """Make sure that the operation is followed. Never blocks."""
        with self._lock:
            if self._following or self.resource.done:
                return
            self._following = True
            self._lost = self._failing_since = None
            self._failures = 0
            self.released.clear()
        self._scheduler.schedule(self, self._policy.delay(self._clock() - self._began))

    def look_now(self) -> None:
        """Have the operation looked at without delay."""
        self.follow()
        self._scheduler.schedule(self)

    def lose(self, reason: LroError) -> None:
        """Stop following; who waits gets `reason`. The operation itself goes on."""
        self._scheduler.forget(self)
        with self._lock:
            if self.resource.done:
                return
            self._lost, self._following = reason, False
            self.released.set()

    def when_ended(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when the operation has ended, at once if it has."""
        with self._lock:
            if not self.resource.done:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def absorb(self, resource: OperationResource) -> None:
        """Take over a newer snapshot; an operation that has ended does not change any more."""
        with self._lock:
            if self._ended:
                return
            self.resource = resource
            self.samples.add(_sample(resource, self._now()))
            if not resource.done:
                return
            self._ended, self._following = True, False
            self._lost = self._failing_since = None
            callbacks, self._callbacks = self._callbacks, []
        if self._on_end is not None:
            self._on_end(resource)
        self.released.set()
        for callback in callbacks:
            self._call(callback)

    def run(self) -> float | None:
        """Look at the operation once; return the seconds until the next look, None at the end."""
        try:
            resource = self.source.poll()
        except LroError as error:
            return self._after_failure(error)
        with self._lock:
            self._failures, self._failing_since = 0, None
        self.absorb(resource)
        return None if self.resource.done else self._policy.delay(self._clock() - self._began)

    def abandon(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen."""
        self.lose(self._lost_by(error, f"cannot be followed ({type(error).__name__})"))

    def _after_failure(self, error: LroError) -> float | None:
        if not is_transient(error):
            self.lose(error)
            return None
        with self._lock:
            self._failures += 1
            if self._failing_since is None:
                self._failing_since = self._clock()
            failing = self._clock() - self._failing_since
        retry_after = error.retry_after if isinstance(error, ApiError) else None
        delay = self._policy.delay_after_failure(self._failures, failing, retry_after)
        if delay is None:
            self.lose(self._lost_by(error, f"could not be read for {failing:.0f} s"))
        return delay

    def _lost_by(self, error: BaseException, what: str) -> PollingLost:
        lost = PollingLost(f"operation {self.resource.name} {what}; it may still run. op.wait() tries again.")
        lost.__cause__ = error
        return lost

    def _call(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001 - a user's callback must not end the polling; its error is logged
            _log.exception("a done callback of operation %s failed", operation_id(self.resource.name))


def _sample(resource: OperationResource, moment: datetime) -> Sample:
    progress = Progress.from_resource(resource)
    return Sample(
        time=moment,
        state=state_of(resource),
        completed=progress.completed,
        total=progress.total,
        failed=progress.failed,
        fraction=progress.fraction,
    )
