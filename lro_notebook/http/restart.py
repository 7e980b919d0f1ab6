"""An httpx transport that brings back a service that has stopped, and sends the request to its new address.

It stands between the transport that retries and the one that signs: a service that is back has another port
and another token.
"""

from __future__ import annotations

import logging
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from lro_notebook import forking

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.http.endpoint import Endpoint

_REVIVED = "lro.revived"  # the extension of a request that has already brought the service back
_log = logging.getLogger(__name__)


class ReviveTransport(httpx.BaseTransport):
    """Carries requests through another transport, and brings the service back when it is gone.

    It is gone when nothing listens at its endpoint, or when what listens refuses the token. A request brings
    it back once at most. Of several threads that find it gone, one brings it back.

    Parameters
    ----------
    inner : httpx.BaseTransport
        What signs and carries the requests.
    endpoint : Endpoint
        Where the service is; moved when it is back.
    revive : callable
        Brings the service back and returns its (endpoint, token).
    """

    def __init__(
        self, inner: httpx.BaseTransport, endpoint: Endpoint, revive: Callable[[], tuple[str, str]]
    ) -> None:
        self._inner, self._endpoint, self._revive = inner, endpoint, revive
        self._lock = threading.Lock()
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Make a new lock: a lost thread of the parent may hold the old one."""
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and once more if that took bringing the service back.

        Raises
        ------
        httpx.TransportError
            As the inner transport.
        """
        revision = self._endpoint.revision
        _readdress(request, self._endpoint.base)
        try:
            response = self._inner.handle_request(request)
        except httpx.ConnectError:
            if _REVIVED in request.extensions:
                raise
        else:
            if response.status_code != HTTPStatus.UNAUTHORIZED or _REVIVED in request.extensions:
                return response
            response.close()
        request.extensions[_REVIVED] = True
        self._bring_back(revision)
        _readdress(request, self._endpoint.base)
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _bring_back(self, revision: int) -> None:
        with self._lock:
            if self._endpoint.revision == revision:  # else another thread has done it
                self._endpoint.move(*self._revive())
                _log.warning("The local service had stopped; it runs again, with its data.")


def _readdress(request: httpx.Request, base: httpx.URL) -> None:
    """Point a request to the origin of `base`; its path and query stay."""
    request.url = request.url.copy_with(scheme=base.scheme, host=base.host, port=base.port)
    request.headers["Host"] = request.url.netloc.decode("ascii")
