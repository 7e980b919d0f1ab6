"""When a request is tried again: roles, the HTTP statuses that may pass, Retry-After, the pauses. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import httpx

#: The statuses after which a request that only reads, or a poll, may work later.
RETRIED = frozenset({408, 429, 500, 502, 503, 504})

#: What a request is for. Retries follow from it, not from the HTTP verb: ``$export`` starts with GET.
#: ``start`` starts work, ``write`` makes something, ``read`` may be repeated at will (cancel and
#: delete too), ``poll`` is sent once: the poller decides when the next one is due.
Role = Literal["start", "write", "read", "poll"]

ROLE = "lro.role"  # the extension of a request that holds its role
_CHANGES = ("start", "write")
_AT_LAST = 1e9  # seconds: any later time that a service asks for is this one


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a request is tried again. Times are seconds."""

    attempts: int = 6
    first: float = 0.5
    factor: float = 2.0
    cap: float = 20.0
    budget: float = 90.0

    def delay(self, attempt: int, *, retry_after: float | None, spent: float, draw: float) -> float | None:
        """Return the pause before attempt number `attempt` + 1, or None to give up.

        Parameters
        ----------
        attempt : int
            Attempts made so far, from 1.
        retry_after : float or None
            What the service asked for.
        spent : float
            Seconds since the first attempt.
        draw : float
            A random number in 0..1 that spreads the pauses of many clients.
        """
        if attempt >= self.attempts:
            return None
        backoff = min(self.cap, self.first * self.factor ** (attempt - 1)) * (0.5 + draw / 2)
        pause = backoff if retry_after is None else max(retry_after, backoff)
        return pause if spent + pause <= self.budget else None


def changes(role: Role) -> bool:
    """Tell whether a request of this role changes something, so that sending it twice may do so twice."""
    return role in _CHANGES


def retry_after(response: httpx.Response) -> float | None:
    """Return the Retry-After header in seconds; it is a number or an HTTP date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(_AT_LAST, float(value))
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(_AT_LAST, max(0.0, seconds))
