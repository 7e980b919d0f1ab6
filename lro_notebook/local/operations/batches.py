"""What runners share that read units one by one: waiting for the sample, and gathering units into steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lro_notebook.errors import Code
from lro_notebook.local.core.buckets import SAMPLE_BUCKET
from lro_notebook.local.core.service_errors import file_refusal
from lro_notebook.local.operations.records import Failure
from lro_notebook.local.operations.work import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.operations.work import Job

_Unit = TypeVar("_Unit")


def await_sample(job: Job, source: Location) -> Iterator[Step]:
    """Wait until the sample bucket has its content, where that is the source."""
    while source.bucket == SAMPLE_BUCKET and not job.buckets.sample_ready.wait(0.05):
        yield Step()


def found(job: Job, source: Location) -> tuple[list[tuple[str, Path]], list[Failure]]:
    """Return ``(uri, file)`` of the objects of a source, and a failure for each thing that is none."""
    objects, left_out = job.buckets.survey(source)
    return objects, [Failure(uri, "", Code.FAILED_PRECONDITION, f"no object: {why}") for uri, why in left_out]


def readable(uri: str, items: Iterator[_Unit]) -> Iterator[_Unit | Failure]:
    """Yield what is read of an object; where it cannot be read any further, why."""
    try:
        yield from items
    except OSError as error:
        yield unreadable(uri, error)


def unreadable(uri: str, error: OSError) -> Failure:
    """Return the failure of an object that cannot be read."""
    service_error = file_refusal(error)
    return Failure(uri, "", service_error.code, f"the object cannot be read: {error.strerror}")


def steps(
    job: Job,
    units: Iterable[_Unit | Failure],
    write: Callable[..., object],
    *,
    size_of: Callable[[_Unit], int],
    step_bytes: int = 4 << 20,
) -> Iterator[Step]:
    """Yield a step per batch of units, those that failed beside those that did not.

    Parameters
    ----------
    job : Job
        Says how many units a step should hold.
    units : iterable
        Each is ready to be written, or is why it cannot be.
    write : callable
        ``write(connection, units=[...])`` writes a batch.
    size_of : callable
        Returns the bytes of a unit.
    step_bytes : int
        A step of large units ends here, so that a transaction stays short.
    """
    good: list[_Unit] = []
    bad: list[Failure] = []
    size, limit = 0, job.batch()
    for unit in units:
        if isinstance(unit, Failure):
            bad.append(unit)
        else:
            good.append(unit)
            size += size_of(unit)
        if len(good) + len(bad) >= limit or size >= step_bytes:
            yield _step(good, bad, write)
            good, bad, size, limit = [], [], 0, job.batch()
    yield _step(good, bad, write)


def _step(good: list[Any], bad: list[Failure], write: Callable[..., object]) -> Step:
    return Step(partial(write, units=good) if good else None, success=len(good), failures=bad)
