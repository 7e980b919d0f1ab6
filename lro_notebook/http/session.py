"""HTTP and JSON of a Google API: one request at a time, its errors mapped, retried by its role.

Knows nothing of operations beyond their JSON and keeps no state but the connection pool. May be used
from any thread. Redirects are not followed, so that no token travels with them.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

import httpx

from lro_notebook import forking
from lro_notebook.errors import ApiError, AuthError, Code, ConfigError, LroError
from lro_notebook.http import addresses, auth, pools
from lro_notebook.http.bounded import CODINGS, BoundedTransport, TooLarge, TooSlow, carrier
from lro_notebook.http.requests import built
from lro_notebook.http.responses import (
    CLOSED,
    MOST,
    RETRIED,
    AnswerTooLarge,
    NoResponse,
    ResponseLost,
    error_of,
    parsed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: What a request is for; retries follow from it, not from the HTTP verb ($export starts with GET).
#: ``start`` starts work, ``write`` makes something, ``read`` may be repeated at will (cancel and
#: delete too), ``poll`` is one single try: the poller decides when the next one is due.
Role = Literal["start", "write", "read", "poll"]

_VERSION = addresses.VERSION
_log = logging.getLogger(__name__)


class _WithoutQuery(logging.Filter):
    """Takes the query, which may name a patient, out of what httpx logs of our requests, not of others'."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Mark what this thread sends meanwhile as ours."""
        self._here.ours = True
        try:
            yield
        finally:
            self._here.ours = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, those of our requests with the bare address."""
        if getattr(self._here, "ours", False) and isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args
            )
        return True


_queries = _WithoutQuery()
logging.getLogger("httpx").addFilter(_queries)


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


class Request(NamedTuple):
    """A request, and what it is for."""

    method: str
    path: str
    role: Role
    json: Any
    params: Mapping[str, str | int] | None
    headers: Mapping[str, str] | None
    not_found_hint: str


class Response(NamedTuple):
    """A success answer: HTTP status, headers (any case) and JSON object."""

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
        more for every 100 kB of its body and its answer.
    max_answer : int
        Bytes that one answer may have, decoded.
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
        credentials: Any = None,  # noqa: ANN401 - three kinds, see auth.for_endpoint
        timeout: float = 30.0,
        max_answer: int = MOST,
        transport: httpx.BaseTransport | None = None,
        revive: Callable[[], tuple[str, str]] | None = None,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sleep, self._clock, self._draw = sleep, clock, draw
        self._retry = retry or RetryPolicy()
        self._revive, self._reviving = revive, threading.Lock()
        self._point_to(endpoint, credentials)
        self._usable = True
        trusting = not auth.is_loopback(self._base)
        self._http = httpx.Client(
            timeout=timeout,
            transport=BoundedTransport(
                transport or carrier(self._base, trust_env=trusting), seconds=2.0 * timeout, most=max_answer
            ),
            follow_redirects=False,
            trust_env=trusting,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": CODINGS,
                "User-Agent": "lro-notebook",
            },
        )
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent: whose answer it is, no shared socket can tell."""
        self._reviving = threading.Lock()
        self._usable = pools.leave(self._http)

    def _point_to(self, endpoint: str, credentials: Any) -> None:  # noqa: ANN401
        base = httpx.URL(addresses.endpoint(endpoint))
        head, _, last = base.path.rpartition("/")
        versioned = _VERSION.fullmatch(last) is not None
        self.version = last if versioned else "v1"
        self._base = base.copy_with(path=(head if versioned else base.path) or "/", query=None)
        self._auth = auth.for_endpoint(credentials, self._base)

    @property
    def endpoint(self) -> str:
        """The address of the service, without a version."""
        return str(self._base).rstrip("/")

    @property
    def loopback(self) -> bool:
        """Whether the service is on this machine."""
        return auth.is_loopback(self._base)

    @property
    def auth(self) -> httpx.Auth | None:
        """What signs the requests; None where they go unsigned."""
        return self._auth

    @property
    def credentials(self) -> Any:  # noqa: ANN401 - google-auth is untyped
        """The google.auth credentials that sign the requests; None where a token or nothing does."""
        return self._auth.credentials if isinstance(self._auth, auth.GoogleCredentials) else None

    def storage_options(self) -> dict[str, Any]:
        """Return the fsspec options that read ``gs://`` with these credentials, where they may go."""
        return auth.storage_options(self.credentials)

    def version_of(self, path: str) -> str:
        """Return the API version that a request to `path` uses."""
        first = path.lstrip("/").partition("/")[0]
        return first if _VERSION.fullmatch(first) else self.version

    def url(self, path: str) -> httpx.URL:
        """Return the address of `path`, which may start with a version; dotted paths have none.

        Raises
        ------
        ConfigError
            The address would be another one than `path` says.
        """
        path = addresses.checked(path)
        if not _VERSION.fullmatch(path.partition("/")[0]) and not path.startswith("."):
            path = f"{self.version}/{path}"
        url = httpx.URL(f"{self.endpoint}/{path}")
        # Last line of defence, whatever the HTTP library makes of a path: it is that path, and no query.
        asked = f"{self._base.path.rstrip('/')}/{path}"
        if (
            not {"?", "#"}.isdisjoint(path)
            or url.copy_with(raw_path=b"/") != self._base.copy_with(raw_path=b"/")
            or unquote_to_bytes(url.raw_path) != asked.encode()
        ):
            raise ConfigError(f"path {addresses.shown(path)} would become another address; nothing was sent")
        return url

    def call(
        self,
        method: str,
        path: str,
        *,
        role: Role,
        json: Any = None,  # noqa: ANN401 - any JSON value
        params: Mapping[str, str | int] | None = None,
        not_found_hint: str = "",
    ) -> dict[str, Any]:
        """Send a request, again where its `role` allows it, and return the JSON object of the answer.

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
        json: Any = None,  # noqa: ANN401 - any JSON value
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        not_found_hint: str = "",
    ) -> Response:
        """Send a request, again where its `role` allows it, and return the answer with its headers.

        Parameters
        ----------
        not_found_hint : str
            What to do next when the answer is 404.

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
        request = Request(method, path, role, json, params or None, headers, not_found_hint)
        began, attempt, revived, endpoint = self._clock(), 0, False, self.endpoint
        while True:
            attempt += 1
            try:
                return self._once(request)
            except (ApiError, AuthError) as error:
                if not revived and self._revived(error, endpoint):
                    revived = True
                    continue
                if role == "poll" or not _again(error, role):
                    raise
                pause = self._retry.delay(
                    attempt,
                    retry_after=getattr(error, "retry_after", None),
                    spent=self._clock() - began,
                    draw=self._draw(),
                )
                if pause is None:
                    raise
            _log.info("%s %s: attempt %d failed, next in %.1f s", method, self.url(path).path, attempt, pause)
            self._sleep(pause)

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
        self._http.close()

    def _once(self, request: Request) -> Response:
        url = self.url(request.path)
        shown = str(url.copy_with(query=None))
        changes = request.role in ("start", "write")
        if self._http.is_closed:
            raise LroError(CLOSED)
        if not self._usable:
            raise LroError(
                "the connections of this client belong to the process that forked this one; "
                "make the client here"
            )
        try:
            with _queries.sending():
                response = self._http.send(built(self._http, url, request), auth=self._auth)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            raise NoResponse(f"nothing listens there ({type(error).__name__})", url=shown) from error
        except httpx.RequestError as error:
            raise _unread(error, shown, changes=changes) from error
        if response.is_success:
            data = parsed(response, shown, changes=changes)
            return Response(response.status_code, response.headers, data)
        service_error = error_of(response, shown, request.not_found_hint)
        if changes and _may_have_worked(response.status_code):
            raise ResponseLost(
                f"the service answered HTTP {response.status_code} to the request"
            ) from service_error
        raise service_error

    def _revived(self, error: LroError, endpoint: str) -> bool:
        """Bring the service back if `error` says that it left `endpoint` or has forgotten the token."""
        gone = isinstance(error, NoResponse) and isinstance(error.__cause__, httpx.ConnectError)
        if self._revive is None or not (gone or isinstance(error, AuthError)):
            return False
        with self._reviving:
            if self.endpoint == endpoint:  # else another thread has done it
                self._point_to(*self._revive())
                _log.warning("The local service had stopped; it runs again, with its data.")
        return True


def _unread(error: httpx.RequestError, url: str, *, changes: bool) -> LroError:
    """Return what it means that a request was sent and its answer cannot be read."""
    if isinstance(error, (TooLarge, TooSlow)):
        what = str(error)
    else:
        what = f"the connection was lost ({type(error).__name__})"
    if changes:
        return ResponseLost(what)
    if isinstance(error, TooLarge):
        return AnswerTooLarge(what, url=url)
    return NoResponse(what, url=url)


def _again(error: ApiError | AuthError, role: Role) -> bool:
    """Tell whether a request that failed with `error` may be sent again."""
    if isinstance(error, AuthError):
        return False
    if isinstance(error, NoResponse):
        return role == "read" or isinstance(error.__cause__, (httpx.ConnectError, httpx.ConnectTimeout))
    return error.status == HTTPStatus.TOO_MANY_REQUESTS or (role == "read" and error.status in RETRIED)


def _may_have_worked(status: int) -> bool:
    """Tell whether a request that was answered with `status` may have been carried out all the same."""
    return status == HTTPStatus.REQUEST_TIMEOUT or (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    )
