"""When to look at an operation again. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lro_notebook.operations.eta import Eta


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """Delays between two looks at one operation, in seconds. Pure.

    While the progress foretells the end, each look lies a share `ahead` of the way to it, and the last one
    just behind it; past a wrong forecast the delay is a share `behind` of the time since. Without a forecast
    the delay is the square root of `spread` times the elapsed time: where nothing is known of a duration,
    that spacing is the least late for its number of requests.

    Attributes
    ----------
    floor, cap : float
        No look follows sooner, none later; a service that asks for calm may set them.
    first, spread : float
        Without a forecast: no look follows sooner, and how far they lie apart.
    ahead, behind : float
        With one: the shares of the time left, and of the time overdue.
    near, near_cap : float
        Close to the forecast end, looks lie a share `near` of the elapsed time apart, at most `near_cap`.
    long_floor, long_after : float
        As `floor`, for work that has run longer than `long_after`.
    watched, watched_share : float
        While somebody sees it live, no look follows later than this, or than this share of the elapsed time.
    jitter : float
        Each delay is longer or shorter by up to this share, so that many clients spread out.
    failure_floor, failure_cap : float
        The first delay after a failed look, which doubles, and the longest.
    retry_after_cap : float
        The longest delay after a failed look, whatever a service asks for (``Retry-After``).
    failure_budget, failure_least : float, int
        An operation counts as lost after so many seconds without an answer, and so many failures.

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
        """Return the delay after a successful look.

        Parameters
        ----------
        elapsed : float
            Seconds that the operation has run.
        forecast : Eta, optional
            What its progress tells.
        watched : bool
            Somebody sees it live.
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
        """Return the delay after a look that failed, or None once the state counts as lost.

        Parameters
        ----------
        failures : int
            Failures in a row, from 1.
        failing : float
            Seconds since the first of them; a laptop that slept in between has few failures in many.
        retry_after : float or None
            What the service asked for.
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
