"""Who may see which token: httpx.Auth classes for application-default credentials and static tokens.

A token goes to one origin only (scheme, host and port), over https, or over plain http on loopback.
Nothing here logs; no token enters an error message or a repr.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from lro_notebook.errors import LOGIN, AuthError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Generator

_TOKEN_TIMEOUT = 20.0  # seconds that a request to the token server may take
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
UNIVERSE = "GOOGLE_CLOUD_UNIVERSE_DOMAIN"  # google-auth's own variable


def is_loopback(url: httpx.URL) -> bool:
    """Tell whether `url` points to this machine's loopback interface."""
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def for_endpoint(credentials: Any, endpoint: httpx.URL) -> httpx.Auth | None:  # noqa: ANN401 - three kinds
    """Return what signs the requests to `endpoint`, or None for unsigned ones.

    Parameters
    ----------
    credentials : google.auth.credentials.Credentials, str or None
        None means application-default credentials for Google's hosts and no credentials elsewhere.
    endpoint : httpx.URL
        Where the requests go.

    Raises
    ------
    ConfigError
        Credentials were given for a plain http endpoint that is not on loopback, or are of no known kind.
    """
    if credentials is None:
        google = endpoint.scheme == "https" and _belongs(endpoint.host, os.environ.get(UNIVERSE))
        return ApplicationDefault(endpoint) if google else None
    if endpoint.scheme != "https" and not is_loopback(endpoint):
        raise ConfigError(
            f"credentials are not sent over plain http to {endpoint.host}; use an https endpoint"
        )
    if isinstance(credentials, str):
        return StaticToken(credentials, endpoint)
    if callable(getattr(credentials, "before_request", None)):
        return GoogleCredentials(credentials, endpoint)
    raise ConfigError(
        f"credentials are a google.auth credentials object, a token string or None, "
        f"not {type(credentials).__name__}"
    )


def _belongs(host: str, universe: str | None) -> bool:
    return host.endswith(f".{universe or 'googleapis.com'}")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


class _OneOrigin(httpx.Auth):
    """Signs requests to one origin and leaves all others alone."""

    def __init__(self, endpoint: httpx.URL) -> None:
        self._allowed = _origin(endpoint)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._allowed[1]}>"

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if _origin(request.url) != self._allowed or not self.sign(request):
            yield request
            return
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED and self.renew():
            self.sign(request)
            yield request

    def sign(self, request: httpx.Request) -> bool:
        """Put the token into `request`; False where there is none."""
        raise NotImplementedError

    def renew(self) -> bool:
        """Get a new token after a 401; False where that is not possible."""
        return False


class StaticToken(_OneOrigin):
    """A bearer token that the caller gave."""

    def __init__(self, token: str, endpoint: httpx.URL) -> None:
        super().__init__(endpoint)
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise ConfigError(
                "the token string is empty or holds characters that no bearer token has; "
                "give the token alone, without line breaks"
            )
        self._token = token.strip()

    def sign(self, request: httpx.Request) -> bool:
        """Put the token into `request`."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return True


class GoogleCredentials(_OneOrigin):
    """A google.auth credentials object; refreshed before it expires, and once after a 401.

    Safe for use from several threads. The quota project goes along as ``x-goog-user-project``.
    """

    def __init__(self, credentials: Any, endpoint: httpx.URL) -> None:  # noqa: ANN401 - google-auth is untyped
        super().__init__(endpoint)
        self._credentials = credentials
        self._lock = threading.Lock()

    @property
    def credentials(self) -> Any:  # noqa: ANN401 - google-auth is untyped
        """The credentials object; for the file systems that read an operation's output."""
        return self._credentials

    def sign(self, request: httpx.Request) -> bool:
        """Put the token into `request`, refreshing it when it is about to expire."""
        headers: dict[str, str] = {}
        self._guarded(
            lambda transport: self._credentials.before_request(
                transport, request.method, str(request.url), headers
            )
        )
        request.headers.update(headers)
        return True

    def renew(self) -> bool:
        """Refresh the token."""
        self._guarded(self._credentials.refresh)
        return True

    def _guarded(self, action: Any) -> None:  # noqa: ANN401 - a callable on an untyped transport
        import google.auth.exceptions  # noqa: PLC0415 - 100 ms that only Google Cloud users pay
        import google.auth.transport.requests  # noqa: PLC0415

        try:
            with self._lock:
                # Its own timeout is 120 s, and the requests of all threads wait for the new token.
                action(partial(google.auth.transport.requests.Request(), timeout=_TOKEN_TIMEOUT))
        except google.auth.exceptions.TransportError as error:
            # The token server is out of reach: as passing as any lost connection, so retried like one.
            raise httpx.ConnectError("the token server did not answer") from error
        except google.auth.exceptions.InvalidOperation:
            return  # anonymous credentials have nothing to refresh
        except google.auth.exceptions.GoogleAuthError as error:
            raise AuthError(
                f"the credentials could not be refreshed ({type(error).__name__}); run: {LOGIN}"
            ) from error


class ApplicationDefault(GoogleCredentials):
    """Application-default credentials, looked up at the first request.

    They go only to the Google domain of their universe; other hosts get unsigned requests.
    """

    def __init__(self, endpoint: httpx.URL) -> None:
        super().__init__(None, endpoint)
        self._host = endpoint.host

    @property
    def credentials(self) -> Any:  # noqa: ANN401 - google-auth is untyped
        """The credentials object, looked up when first asked for."""
        import google.auth  # noqa: PLC0415 - only Google Cloud users pay for it
        import google.auth.exceptions  # noqa: PLC0415

        with self._lock:
            if self._credentials is None:
                try:
                    self._credentials, _ = google.auth.default(scopes=[SCOPE])
                except google.auth.exceptions.DefaultCredentialsError as error:
                    raise AuthError(
                        f"no Google Cloud credentials were found on this machine; run: {LOGIN}\n"
                        "or pass credentials=, or call connect() without a dataset for the local service"
                    ) from error
            return self._credentials

    def sign(self, request: httpx.Request) -> bool:
        """Put the token into `request` if its host belongs to the credentials' universe."""
        if not _belongs(self._host, getattr(self.credentials, "universe_domain", None)):
            return False
        return super().sign(request)
