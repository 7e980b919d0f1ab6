"""httpx over the connections of a service of google-api-python-client."""

from __future__ import annotations

import threading
from typing import Any

import httpx

from lro_notebook import forking


class ServiceTransport(httpx.BaseTransport):
    """Sends over the ``http`` of a service of google-api-python-client, which signs with its own credentials.

    Connections of httplib2 are not for several threads at once: here are others with the same settings where
    it can be told how to make them, and else one request at a time.
    """

    def __init__(self, http: Any) -> None:
        self._http, self._lock = _another(http), threading.Lock()
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Take connections and a lock of its own in a forked child."""
        self._http, self._lock = _another(self._http), threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and return the response."""
        headers = {
            key: value
            for key, value in request.headers.items()
            if key not in ("host", "accept-encoding", "connection")
        }
        body = request.read() or None
        try:
            with self._lock:
                answer, content = self._http.request(
                    str(request.url), method=request.method, body=body, headers=headers
                )
        except Exception as error:
            if type(error).__module__.partition(".")[0] == "httplib2" or isinstance(error, OSError):
                raise httpx.ConnectError(type(error).__name__, request=request) from error
            raise
        kept = {
            key: value
            for key, value in dict(answer).items()
            if key in ("content-type", "retry-after", "location")
        }
        return httpx.Response(int(answer.status), headers=kept, content=content, request=request)


def _another(http: Any) -> Any:
    """Return an ``http`` of the same settings with connections of its own, where that is possible."""
    import copy

    inner: Any = getattr(http, "http", None)
    if type(http).__module__ == "google_auth_httplib2" and type(inner).__module__ == "httplib2":
        same = copy.copy(inner)  # it leaves the connections behind
        same.follow_redirects = False
        return type(http)(http.credentials, http=same)
    if type(http).__module__ == "httplib2" and "request" not in vars(http):
        same = copy.copy(http)
        same.follow_redirects = False
        return same
    return http
