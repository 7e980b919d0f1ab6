"""When to poll an operation again. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lro_notebook.operations.eta import Eta


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """Delays between two polls of one operation, in seconds. Pure.

    With an ETA, poll after `ahead` x the estimated remaining time, the last time just after the ETA; once it
    has passed, after `behind` x the time since. Without one, poll after the square root of `spread` x the
    elapsed time: for an unknown duration, no other spacing is less late for as many requests.

    Attributes
    ----------
    floor, cap : float
        The shortest and the longest delay.
    first, spread : float
        Without an ETA: the shortest delay, and how fast the delays grow.
    ahead, behind : float
        With an ETA: the shares of the remaining time, and of the time overdue.
    near, near_cap : float
        Close to the ETA, the delay is `near` x the elapsed time, at most `near_cap`.
    long_floor, long_after : float
        As `floor`, for operations that have run longer than `long_after`.
    watched, watched_share : float
        While it is shown live, the longest delay, or this share of the elapsed time if that is longer.
    jitter : float
        Each delay varies by up to this share, so that many clients do not poll at once.
    failure_floor, failure_cap : float
        The first delay after a failed poll, which doubles, and the longest.
    retry_after_cap : float
        The longest delay after a failed poll, even if ``Retry-After`` asks for more.
    failure_budget, failure_least : float, int
        An operation counts as lost after so many seconds of failures, and so many of them.

    Examples
    --------
    >>> policy = lro.PollPolicy(floor=5.0, jitter=0.0)
    >>> policy.delay(1.0), policy.delay(60.0)
    (5.0, 6.0)
    """

    floor: float = 0.2
    first: float = 0.5
    spread: float = 0.6
    ahead: float = 0.55
    behind: float = 0.4
    cap: float = 10.5
    near: float = 0.02
    near_cap: float = 1.0
    long_floor: float = 0.0
    long_after: float = 120.0
    watched: float = 1.5
    watched_share: float = 0.05
    jitter: float = 0.05
    failure_floor: float = 1.0
    failure_cap: float = 30.0
    retry_after_cap: float = 120.0
    failure_budget: float = 900.0
    failure_least: int = 10

    def delay(
        self,
        elapsed: float,
        eta: Eta | None = None,
        *,
        watched: bool = False,
        draw: float = 0.5,
    ) -> float:
        """Return the delay after a successful poll.

        Parameters
        ----------
        elapsed : float
            Seconds that the operation has run.
        eta : Eta, optional
            When it will end, by its progress.
        watched : bool
            It is shown live.
        draw : float
            A random number in 0..1 that decides the jitter.
        """
        end = None if eta is None else eta.end
        if eta is None or end is None:
            delay = self._blind(elapsed - ((eta and eta.began) or 0.0))
        else:
            delay = self._informed(elapsed, end - elapsed)
        if watched:
            delay = min(delay, max(self.watched, self.watched_share * elapsed))
        floor = max(self.floor, self.long_floor if elapsed > self.long_after else 0.0)
        return max(floor, delay * (1.0 + self.jitter * (2.0 * draw - 1.0)))

    def delay_after_failure(self, failures: int, failing: float, retry_after: float | None) -> float | None:
        """Return the delay after a failed poll, or None once the operation counts as lost.

        Parameters
        ----------
        failures : int
            Failures in a row, from 1.
        failing : float
            Seconds since the first of them; few failures in a long time: the machine slept in between.
        retry_after : float or None
            Seconds that the service asked for.
        """
        if failing > self.failure_budget and failures >= self.failure_least:
            return None
        backoff = min(self.failure_cap, self.failure_floor * 2.0 ** min(failures - 1, 10))
        return max(backoff, min(self.retry_after_cap, retry_after or 0.0))

    def _blind(self, elapsed: float) -> float:
        return min(self.cap, max(self.first, math.sqrt(self.spread * max(0.0, elapsed))))

    def _informed(self, elapsed: float, left: float) -> float:
        near = min(self.near_cap, max(self.floor, self.near * elapsed))
        if left <= 0.0:  # the end was foretold too early
            return min(self._blind(elapsed), max(near, -left * self.behind))
        if left < 2.0 * near:
            return left + self.floor / 4.0
        return min(self.cap, max(near, left * self.ahead))
