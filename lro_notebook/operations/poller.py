"""`OperationPoller`: keeps the snapshot of one operation fresh, until it has ended or cannot be read.

It is the scheduler's job for that operation, and what waiting threads wait for. It shows nothing, warns of
nothing and raises nothing: what went wrong is kept for whoever asks (`pop_error`).
"""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from lro_notebook import forking
from lro_notebook.errors import ApiError, LroError, PollingLost
from lro_notebook.http.responses import NoConnection, is_transient
from lro_notebook.operations.callbacks import Callbacks, call
from lro_notebook.operations.eta import Eta, Sample, Samples
from lro_notebook.operations.polling_policy import PollPolicy
from lro_notebook.operations.resource import operation_id
from lro_notebook.operations.scheduler import shared, steady
from lro_notebook.operations.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.operations.resource import OperationResource

_HANGS = 1.0  # seconds; a failed look that took longer counts as one that hangs


class Source(Protocol):
    """Where the state of one operation comes from, and where its cancellation goes.

    It may have a ``lane``, the host that it asks: see `lanes`.
    """

    def poll(self) -> OperationResource:
        """Read the operation with a single request."""

    def get(self) -> OperationResource:
        """Read the operation, trying again through passing failures."""

    def cancel(self) -> None:
        """Ask for the cancellation."""


class Runner(Protocol):
    """Runs pollers when they are due: the scheduler, or what gathers the looks at many operations."""

    def schedule(self, job: OperationPoller, delay: float = 0.0) -> None:
        """Have `job` look in `delay` seconds, instead of when it was due before."""

    def forget(self, job: OperationPoller) -> None:
        """Do not have `job` look again."""


class OperationPoller:
    """Follows one operation; a `scheduler.Job`. May be used from any thread.

    Parameters
    ----------
    source : Source
        Reads the operation.
    resource : OperationResource
        What is known of it so far.
    on_end : callable, optional
        Called with the last snapshot before anybody who waits is released.
    requested, seen : datetime, optional
        When this machine asked for it, or saw it before; for services that do not tell when it began.
    scheduler, policy, clock, now, draw
        Who runs it and when; seconds that only grow; UTC time of the samples; random numbers in 0..1.

    Attributes
    ----------
    snapshot : Snapshot
        What the service said last, parsed once for all who look at it.
    samples : Samples
        The progress seen over time.
    watched : bool
        It is shown live, so it is polled more often.
    released : threading.Event
        Set once there is nothing to wait for: the operation has ended, or it is lost.
    """

    def __init__(
        self,
        source: Source,
        resource: OperationResource,
        *,
        on_end: Callable[[Snapshot], None] | None = None,
        requested: datetime | None = None,
        seen: datetime | None = None,
        scheduler: Runner | None = None,
        policy: PollPolicy | None = None,
        clock: Callable[[], float] = steady,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.source = source
        self.samples = Samples()
        self.watched = False
        self.released = threading.Event()
        self._scheduler: Runner = scheduler or shared()
        self._policy = policy or PollPolicy()
        self._clock, self._now, self._draw = clock, now, draw
        self._eta = Eta()
        self._on_end = on_end
        opened = now()
        self._requested, self._first_seen = requested, seen or opened
        self._lock = threading.Lock()
        self._ended = self._cancel_asked = False
        self._began = clock()
        self._following = False
        self._failures = 0
        self._failing_since: float | None = None
        self._failing_with = ""
        self._took = 0.0
        self._lost: LroError | None = None
        self.snapshot: Snapshot
        self._callbacks = Callbacks(operation_id(resource.name))
        self._take_over(Snapshot.of(resource), opened=opened)
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Follow nothing until somebody looks; the parent's done callbacks are the parent's to call."""
        if self._lock.locked():  # a thread that is gone was changing them
            self.samples, self._eta = Samples(), Eta()
        self._lock, self.released = threading.Lock(), threading.Event()
        self._following, self._lost, self._failing_since = False, None, None
        self._failures = 0
        self._callbacks.after_fork_in_child()
        self._ended = self.resource.done
        if self._ended:
            self.released.set()
            self._callbacks.end()

    @property
    def resource(self) -> OperationResource:
        """What the service said last."""
        return self.snapshot.resource

    @property
    def trouble(self) -> str:
        """Why its state cannot be read at the moment, in a few words; empty when it can."""
        since = self._failing_since
        if self._lost is not None:
            why = f" ({self._lost.brief})" if isinstance(self._lost, NoConnection) else ""
            return f"its state cannot be read any more{why}"
        return "" if since is None else f"{self._failing_with} for {self._clock() - since:.0f} s, retrying"

    @property
    def lane(self) -> str | None:
        """The host that it asks, if known."""
        return getattr(self.source, "lane", None)

    @property
    def troubled(self) -> bool:
        """Whether the last look failed, and took long: the next one is likely to hang too."""
        return self._failing_since is not None and self._took >= _HANGS

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the ETA; None without a steady one, or once it has passed."""
        end = self._eta.end if self._eta.is_steady and not self.resource.done else None
        left = None if end is None else end - (self._clock() - self._began)
        return left if left is not None and left > 0.0 else None

    def pop_error(self) -> LroError | None:
        """Return why the operation is lost, once; following it again starts afresh."""
        with self._lock:
            lost, self._lost = self._lost, None
            return lost

    def follow(self) -> None:
        """Make sure that the operation is polled. Never blocks."""
        with self._lock:
            if self._following or self.resource.done:
                return
            self._following = True
            self._lost = self._failing_since = None
            self._failures = 0
            self.released.clear()
        self._scheduler.schedule(self, self._delay())

    def look_now(self) -> None:
        """Poll the operation without delay."""
        self.follow()
        self._scheduler.schedule(self)

    def cancelling(self) -> None:
        """Hear that its cancellation was asked for: that is shown at once, whatever the service says."""
        with self._lock:
            self._cancel_asked = True
            if not self._ended:
                self.snapshot = self.snapshot.asked_to_stop()

    def lose(self, reason: LroError) -> None:
        """Stop polling; who waits gets `reason`. The operation itself goes on."""
        self._scheduler.forget(self)
        with self._lock:
            if self.resource.done:
                return
            self._lost, self._following = reason, False
            self.released.set()

    def when_ended(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when the operation has ended, at once if it has; see `Callbacks`."""
        self._callbacks.add(callback)

    def update(self, resource: OperationResource) -> None:
        """Hear what somebody else has read; an operation that has ended does not change any more."""
        self._take_over(Snapshot.of(resource))

    def _take_over(self, snapshot: Snapshot, *, opened: datetime | None = None) -> None:
        with self._lock:
            if self._ended:
                return
            now = opened or self._now()
            ended = now if snapshot.resource.done and opened is None else None
            snapshot = snapshot.timed(self._requested, self._first_seen, ended)
            self.snapshot = snapshot = snapshot.asked_to_stop() if self._cancel_asked else snapshot
            self.samples.add(_sample(snapshot, now))
            self._eta.add(self._clock() - self._began, snapshot.progress.fraction)
            if not snapshot.resource.done:
                return
            self._ended, self._following = True, False
            self._lost = self._failing_since = None
        try:
            if self._on_end is not None:
                end = f"what notes the end of operation {operation_id(self.resource.name)}"
                call(partial(self._on_end, snapshot), end)
        finally:
            self.released.set()
            self._callbacks.end()

    def run(self) -> float | None:
        """Look at the operation once; return the seconds until the next look, None at the end."""
        try:
            snapshot = self.look()
        except LroError as error:
            return self.missed(error)
        return self.seen(snapshot)

    def look(self) -> Snapshot:
        """Ask the source once, and note how long that took."""
        began = self._clock()
        try:
            return Snapshot.of(self.source.poll())
        finally:
            self._took = self._clock() - began

    def seen(self, snapshot: Snapshot) -> float | None:
        """Take over what a look has seen; return the seconds until the next one, None at the end."""
        with self._lock:
            self._failures, self._failing_since = 0, None
        self._take_over(snapshot)
        return self._delay() if self._following else None

    def missed(self, error: LroError) -> float | None:
        """Hear that a look failed; return the seconds until the next one, None where there is none."""
        if not is_transient(error):
            self.lose(error)
            return None
        with self._lock:
            self._failures += 1
            if self._failing_since is None:
                self._failing_since = self._clock()
            self._failing_with = _in_words(error)
            failing = self._clock() - self._failing_since
        retry_after = error.retry_after if isinstance(error, ApiError) else None
        delay = self._policy.delay_after_failure(self._failures, failing, retry_after)
        if delay is None:
            self.lose(self._lost_by(error, f"could not be read for {failing:.0f} s"))
        return delay

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen."""
        self.lose(self._lost_by(error, f"cannot be followed ({type(error).__name__})"))

    def _delay(self) -> float:
        return self._policy.delay(
            self._clock() - self._began, self._eta, watched=self.watched, draw=self._draw()
        )

    def _lost_by(self, error: BaseException, what: str) -> PollingLost:
        lost = PollingLost(f"operation {self.resource.name} {what}; it may still run. op.wait() tries again.")
        lost.__cause__ = error
        return lost


def _in_words(error: LroError) -> str:
    """Return what a passing failure is, without the service's own words."""
    status = error.status if isinstance(error, ApiError) else 0
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "asked to slow down (HTTP 429)"
    return f"HTTP {status}" if status else "no answer"


def _sample(snapshot: Snapshot, moment: datetime) -> Sample:
    progress = snapshot.progress
    return Sample(
        time=moment,
        state=snapshot.state,
        completed=progress.completed,
        total=progress.total,
        failed=progress.failed,
        fraction=progress.fraction,
    )
