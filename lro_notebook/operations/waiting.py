"""Waiting for operations: one or many, on a thread or on an event loop, in the words of concurrent.futures.

A wait never cancels what it waits for. What people see meanwhile is up to `jupyter.auto_display`. Who only
waits is warned of an end without success, once; who asks for the result gets the error itself.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.errors import (
    ConfigError,
    OperationFailedWarning,
    PartialFailureWarning,
    WaitTimeout,
    warn_caller,
)
from lro_notebook.operations.failed_units import count_told, failure_of, warning_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lro_notebook.operations.operation import Operation

TICK = 0.1  # seconds between two checks of the clock, the keyboard and the display by a waiting thread
_SHOWN, _LONGEST = 3, 300  # of several that ended without success, and characters of each
_RAISES = "In a script, op.result() raises this error instead of a warning."
_WHEN = (
    concurrent.futures.FIRST_COMPLETED,
    concurrent.futures.FIRST_EXCEPTION,
    concurrent.futures.ALL_COMPLETED,
)


class DoneAndNotDone(NamedTuple):
    """What `wait` returns: two sets of operations."""

    done: set[Operation]
    not_done: set[Operation]

    def __repr__(self) -> str:
        return f"<done: {_counted(self.done)}; not done: {_counted(self.not_done)}>"


def _counted(operations: Iterable[Operation]) -> str:
    """Return how many operations are in each state: ``27 succeeded, 3 cancelled``."""
    states = Counter(operation.snapshot.state for operation in operations)
    return ", ".join(f"{count:,} {state.lower()}" for state, count in states.most_common()) or "none"


def wait(
    ops: Iterable[Operation],
    *,
    timeout: float | None = None,
    return_when: str = concurrent.futures.ALL_COMPLETED,
) -> DoneAndNotDone:
    """Wait for operations, as `concurrent.futures.wait` does for futures.

    Parameters
    ----------
    ops : iterable of Operation
        All are followed while this waits.
    timeout : float or None
        Seconds; None means no limit. When they are over, what has ended so far is returned.
    return_when : {"ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"}
        When to return; an operation that failed, was cancelled or cannot be read counts as an exception.

    Warns
    -----
    OperationFailedWarning
        Some ended without success, as `Operation.wait` says: one warning for all of them.

    Returns
    -------
    DoneAndNotDone
        ``(done, not_done)``, two sets; an operation whose state cannot be read any more is in ``done``,
        and its ``result()`` says why.

    Examples
    --------
    >>> done, not_done = lro.wait([op])
    >>> len(done), len(not_done)
    (1, 0)
    """
    if return_when not in _WHEN:
        raise ConfigError(f"return_when={return_when!r} is none of {', '.join(_WHEN)}")
    operations = _followed(ops)

    def ready() -> bool:
        if return_when == concurrent.futures.FIRST_COMPLETED and any(map(_released, operations)):
            return True
        if return_when == concurrent.futures.FIRST_EXCEPTION and any(map(_without_result, operations)):
            return True
        return all(map(_released, operations))  # stops at the first of what may be thousands

    wait_until(ready, operations, timeout)
    done = set(filter(_released, operations))
    warn_of_ends(dict.fromkeys(operations))
    return DoneAndNotDone(done, set(operations) - done)


def as_completed(ops: Iterable[Operation], *, timeout: float | None = None) -> Iterator[Operation]:
    """Yield operations as they end, as `concurrent.futures.as_completed` does for futures.

    It warns of no failure: it hands each operation over, and ``result()`` raises its error.

    Parameters
    ----------
    ops : iterable of Operation
        All are followed from the first step on.
    timeout : float or None
        Seconds from the call on; None means no limit.

    Raises
    ------
    WaitTimeout
        Some have not ended in time; they go on.

    Examples
    --------
    >>> for each in lro.as_completed([op], timeout=60):
    ...     print(each.state)
    SUCCEEDED
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    left = dict.fromkeys(_followed(ops))

    def ended() -> list[Operation]:
        return list(filter(_released, left))

    while left:
        seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not wait_until(lambda: bool(ended()), list(left), seconds):
            raise WaitTimeout(
                f"{len(left)} operations have not ended within {timeout:g} s; they go on, "
                "and lro.wait() waits again"
            )
        for operation in ended():
            del left[operation]
            yield operation


def wait_until(ready: Callable[[], bool], operations: Sequence[Operation], timeout: float | None) -> bool:
    """Wait for `operations` until `ready` says so, and show that; False when the time is over."""
    from lro_notebook.jupyter import auto_display

    if ready():
        return True
    for operation in operations:
        operation.about_to_block()
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        with auto_display.watching(operations) as pause:
            while not ready():
                left = TICK if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    return False
                pause(min(TICK, left))
    except KeyboardInterrupt as interrupt:
        raise interrupt.with_traceback(None) from None  # where exactly it waited is of no use to anybody
    return True


async def wait_until_async(ready: Callable[[], bool], operations: Sequence[Operation]) -> None:
    """Wait as `wait_until` does, on an event loop."""
    import asyncio  # 20 ms that only those pay who await

    from lro_notebook.jupyter import auto_display

    if ready():
        return
    with auto_display.watching(operations) as pause:
        while not ready():
            await asyncio.sleep(TICK)  # short: a kernel's interrupt does not wake a sleeping loop
            pause(0.0)


def plain_pause(operations: Sequence[Operation]) -> Callable[[float], object]:
    """Return a function that waits so many seconds, or until the first unfinished operation ends."""

    def pause(seconds: float) -> None:
        waiting = (op.poller.released for op in operations if not op.poller.released.is_set())
        event = next(waiting, None)
        if event is not None:
            event.wait(seconds)

    return pause


def _followed(ops: Iterable[Operation]) -> list[Operation]:
    operations = list(ops)
    for operation in operations:
        operation.poller.follow()
    return operations


def _released(operation: Operation) -> bool:
    return operation.poller.released.is_set()


def _without_result(operation: Operation) -> bool:
    if not _released(operation):
        return False
    return operation.resource.error is not None or not operation.resource.done


def warn_of_end(operation: Operation) -> None:
    """Warn of an operation that has ended without success, or in which units failed; at most once."""
    if not operation.resource.done:
        return
    failure = failure_of(operation)
    if not operation.first_to_tell():
        return
    if failure is None:
        if warning := warning_of(operation):
            warn_caller(warning, PartialFailureWarning)
    elif not was_asked_for(operation):
        warn_caller(f"{failure}\n{next_step(operation)}", OperationFailedWarning)


def warn_of_ends(operations: Iterable[Operation]) -> None:
    """Warn of those of several operations that ended without success: one warning for all, each once."""
    several = list(operations)
    ended = [each for each in several if each.resource.done]
    lost = [each for each in ended if each.resource.error is not None and not was_asked_for(each)]
    bad = [each for each in lost if each.first_to_tell()]
    if len(bad) == 1:
        warn_caller(f"{failure_of(bad[0])}\n{next_step(bad[0])}", OperationFailedWarning)
    elif bad:
        warn_caller(_of_several(bad, len(several)), OperationFailedWarning)


def was_asked_for(operation: Operation) -> bool:
    """Tell whether it was cancelled because this handle has asked for that."""
    return operation.snapshot.state == "CANCELLED" and operation.cancel_sent


def next_step(operation: Operation) -> str:
    """Return what to do about an operation that ended without success."""
    if operation.snapshot.state == "CANCELLED":
        return f"Somebody else cancelled it: start it again for the rest. {_RAISES}"
    steps = ["Fix the cause, and start it again"]
    if count_told(operation):
        steps.append("op.failures() lists what failed in it")
    if "://" in (operation.destination or "") and operation.progress.completed:
        steps.append("op.load(partial=True) loads what it wrote until then")
    return f"{'; '.join(steps)}. {_RAISES}"


def _of_several(bad: Sequence[Operation], of: int) -> str:
    listed = [f"  {_cut(str(failure_of(each)))}" for each in bad[:_SHOWN]]
    more = [f"  and {len(bad) - _SHOWN:,} more"] if len(bad) > _SHOWN else []
    return "\n".join(
        [
            f"{len(bad):,} of {of:,} operations ended without success:",
            *listed,
            *more,
            "lro.to_frame(ops) shows all of them, op.result() raises the error of each.",
        ]
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
