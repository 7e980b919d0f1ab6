"""`Lanes`: which of the due jobs may run now, so that those that hang do not hold up the others.

Pure: it decides on the jobs and the time that it is given, and knows no threads. A job's lane is the host
that it asks. Only a few jobs run at once. One that takes long no longer counts among these few, so that
another may run beside it; but one lane gets at most half of all places, and jobs known to hang get a few.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

SLOW = 0.3  # seconds; most responses come sooner


class _Group(NamedTuple):
    """What the jobs that wait have in common."""

    lane: Hashable
    troubled: bool


class _Run(NamedTuple):
    group: _Group
    began: float


class Lanes:
    """The jobs that are due, and those that run. Not thread-safe: its user holds a lock.

    Parameters
    ----------
    few : int
        Jobs that run at once, those apart that take long; and of those that are known to hang.
    most : int
        Jobs that run at once in all; half of them in one lane.
    slow : float
        Seconds after which a job takes long.
    """

    def __init__(self, *, few: int = 4, most: int = 32, slow: float = SLOW) -> None:
        self.few, self.most, self._slow = few, max(few, most), slow
        # Ordered ones, whose first is found at once although thousands before it were taken out.
        self._waiting: dict[_Group, OrderedDict[Any, int]] = {}
        self._running: dict[Any, _Run] = {}
        self._groups: dict[Any, _Group] = {}
        self._numbers = itertools.count()

    def enter(self, job: Any) -> None:
        """Hear that `job` is due. Its ``lane`` and ``troubled`` are asked for; it may have neither."""
        group = _Group(getattr(job, "lane", None), bool(getattr(job, "troubled", False)))
        self._groups[job] = group
        self._waiting.setdefault(group, OrderedDict())[job] = next(self._numbers)

    def forget(self, job: Any) -> None:
        """Hear that `job` need not run any more, if it waits."""
        group = self._groups.pop(job, None)
        if group is not None:
            self._drop(group, job)

    def admit(self, now: float) -> list[Any]:
        """Return the jobs that begin to run now, the longest waiting first."""
        admitted = []
        while (group := self._next(now)) is not None:
            job = next(iter(self._waiting[group]))
            del self._groups[job]
            self._drop(group, job)
            self._running[job] = _Run(group, now)
            admitted.append(job)
        return admitted

    def left(self, job: Any) -> None:
        """Hear that `job` has ended its run."""
        self._running.pop(job, None)

    def next_change(self, now: float) -> float | None:
        """Return the seconds until a job that runs takes long, None where nobody waits for that."""
        if not self._waiting:
            return None
        turns = [run.began + self._slow for run in self._running.values()]
        return min((turn - now for turn in turns if turn > now), default=None)

    def _drop(self, group: _Group, job: Any) -> None:
        jobs = self._waiting[group]
        del jobs[job]
        if not jobs:
            del self._waiting[group]

    def _next(self, now: float) -> _Group | None:
        if not self._waiting or len(self._running) >= self.most:
            return None
        runs = self._running.values()
        prompt = sum(1 for run in runs if not run.group.troubled and run.began + self._slow > now)
        troubled = sum(1 for run in runs if run.group.troubled)
        free = {False: prompt < self.few, True: troubled < self.few}
        groups = [group for group in self._waiting if free[group.troubled] and self._has_room(group.lane)]
        return min(groups, key=lambda group: next(iter(self._waiting[group].values())), default=None)

    def _has_room(self, lane: Hashable) -> bool:
        if lane is None:
            return True
        return sum(1 for run in self._running.values() if run.group.lane == lane) < max(1, self.most // 2)
