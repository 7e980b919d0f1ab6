"""The progress of an operation over time, in little memory, and how fast it goes by that. Pure."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from lro_notebook.operations.resource import State

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATES: tuple[State, ...] = get_args(State)
_COUNTS = ("completed", "total", "failed")
_MOST_COUNTED = 2**63 - 1


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
    """The samples of one operation, oldest first, in little memory: 10,000 operations may have theirs.

    Past `limit` samples every second one is dropped; the first and the last always stay.
    """

    __slots__ = ("_counts", "_fractions", "_limit", "_states", "_times")

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._times, self._fractions, self._states = array("d"), array("d"), bytearray()
        self._counts = tuple(array("q") for _ in _COUNTS)  # -1 where unknown

    def add(self, sample: Sample) -> None:
        """Append `sample`."""
        self._times.append(sample.time.timestamp())
        self._fractions.append(math.nan if sample.fraction is None else sample.fraction)
        self._states.append(_STATES.index(sample.state))
        for column, name in zip(self._counts, _COUNTS, strict=True):
            number = getattr(sample, name)
            column.append(-1 if number is None else min(number, _MOST_COUNTED))
        if len(self._times) > self._limit:
            columns: tuple[Any, ...] = (self._times, self._fractions, self._states, *self._counts)
            for column in columns:
                column[:] = column[:-1:2] + column[-1:]

    def __iter__(self) -> Iterator[Sample]:
        return map(self._sample, range(len(self)))

    def __len__(self) -> int:
        return len(self._times)

    def rate(self) -> float | None:
        """Return units per second over the last half minute; None before three samples or without movement.

        It is the median slope between early and late samples, so that one burst or one pause does not
        move it.
        """
        times, completed = self._times[-_MOST:], self._counts[0][-_MOST:]
        return _rate([(time, done) for time, done in zip(times, completed, strict=True) if done >= 0])

    def _sample(self, place: int) -> Sample:
        completed, total, failed = (None if column[place] < 0 else column[place] for column in self._counts)
        fraction = self._fractions[place]
        return Sample(
            time=datetime.fromtimestamp(self._times[place], UTC),
            state=_STATES[self._states[place]],
            completed=completed,
            total=total,
            failed=failed,
            fraction=None if math.isnan(fraction) else fraction,
        )


#: A rate is that of the last so many seconds, of so many samples at least and at most.
_WINDOW, _LEAST, _MOST = 30.0, 3, 60


def _rate(counted: list[tuple[float, int]]) -> float | None:
    recent = [(time, done) for time, done in counted if counted[-1][0] - time <= _WINDOW]
    if len(recent) < _LEAST:
        recent = counted[-_LEAST:]
    if len(recent) < _LEAST or recent[-1][1] <= recent[0][1]:
        return None
    half = len(recent) // 2
    pairs = zip(recent[:half], recent[-half:], strict=True)
    slopes = sorted((late - early) / (end - began) for (began, early), (end, late) in pairs if end > began)
    if not slopes:
        return None
    median = (slopes[(len(slopes) - 1) // 2] + slopes[len(slopes) // 2]) / 2.0
    return median if median > 0.0 else None
