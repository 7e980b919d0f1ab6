"""HTTP and JSON of a Google API: one request at a time, its response mapped to JSON or to an error.

What happens to a request on its way is the matter of transports, from the top down: `RetryTransport`,
`ReviveTransport` (the embedded service alone), `SigningTransport`, `BoundedTransport`. They are called
directly: an `httpx.Client` would log every address with its query, which may name a patient. Knows nothing
of operations beyond their JSON and keeps no state but the connection pool. May be used from any thread.
Redirects are not followed, so that no token travels with them.
"""

from __future__ import annotations

import json
import logging
import random
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import httpx

from lro_notebook import forking
from lro_notebook.errors import ApiError, Code, ConfigError, LroError
from lro_notebook.http import addresses, auth, forked_connections
from lro_notebook.http.connection_errors import NOT_SENT, unsent
from lro_notebook.http.endpoint import Endpoint
from lro_notebook.http.error_responses import error_of
from lro_notebook.http.proxies import proxy_for
from lro_notebook.http.response_limits import CODINGS, BoundedTransport, TooLarge, TooSlow, carrier
from lro_notebook.http.responses import (
    CLOSED,
    MOST,
    AnswerTooLarge,
    NoResponse,
    ResponseLost,
    parsed,
)
from lro_notebook.http.restart import ReviveTransport
from lro_notebook.http.retry_policy import ROLE, RetryPolicy, Role, changes
from lro_notebook.http.retry_transport import RetryTransport
from lro_notebook.http.signing import SigningTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": CODINGS,
    "Connection": "keep-alive",
    "User-Agent": "lro-notebook",
}

_log = logging.getLogger(__name__)


class Response(NamedTuple):
    """A success response: HTTP status, headers (any case) and JSON object."""

    status: int
    headers: Mapping[str, str]
    data: dict[str, Any]


class Session:
    """The HTTP side of one endpoint.

    Parameters
    ----------
    endpoint : str
        Such as ``https://healthcare.googleapis.com``; a version at its end (``…/v1beta1``) becomes the
        default version of paths that name none.
    credentials : google.auth.credentials.Credentials, str or None
        See `lro_notebook.http.auth.for_endpoint`.
    timeout : float
        Seconds that one request may take without progress; in all it may take twice as long, and a second
        more for every 100 kB of its body and its response.
    max_answer : int
        Bytes that one response may have, decoded.
    transport : httpx.BaseTransport, optional
        What carries the requests; for tests.
    revive : callable, optional
        Called when nothing listens at the endpoint or the token is refused; brings the service back
        and returns its (endpoint, token). The embedded service uses it.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        credentials: Any = None,
        timeout: float = 30.0,
        max_answer: int = MOST,
        transport: httpx.BaseTransport | None = None,
        revive: Callable[[], tuple[str, str]] | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = Endpoint(endpoint, credentials)
        self._timeout = httpx.Timeout(timeout).as_dict()
        self._usable, self._closed = True, False
        direct = transport is not None or self._endpoint.loopback
        self._proxy = None if direct else proxy_for(self._endpoint.base)
        carried = transport or carrier(self._endpoint.base, self._proxy)
        chain: httpx.BaseTransport = BoundedTransport(carried, seconds=2.0 * timeout, most=max_answer)
        chain = SigningTransport(chain, self._endpoint)
        if revive is not None:
            chain = ReviveTransport(chain, self._endpoint, revive)
        self._transport = RetryTransport(chain, retry or RetryPolicy(), sleep=sleep, clock=clock, draw=draw)
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent: whose response it is, no shared socket can tell."""
        self._usable = forked_connections.leave(self._transport)

    @property
    def endpoint(self) -> str:
        """The address of the service, without a version."""
        return str(self._endpoint)

    @property
    def version(self) -> str:
        """The API version of paths that name none."""
        return self._endpoint.version

    @property
    def loopback(self) -> bool:
        """Whether the service is on this machine."""
        return self._endpoint.loopback

    @property
    def auth(self) -> auth.Signer | None:
        """What signs the requests; None where they go unsigned."""
        return self._endpoint.signer

    @property
    def credentials(self) -> Any:
        """The google.auth credentials that sign the requests; None where a token or nothing does."""
        signer = self._endpoint.signer
        return signer.credentials if isinstance(signer, auth.GoogleCredentials) else None

    def storage_options(self) -> dict[str, Any]:
        """Return the fsspec options that read ``gs://`` with these credentials, where they may go."""
        return auth.storage_options(self.credentials)

    def version_of(self, path: str) -> str:
        """Return the API version that a request to `path` uses."""
        return self._endpoint.version_of(path)

    def url(self, path: str) -> httpx.URL:
        """Return the address of `path`; see `Endpoint.url`."""
        return self._endpoint.url(path)

    def call(
        self,
        method: str,
        path: str,
        *,
        role: Role,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        not_found_hint: str = "",
    ) -> dict[str, Any]:
        """Send a request, again where its `role` allows it, and return the JSON object of the response.

        See `exchange`.
        """
        return self.exchange(
            method, path, role=role, json=json, params=params, not_found_hint=not_found_hint
        ).data

    def exchange(
        self,
        method: str,
        path: str,
        *,
        role: Role,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        not_found_hint: str = "",
    ) -> Response:
        """Send a request, again where its `role` allows it, and return the response with its headers.

        Parameters
        ----------
        not_found_hint : str
            What to do next when the response is 404.

        Raises
        ------
        ApiError
            The service answered with an error, or (`NoResponse`) nothing answered.
        AuthError
            The credentials are missing or refused.
        ResponseLost
            `role` is ``start`` or ``write`` and the request may have been carried out.
        """
        path, params = addresses.request(path, params)
        request = _built(
            method,
            self.url(path),
            params=params or {},
            headers={**_HEADERS, **(headers or {})},
            body=json,
            extensions={"timeout": self._timeout, ROLE: role},
        )
        response = self._send(request, role)
        url = _bare(request)
        _log.debug("%s %s: HTTP %d", method, url, response.status_code)
        if response.is_success:
            data = parsed(response, url, changes=changes(role))
            return Response(response.status_code, response.headers, data)
        service_error = error_of(response, url, not_found_hint)
        if changes(role) and _may_have_worked(response.status_code):
            raise ResponseLost(
                f"the service answered HTTP {response.status_code} to the request"
            ) from service_error
        raise service_error

    def exists(self, path: str) -> bool:
        """Tell whether there is something at `path`. Calls ``GET {path}``."""
        try:
            self.call("GET", path, role="read")
        except ApiError as error:
            if error.code is Code.NOT_FOUND:
                return False
            raise
        return True

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._transport.close()

    def _send(self, request: httpx.Request, role: Role) -> httpx.Response:
        if self._closed:
            raise LroError(CLOSED)
        if not self._usable:
            raise LroError(
                "the connections of this client belong to the process that forked this one; "
                "make the client here"
            )
        try:
            return self._transport.handle_request(request)
        except NOT_SENT as error:
            raise unsent(error, _bare(request), self._proxy) from error
        except httpx.RequestError as error:
            raise _unread(error, _bare(request), changes=changes(role)) from error


def _bare(request: httpx.Request) -> str:
    """Return the address of a request without its query, which may name a patient."""
    return str(request.url.copy_with(query=None))


def _built(
    http_method: str,
    url: httpx.URL,
    *,
    params: Mapping[str, Any],
    headers: Mapping[str, str],
    body: Any,
    extensions: Mapping[str, Any],
) -> httpx.Request:
    """Return a request as it is sent.

    Its query and its body are written here: httpx before 0.28 takes ``%41`` in a value for ``A``, and NaN
    for JSON.

    Raises
    ------
    ConfigError
        It cannot be sent: its address is too long, or its body is not JSON.
    """
    content = None
    try:
        if params:
            url = url.copy_with(query=urlencode(httpx.QueryParams(params).multi_items()).encode())
        if body is not None:
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            content, headers = text.encode(), {"Content-Type": "application/json", **headers}
        return httpx.Request(
            http_method, url, headers=httpx.Headers(headers), content=content, extensions={**extensions}
        )
    except httpx.InvalidURL as error:
        what = f"the query {', '.join(params)} is too long for an address; shorten it"
        raise ConfigError(f"{http_method} {url.path}: {what}. Nothing was sent") from error
    except (TypeError, ValueError, RecursionError) as error:
        what = (
            "what is to be sent is not JSON: it has values such as NaN, a set or bytes, is too deeply "
            f"nested, or holds text that is not Unicode ({type(error).__name__})"
        )
        raise ConfigError(
            f"{http_method} {url.path}: {what}; nothing was sent"
        ) from None  # it may repeat values


def _unread(error: httpx.RequestError, url: str, *, changes: bool) -> LroError:
    """Return what it means that a request was sent and its response cannot be read."""
    if isinstance(error, (TooLarge, TooSlow)):
        what = str(error)
    else:
        what = f"the connection was lost ({type(error).__name__})"
    if changes:
        return ResponseLost(what)
    if isinstance(error, TooLarge):
        return AnswerTooLarge(what, url=url)
    return NoResponse(what, url=url)


def _may_have_worked(status: int) -> bool:
    """Tell whether a request that was answered with `status` may have been carried out all the same."""
    return status == HTTPStatus.REQUEST_TIMEOUT or (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    )
