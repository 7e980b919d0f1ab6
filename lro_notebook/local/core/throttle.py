"""The speed limit that all operations share, for demonstrations and tests of slow work."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FULL_BATCH = 1000
#: Batches a second under a limit, so that progress moves smoothly.
_BATCHES_PER_SECOND = 10
#: Seconds between two checks of a waiting operation whether the limit has changed.
_CHECK_INTERVAL = 0.05


class Throttle:
    """A limit of units a second over all operations; None is full speed."""

    def __init__(self, rate: float | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = rate
        self._due = clock()

    @property
    def rate(self) -> float | None:
        """The limit in units a second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        with self._lock:
            self._rate = rate
            self._due = self._clock()

    def batch_size(self) -> int:
        """Return how many units to commit at a time."""
        rate = self._rate
        if rate is None:
            return _FULL_BATCH
        return max(1, min(_FULL_BATCH, int(rate / _BATCHES_PER_SECOND)))

    def take(self, units: int, halted: threading.Event) -> None:
        """Wait until the `units` just done fit the limit, or until `halted` is set."""
        with self._lock:
            if self._rate is None:
                return
            self._due = max(self._due, self._clock()) + units / self._rate
            due, rate = self._due, self._rate
        while self._rate == rate and (delay := due - self._clock()) > 0:
            if halted.wait(min(delay, _CHECK_INTERVAL)):
                return
