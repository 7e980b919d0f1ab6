"""What runners share: the files of a source, and units gathered into steps, a batch each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lro_notebook.errors import Code
from lro_notebook.local.core.buckets import SAMPLE_BUCKET
from lro_notebook.local.core.service_errors import file_error
from lro_notebook.local.operations.method import Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.operations.method import Job

_Unit = TypeVar("_Unit")


def await_sample(job: Job, source: Location) -> Iterator[Step]:
    """Wait until the sample bucket is filled, if that is the source."""
    while source.bucket == SAMPLE_BUCKET and not job.buckets.sample_ready.wait(0.05):
        yield Step()


def source_files(job: Job, source: Location) -> tuple[list[tuple[str, Path]], list[Failure]]:
    """Return ``(uri, file)`` of each object of a source, and a failure for each file that is no object."""
    objects, left_out = job.buckets.survey(source)
    return objects, [Failure(uri, "", Code.FAILED_PRECONDITION, f"no object: {why}") for uri, why in left_out]


def until_unreadable(uri: str, items: Iterator[_Unit]) -> Iterator[_Unit | Failure]:
    """Yield the items read from an object, then a failure if it cannot be read to its end."""
    try:
        yield from items
    except OSError as error:
        yield read_failure(uri, error)


def read_failure(uri: str, error: OSError) -> Failure:
    """Return the failure of an object that cannot be read."""
    service_error = file_error(error)
    return Failure(uri, "", service_error.code, f"the object cannot be read: {error.strerror}")


def steps(
    job: Job,
    units: Iterable[_Unit | Failure],
    write: Callable[..., object],
    *,
    size_of: Callable[[_Unit], int],
    step_bytes: int = 4 << 20,
    sift: Callable[[list[_Unit]], tuple[list[_Unit], list[Failure]]] | None = None,
) -> Iterator[Step]:
    """Yield a step per batch of units, failed ones included.

    Parameters
    ----------
    job : Job
        Sets how many units a step holds.
    units : iterable
        Each is ready to be written, or a failure.
    write : callable
        ``write(connection, units=[...])`` writes a batch.
    size_of : callable
        Returns the size of a unit in bytes.
    step_bytes : int
        A step ends at this size, so that transactions stay short.
    sift : callable, optional
        Returns the units of a batch that can be written, and failures for the others.
    """
    good: list[_Unit] = []
    bad: list[Failure] = []
    size, limit = 0, job.batch_size()
    for unit in units:
        if isinstance(unit, Failure):
            bad.append(unit)
        else:
            good.append(unit)
            size += size_of(unit)
        if len(good) + len(bad) >= limit or size >= step_bytes:
            yield _step(good, bad, write, sift)
            good, bad, size, limit = [], [], 0, job.batch_size()
    yield _step(good, bad, write, sift)


def slices(job: Job, items: Sequence[_Unit]) -> Iterator[Sequence[_Unit]]:
    """Yield `items` in batches, each of the size that the job asks for at that moment."""
    start = 0
    while start < len(items):
        size = job.batch_size()
        yield items[start : start + size]
        start += size


def _step(
    good: list[Any],
    bad: list[Failure],
    write: Callable[..., object],
    sift: Callable[[list[Any]], tuple[list[Any], list[Failure]]] | None,
) -> Step:
    if sift is not None and good:
        good, refused = sift(good)
        bad = bad + refused
    return Step(partial(write, units=good) if good else None, success=len(good), failures=bad)
