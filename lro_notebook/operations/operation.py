"""`Operation`: the handle of one long-running operation, in the words of concurrent.futures.

Showing it belongs to a room above: its modules are imported where they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroError, OperationCancelled, WaitTimeout
from lro_notebook.operations import verb_and_target
from lro_notebook.operations.failed_units import failure_of
from lro_notebook.operations.frame_methods import OperationData
from lro_notebook.operations.resource import operation_id
from lro_notebook.operations.waiting import wait_until, wait_until_async, warn_of_end

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from lro_notebook.operations.eta import Samples
    from lro_notebook.operations.journal import StartRecord
    from lro_notebook.operations.poller import OperationPoller
    from lro_notebook.operations.progress import Progress
    from lro_notebook.operations.resource import Json, OperationResource, State, Status
    from lro_notebook.operations.snapshot import Snapshot

#: What other rooms ask a handle for; not listed when a name is completed.
_INNER = frozenset({"about_to_block", "poller", "record", "samples", "snapshot"})


class Operation(OperationData):
    """A handle of one operation: a future that also carries live progress and loads the output.

    Everything but `refresh`, `cancel` and the waiting methods answers at once from the last
    snapshot, and makes sure that the operation is followed. May be used from any thread.

    Parameters
    ----------
    poller : OperationPoller
        Keeps its snapshot fresh.
    client : object
        Whose credentials read the output; kept, not used.
    record : StartRecord, optional
        What was asked for, where this machine started it.

    Examples
    --------
    >>> op = store.export_to("gs://demo-out/patients", types="Patient")
    >>> op.wait().state, op.progress.fraction
    ('SUCCEEDED', 1.0)
    >>> list(op.load())
    ['Patient']
    """

    def __init__(
        self,
        poller: OperationPoller,
        *,
        client: Any = None,
        record: StartRecord | None = None,
    ) -> None:
        self._poller, self._client, self._record = poller, client, record
        self._untold = [True]  # taken by who tells of the end; one step, so no lock
        self.cancel_sent = False  # whether this handle, or its card, has asked for the cancellation
        self._titled: tuple[Snapshot, str, str] | None = None

    @property
    def name(self) -> str:
        """The server's name of the operation, such as ``projects/…/operations/123``."""
        return self.resource.name

    @property
    def id(self) -> str:
        """The last segment of the name."""
        return operation_id(self.name)

    @property
    def resource(self) -> OperationResource:
        """What the service said last."""
        return self._poller.snapshot.resource

    @property
    def snapshot(self) -> Snapshot:
        """What the service said last, with what it says of progress and state; follows nothing."""
        return self._poller.snapshot

    @property
    def metadata(self) -> Json:
        """The last ``metadata``; empty where there is none yet."""
        return self._followed().resource.metadata or {}

    @property
    def response(self) -> Json | None:
        """The ``response`` of an operation that succeeded, else None."""
        return self._followed().resource.response

    @property
    def error(self) -> Status | None:
        """Why it failed or was cancelled, else None."""
        return self._followed().resource.error

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._followed().progress

    @property
    def state(self) -> State:
        """PENDING, RUNNING, CANCELLING, SUCCEEDED, FAILED or CANCELLED."""
        return self._followed().state

    @property
    def method(self) -> str:
        """What it does: as this machine started it, else as its metadata or the names of its types tell."""
        return (self._record and self._record.method) or self._title()[0]

    @property
    def target(self) -> str:
        """The resource that it works on; empty where that is not known."""
        return (self._record and self._record.target) or self._title()[1]

    def _title(self) -> tuple[str, str]:
        """Return what it does and to what, worked out once a snapshot."""
        snapshot, known = self._poller.snapshot, self._titled
        if known is None or known[0] is not snapshot:
            words = verb_and_target.method_of(snapshot.resource, getattr(self._poller.source, "types", ()))
            known = self._titled = (snapshot, words, verb_and_target.target_in(snapshot.resource))
        return known[1:]

    @property
    def source(self) -> str | None:
        """The URI or resource that it reads from, where this machine started it."""
        return self._record.source if self._record is not None else None

    @property
    def destination(self) -> str | None:
        """The URI or resource that it writes to, where this machine started it."""
        return self._record.destination if self._record is not None else None

    @property
    def poller(self) -> OperationPoller:
        """What keeps its snapshot fresh."""
        return self._poller

    @property
    def client(self) -> Any:
        """The client that it belongs to."""
        return self._client

    @property
    def record(self) -> StartRecord | None:
        """What the journal knows of it."""
        return self._record

    @property
    def samples(self) -> Samples:
        """The progress that was seen over time."""
        return self._poller.samples

    @property
    def trouble(self) -> str:
        """Why its state cannot be read at the moment, in a few words; empty when it can."""
        return self._poller.trouble

    def done(self) -> bool:
        """Tell whether it has ended. Never blocks.

        Raises
        ------
        ApiError, AuthError, PollingLost
            Its state could not be read; the next call tries again.
        """
        lost = self._poller.pop_error()
        if lost is not None:
            raise lost
        return self._followed().resource.done

    def running(self) -> bool:
        """Tell whether it has not ended yet. Never blocks."""
        return not self.done()

    def cancelled(self) -> bool:
        """Tell whether it ended by cancellation. Never blocks."""
        return self.done() and self.state == "CANCELLED"

    def __repr__(self) -> str:
        progress, state = self.snapshot.progress, self.snapshot.state
        parts = ["Operation", self.id, self.method, state]
        if progress.completed is not None:
            parts.append(f"{progress.completed:,}" + (f" of {progress.total:,}" if progress.total else ""))
        if progress.failed:
            parts.append(f"({progress.failed:,} failed)")
        return f"<{' '.join(part for part in parts if part)}>"

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_") and name not in _INNER]

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            f"operation {self.name} cannot be pickled or copied: its handle is followed over connections of "
            "this process. Send op.name, and attach there: connect(…).operation(name) or Client(…).get(name)"
        )

    def _ipython_display_(self) -> None:
        """Show the live card where a notebook can; elsewhere the repr is shown."""
        from lro_notebook.jupyter import auto_display

        if not auto_display.display(self):
            raise NotImplementedError

    def _repr_html_(self) -> str:
        """Return the card as it is now, for front ends that show html but run no Jupyter kernel."""
        from lro_notebook.jupyter import auto_display

        return auto_display.html_of(self)

    def refresh(self) -> Operation:
        """Read the state now, and return this operation. Calls ``GET {name}``."""
        self._poller.update(self._poller.source.get())
        return self

    def cancel(self) -> bool:
        """Ask the service to stop; True when the request was sent, False when it had ended before.

        The operation ends when the service says so, usually as CANCELLED. Calls ``POST {name}:cancel``.
        """
        if self.resource.done:
            return False
        self._poller.source.cancel()
        self.cancel_sent = True
        self._poller.cancelling()
        self._poller.look_now()
        return True

    def wait(self, timeout: float | None = None) -> Operation:
        """Wait until it has ended, whatever the end is, and return this operation.

        An end without success is told once, by an `OperationFailedWarning`; a cancellation that this handle
        or its card asked for is none to tell of.

        An interrupt ends the waiting, never the operation. So does the loss of its state, which
        `done` and `result` tell.

        `timeout` is in seconds, None means no limit; once it is over, `WaitTimeout` is raised and the
        operation goes on.
        """
        self._wait(timeout)
        warn_of_end(self)
        return self

    def result(self, timeout: float | None = None) -> Json:
        """Wait, and return the ``response`` object.

        Raises
        ------
        OperationFailed, OperationCancelled
            It ended without a response.
        WaitTimeout
            The time is over; the operation goes on.
        ApiError, AuthError, PollingLost
            Its state cannot be read; it may still run.
        """
        error = self._outcome(timeout)
        if error is not None:
            raise error
        return self.resource.response or {}

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait, and return the error that it ended with, None if it succeeded.

        As in concurrent.futures, it raises `OperationCancelled` where it was cancelled, and `WaitTimeout`
        once the time is over; the operation goes on.
        """
        error = self._outcome(timeout)
        if isinstance(error, OperationCancelled):
            raise error
        return error

    def __await__(self) -> Generator[Any, None, Json]:
        return self._awaited().__await__()

    def add_done_callback(self, function: Callable[[Operation], object]) -> None:
        """Have `function` called with this operation when it has ended, at once if it has.

        The callbacks of one operation run in their order on a thread that polls nothing, so they may block
        or wait for other operations; who waits for this one does not wait for them. Where it has ended, and
        no callback of it runs or waits, `function` is called here. What it raises is logged and goes no
        further.
        """
        self._poller.when_ended(lambda: function(self))
        self._poller.follow()

    def first_to_tell(self) -> bool:
        """Tell whether nobody has told of its end yet; from now on somebody has."""
        try:
            return self._untold.pop()
        except IndexError:
            return False

    def about_to_block(self) -> None:
        """Hear that this thread is about to wait for it; a subclass may refuse."""

    def _followed(self) -> Snapshot:
        self._poller.follow()
        return self._poller.snapshot

    def _wait(self, timeout: float | None) -> None:
        """Wait until the operation has ended or is lost."""
        self._poller.follow()
        released = self._poller.released
        if not released.is_set() and not wait_until(released.is_set, (self,), timeout):
            raise WaitTimeout(
                f"operation {self.id} has not ended within {timeout:g} s; it goes on, "
                "and op.wait() waits again"
            )

    async def _awaited(self) -> Json:
        while not self.resource.done:
            self._poller.follow()
            await wait_until_async(self._poller.released.is_set, (self,))
            lost = self._poller.pop_error()
            if lost is not None:
                raise lost
        return self.result()

    def _outcome(self, timeout: float | None) -> LroError | None:
        """Wait, and return why there is no response, None where there is one."""
        while True:
            self._wait(timeout)
            if self.resource.done:
                failure = failure_of(self)
                if failure is None:
                    warn_of_end(self)
                else:
                    self.first_to_tell()  # the error tells it
                return failure
            lost = self._poller.pop_error()
            if lost is not None:
                return lost
