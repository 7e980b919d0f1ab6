"""What an operation's ``metadata`` says about its progress, and the samples of it over time.

Pure: no I/O and no clock of its own. Unknown stays unknown: no total, no fraction. `readers` finds the
fields, whatever the API calls them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lro_notebook import quirks, readers

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.readers import Counts
    from lro_notebook.resource import OperationResource, State


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is, as its metadata tells it.

    Attributes
    ----------
    fraction : float or None
        0 to 1; None where the metadata gives no total.
    completed : int or None
        Units done, the failed ones included.
    total : int or None
        Units in all.
    failed : int or None
        Units that failed.
    status : str or None
        The service's own words about where it is.
    created, ended : datetime or None
        UTC-aware times of the operation itself.
    cancel_requested : bool
        A cancellation was asked for.
    """

    fraction: float | None = None
    completed: int | None = None
    total: int | None = None
    failed: int | None = None
    status: str | None = None
    created: datetime | None = None
    ended: datetime | None = None
    cancel_requested: bool = False

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None) -> Progress:
        """Read the progress out of `metadata`; never raises, whatever the input is."""
        if not isinstance(metadata, Mapping):
            return cls()
        fields = quirks.plain(metadata if isinstance(metadata, dict) else dict(metadata))
        fraction, counted = _measured(fields)
        parts = readers.own(fields)
        return cls(
            fraction=fraction,
            completed=counted.completed if counted else None,
            total=counted.total if counted else None,
            failed=counted.failed if counted else None,
            status=readers.status(parts),
            created=readers.created(parts),
            ended=readers.ended(parts),
            cancel_requested=readers.cancel_requested(parts),
        )

    @classmethod
    def from_resource(cls, resource: OperationResource) -> Progress:
        """Read the progress of a whole operation: one that succeeded has done all that there was."""
        progress = cls.from_metadata(resource.metadata)
        if resource.done and resource.error is None and progress.completed and progress.total is None:
            return replace(progress, total=progress.completed, fraction=1.0)
        return progress


def _measured(metadata: dict[str, Any]) -> tuple[float | None, Counts | None]:
    """Return the fraction, and the counts that it comes from or that there are beside it.

    The outermost that tells a fraction wins; what lists, maps and steps tell comes after all objects.
    """
    without_total: Counts | None = None
    fields_of = list(readers.levels(metadata))
    for fields in fields_of:
        counted = readers.counts(fields)
        if counted is not None and counted.fraction is not None:
            return counted.fraction, counted
        without_total = without_total or counted
        percentage = readers.percentage(fields)
        if percentage is not None:
            return percentage, without_total
    for objects in (objects for fields in fields_of for objects in readers.collections(fields)):
        counted = readers.summed(objects)
        if counted is not None and counted.fraction is not None:
            return counted.fraction, counted
        mean = readers.mean_percentage(objects)
        if mean is not None:
            return mean, without_total
    if without_total is None:
        for fields in fields_of:
            counted = readers.steps(fields)
            if counted is not None:
                return counted.fraction, counted
    return None, without_total


def state_of(resource: OperationResource) -> State:
    """Return the one word for where an operation is."""
    if resource.done:
        if resource.error is None:
            return "SUCCEEDED"
        return "CANCELLED" if resource.error.name == "CANCELLED" else "FAILED"
    if Progress.from_metadata(resource.metadata).cancel_requested:
        return "CANCELLING"
    return "RUNNING" if resource.metadata else "PENDING"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at an operation's progress."""

    time: datetime
    state: State
    completed: int | None
    total: int | None
    failed: int | None
    fraction: float | None


class Samples:
    """The samples of one operation, oldest first, thinned so that memory stays bounded.

    Past `limit` samples every second one is dropped; the first and the last always stay.
    """

    def __init__(self, limit: int = 2_000) -> None:
        self._limit = limit
        self._kept: list[Sample] = []

    def add(self, sample: Sample) -> None:
        """Append `sample`."""
        self._kept.append(sample)
        if len(self._kept) > self._limit:
            self._kept = [*self._kept[:-1:2], self._kept[-1]]

    def __iter__(self) -> Iterator[Sample]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)


#: A rate is that of the last so many seconds, and needs so many samples.
_WINDOW, _LEAST = 30.0, 3


def rate_of(samples: Iterable[Sample]) -> float | None:
    """Return units per second over the last half minute; None before three samples or without movement."""
    counted = [(sample.time, sample.completed) for sample in samples if sample.completed is not None]
    recent = [(time, done) for time, done in counted if (counted[-1][0] - time).total_seconds() <= _WINDOW]
    if len(recent) < _LEAST:
        recent = counted[-_LEAST:]
    if len(recent) < _LEAST:
        return None
    (began, first), (ended, last) = recent[0], recent[-1]
    seconds = (ended - began).total_seconds()
    return (last - first) / seconds if seconds > 0 and last > first else None


def time_left(progress: Progress, rate: float | None) -> float | None:
    """Return the seconds until all is done at `rate`; None without a total or a rate."""
    if rate is None or progress.total is None or progress.completed is None:
        return None
    return max(0, progress.total - progress.completed) / rate
