"""An httpx transport that sends a request again, as often as what the request is for allows.

The role travels with the request, in its extensions. Knows nothing of tokens or of what a response means
beyond whether the failure may pass.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import httpx

from lro_notebook.http import responses
from lro_notebook.http.connection_errors import may_pass
from lro_notebook.http.response_limits import TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a request is for. Retries follow from it, not from the HTTP verb: ``$export`` starts with GET.
#: ``start`` starts work, ``write`` makes something, ``read`` may be repeated at will (cancel and
#: delete too), ``poll`` is sent once: the poller decides when the next one is due.
Role = Literal["start", "write", "read", "poll"]

ROLE = "lro.role"  # the extension of a request that holds its role
_CHANGES = ("start", "write")
_log = logging.getLogger(__name__)


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


class RetryTransport(httpx.BaseTransport):
    """Carries requests through another transport, again where their role allows it.

    The last response is returned, or the last error raised, whatever it is. May be used from any thread.

    Parameters
    ----------
    inner : httpx.BaseTransport
        What carries the requests.
    policy : RetryPolicy
        How often and how long.
    sleep, clock, draw : callable
        Sleeps so many seconds; seconds that only grow; a random number in 0..1.

    Attributes
    ----------
    policy : RetryPolicy
        What was given; may be set.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._inner, self.policy = inner, policy
        self._sleep, self._clock, self._draw = sleep, clock, draw

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request until it succeeds, may not be sent again, or its attempts or their time are used up.

        Raises
        ------
        httpx.TransportError
            As the inner transport, at the last attempt.
        """
        role: Role = request.extensions[ROLE]
        began, attempt = self._clock(), 0
        while True:
            attempt += 1
            try:
                response = self._inner.handle_request(request)
            except httpx.RequestError as error:
                pause = self._pause(attempt, began, None) if may_repeat(error, role) else None
                if pause is None:
                    raise
            else:
                again = may_repeat(response, role)
                pause = self._pause(attempt, began, responses.retry_after(response)) if again else None
                if pause is None:
                    return response
                response.close()
            _log.info(
                "%s %s: attempt %d failed, next in %.1f s", request.method, request.url.path, attempt, pause
            )
            self._sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _pause(self, attempt: int, began: float, retry_after: float | None) -> float | None:
        spent = self._clock() - began
        return self.policy.delay(attempt, retry_after=retry_after, spent=spent, draw=self._draw())


def changes(role: Role) -> bool:
    """Tell whether a request of this role changes something, so that sending it twice may do so twice."""
    return role in _CHANGES


def may_repeat(outcome: httpx.Response | httpx.RequestError, role: Role) -> bool:
    """Tell whether a request that ended with `outcome` may be sent again: the one rule."""
    if role == "poll":
        return False
    if isinstance(outcome, httpx.Response):
        if role == "read":
            return outcome.status_code in responses.RETRIED or responses.is_spoiled(outcome)
        return outcome.status_code == HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(outcome, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return may_pass(outcome)  # nothing was sent
    return role == "read" and not isinstance(outcome, TooLarge)
