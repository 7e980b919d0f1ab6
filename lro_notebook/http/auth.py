"""Who may see which token: one rule, and the signers that keep it.

A token goes to one origin only (scheme, host and port), over https, or over plain http on loopback. Google
credentials go only to the hosts of their own universe (`may_go`), whoever gave them; other readers that use
them, such as a file system, ask here too. Nothing here logs; no token enters a message or a repr.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from typing import Any

import httpx

from lro_notebook import forking
from lro_notebook.errors import LOGIN, AuthError, ConfigError
from lro_notebook.http import certificates
from lro_notebook.http.proxies import proxy_for

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
UNIVERSE = "GOOGLE_CLOUD_UNIVERSE_DOMAIN"  # google-auth's own variable
DEFAULT_UNIVERSE = "googleapis.com"
STORAGE_EMULATOR = "STORAGE_EMULATOR_HOST"  # gcsfs's, and that of Google's own libraries


def is_loopback(url: httpx.URL) -> bool:
    """Tell whether `url` points to this machine's loopback interface."""
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def universe_of(credentials: Any) -> str:
    """Return the domain of the universe that `credentials` are of; may ask the metadata server for it."""
    return getattr(credentials, "universe_domain", None) or DEFAULT_UNIVERSE


def may_go(credentials: Any, url: httpx.URL) -> bool:
    """Tell whether google.auth `credentials` may be sent to `url`: the one rule.

    They may go over https to a host in their universe's domain, and to this machine; credentials without a
    token may go anywhere.
    """
    from google.auth.credentials import AnonymousCredentials

    if is_loopback(url) or isinstance(credentials, AnonymousCredentials):
        return True
    return url.scheme == "https" and _belongs(url.host, universe_of(credentials))


def may_go_where(variable: str, credentials: Any) -> bool:
    """Tell whether `credentials` may go where an environment variable leads one of Google's libraries."""
    place = os.environ.get(variable, "")
    if place in ("", "default"):
        return True
    try:
        return may_go(credentials, httpx.URL(place if "://" in place else f"http://{place}"))
    except httpx.InvalidURL:
        return False


def storage_options(credentials: Any) -> dict[str, Any]:
    """Return the fsspec options with which gcsfs reads ``gs://``: in the universe of `credentials`."""
    if credentials is None:
        return {}
    if not may_go_where(STORAGE_EMULATOR, credentials):
        return {"token": "anon"}
    universe = universe_of(credentials)
    endpoint = f"https://storage.{universe}"
    options: dict[str, Any] = {"token": credentials}
    if universe != DEFAULT_UNIVERSE:
        options["endpoint_url"] = endpoint
    if proxy_for(httpx.URL(endpoint)) is not None:
        options["session_kwargs"] = {"trust_env": True}  # aiohttp takes no proxy from the environment else
    return options


def for_endpoint(credentials: Any, endpoint: httpx.URL) -> Signer | None:
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
        Credentials were given for a plain http endpoint that is not on loopback, or their type is unknown.
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
    return host.endswith(f".{universe or DEFAULT_UNIVERSE}")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


class Signer:
    """Signs requests to one origin and leaves all others alone."""

    def __init__(self, endpoint: httpx.URL) -> None:
        self._allowed = _origin(endpoint)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._allowed[1]}>"

    def sign(self, request: httpx.Request) -> bool:
        """Put the token into `request` if it may go there; tell whether it did."""
        return _origin(request.url) == self._allowed and self._sign(request)

    def renew(self) -> bool:
        """Get a new token after a 401; False where that is not possible."""
        return False

    def _sign(self, request: httpx.Request) -> bool:
        raise NotImplementedError


class StaticToken(Signer):
    """A bearer token that the caller gave."""

    def __init__(self, token: str, endpoint: httpx.URL) -> None:
        super().__init__(endpoint)
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise ConfigError(
                "the token string is empty or holds characters that no bearer token has; "
                "give the token alone, without line breaks"
            )
        self._token = token.strip()

    def _sign(self, request: httpx.Request) -> bool:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return True


class GoogleCredentials(Signer):
    """A google.auth credentials object; refreshed before it expires, and once after a 401.

    Safe for use from several threads. The quota project goes along as ``x-goog-user-project``.
    """

    def __init__(self, credentials: Any, endpoint: httpx.URL) -> None:
        super().__init__(endpoint)
        self._endpoint = endpoint
        self._credentials = credentials
        self._lock = threading.Lock()
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Make a new lock: a lost thread of the parent may hold the old one."""
        self._lock = threading.Lock()

    @property
    def credentials(self) -> Any:
        """The credentials object; for the file systems that read an operation's output."""
        return self._credentials

    def _sign(self, request: httpx.Request) -> bool:
        """Put the token into `request`, refreshing it when it is about to expire.

        Raises
        ------
        ConfigError
            The credentials are those of another universe; nothing was sent.
        """
        if not may_go(self._credentials, self._endpoint):
            universe = universe_of(self._credentials)
            raise ConfigError(
                f"the credentials are for hosts of {universe}, and {self._endpoint.host} is none, so nothing "
                f"was sent. Use an endpoint of theirs, such as https://healthcare.{universe}, or give a "
                "token for this one host as credentials='…'"
            )
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

    def _guarded(self, action: Any) -> None:
        with forking.undivided():
            import google.auth.exceptions  # 100 ms that only Google Cloud users pay

            from lro_notebook.http import token_requests
            from lro_notebook.http.connection_errors import NoToken

        try:
            with self._lock:
                action(token_requests.token_request())
        except google.auth.exceptions.TransportError as error:
            if token_requests.cannot_proxy(error):
                raise ConfigError(
                    "the token server is behind a SOCKS proxy, for which google-auth needs a package: "
                    'pip install "requests[socks]"; or name a proxy with http:// in HTTPS_PROXY'
                ) from error
            # The token server is out of reach. That may pass like any lost connection, so it is retried.
            raise NoToken(token_requests.host_of(error)) from error
        except google.auth.exceptions.InvalidOperation:
            return  # anonymous credentials have nothing to refresh
        except google.auth.exceptions.GoogleAuthError as error:
            if certificates.fault_in(error, "") is not None:
                raise NoToken(token_requests.host_of(error)) from error
            raise AuthError(
                f"the credentials could not be refreshed ({type(error).__name__}); run: {LOGIN}"
            ) from error


class ApplicationDefault(GoogleCredentials):
    """Application-default credentials, looked up at the first request.

    They go only to the Google domain of their universe; other hosts get unsigned requests.
    """

    def __init__(self, endpoint: httpx.URL) -> None:
        super().__init__(None, endpoint)

    def after_fork_in_child(self) -> None:
        """Look the credentials up anew: those of the parent may hold its connections."""
        super().after_fork_in_child()
        self._credentials = None

    @property
    def credentials(self) -> Any:
        """The credentials object, looked up when first asked for."""
        with forking.undivided():
            import google.auth
            import google.auth.exceptions

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

    def _sign(self, request: httpx.Request) -> bool:
        """Put the token into `request` if its host belongs to the credentials' universe."""
        return may_go(self.credentials, self._endpoint) and super()._sign(request)
