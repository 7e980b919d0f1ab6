"""The progress of an operation over time, in little memory: how fast it goes, and when it will end. Pure."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from lro_notebook.operations.resource import State

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATES: tuple[State, ...] = get_args(State)
_COUNTS = ("completed", "total", "failed")
_MOST_COUNTED = 2**63 - 1
_MOVES = 64  # past that every second one of the older half is dropped


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

    Past `limit` samples every second one is dropped; the first and the last always stay. One thread adds;
    others may read meanwhile.
    """

    __slots__ = ("_columns", "_limit")

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        #: Times, fractions, states and counts, -1 where unknown. Replaced as a whole when some are dropped.
        self._columns: tuple[Any, ...] = (array("d"), array("d"), bytearray(), *(array("q") for _ in _COUNTS))

    def add(self, sample: Sample) -> None:
        """Append `sample`."""
        times, fractions, states, *counts = self._columns
        fractions.append(math.nan if sample.fraction is None else sample.fraction)
        states.append(_STATES.index(sample.state))
        for column, name in zip(counts, _COUNTS, strict=True):
            number = getattr(sample, name)
            column.append(-1 if number is None or number < 0 else min(number, _MOST_COUNTED))
        times.append(sample.time.timestamp())  # last: who reads takes no more samples than there are times
        if len(times) > self._limit:
            self._columns = tuple(column[:-1:2] + column[-1:] for column in self._columns)

    def __iter__(self) -> Iterator[Sample]:
        columns = self._columns
        return map(partial(_sample, columns), range(len(columns[0])))

    def __len__(self) -> int:
        return len(self._columns[0])

    def rate(self) -> float | None:
        """Return units per second over the last half minute; None before three samples or without movement.

        It is the median slope between early and late samples, so that one burst or one pause does not
        move it.
        """
        times, _, _, completed, *_ = self._columns
        end = len(times)
        recent = slice(max(0, end - _MOST), end)
        return _rate(
            [(at, done) for at, done in zip(times[recent], completed[recent], strict=True) if done >= 0]
        )


def _sample(columns: tuple[Any, ...], place: int) -> Sample:
    time, fraction, state, *counts = (column[place] for column in columns)
    completed, total, failed = (None if count < 0 else count for count in counts)
    return Sample(
        time=datetime.fromtimestamp(time, UTC),
        state=_STATES[state],
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


class Eta:
    """The moves of one operation's progress, and the end that they point to; all times are seconds.

    It never claims to know: without a moving fraction there is no forecast, and each look may change it.

    A look at which nothing had moved is no move: progress that comes in bursts is measured from burst to
    burst, so that the flat stretch after one does not look like a slowdown. A fraction that falls (the
    total has grown, or work was done again) starts afresh.

    Attributes
    ----------
    began : float or None
        Elapsed seconds at the first look that saw a fraction; what comes before is the start-up.
    """

    __slots__ = ("_moves", "began")

    def __init__(self) -> None:
        self._moves: list[tuple[float, float]] = []
        self.began: float | None = None

    def add(self, elapsed: float, fraction: float | None) -> None:
        """Note that `fraction` (0 to 1, None where it is unknown) was seen after `elapsed` seconds."""
        if fraction is None:
            return
        if self.began is None:
            self.began = elapsed
        if self._moves and fraction < self._moves[-1][1]:
            self._moves = []
        if not self._moves or fraction > self._moves[-1][1]:
            self._moves.append((elapsed, fraction))
        if len(self._moves) > _MOVES:
            half = _MOVES // 2
            self._moves = self._moves[:half:2] + self._moves[half:]

    @property
    def is_steady(self) -> bool:
        """Whether it comes from three looks at progress that moved, enough to show it to people."""
        return len(self._moves) >= 3  # noqa: PLR2004

    @property
    def end(self) -> float | None:
        """Elapsed seconds at which the fraction should reach 1; None before the progress has moved.

        The pace is that of the later half of the work: a slow beginning is soon forgotten.
        """
        moves = self._moves.copy()  # another thread may add one
        if len(moves) < 2:  # noqa: PLR2004 - a pace needs two moves
            return None
        now, reached = moves[-1]
        later = [move for move in moves if move[1] >= reached / 2]
        since, base = later[0] if len(later) > 2 else moves[-3:][0]  # noqa: PLR2004 - three make it steady
        return now + (1.0 - reached) * (now - since) / (reached - base)
