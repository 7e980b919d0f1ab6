"""An httpx transport that sends a request again, as often as what the request is for allows.

The role travels with the request, in its extensions. Knows nothing of tokens or of what a response means
beyond whether the failure may pass.
"""

from __future__ import annotations

import logging
import random
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from lro_notebook.http.connection_errors import may_pass
from lro_notebook.http.response_limits import TooLarge
from lro_notebook.http.responses import is_spoiled
from lro_notebook.http.retry_policy import RETRIED, ROLE, RetryPolicy, Role, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


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
                pause = self._pause(attempt, began, retry_after(response)) if again else None
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


def may_repeat(outcome: httpx.Response | httpx.RequestError, role: Role) -> bool:
    """Tell whether a request that ended with `outcome` may be sent again: the one rule."""
    if role == "poll":
        return False
    if isinstance(outcome, httpx.Response):
        if role == "read":
            return outcome.status_code in RETRIED or is_spoiled(outcome)
        return outcome.status_code == HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(outcome, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return may_pass(outcome)  # nothing was sent
    return role == "read" and not isinstance(outcome, TooLarge)
