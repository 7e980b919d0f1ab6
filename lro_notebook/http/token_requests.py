"""How google-auth asks for tokens: over the same proxy, and with the same trust, as everything else here.

requests has no part in that by itself: it knows ``REQUESTS_CA_BUNDLE`` alone, and takes ``.netrc`` along.
Importing this loads requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import requests
from google.auth.transport.requests import Request
from requests.adapters import HTTPAdapter

from lro_notebook.http import auth, certificates
from lro_notebook.http.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT = 20.0  # seconds; google-auth's own is 120, and the requests of all threads wait for the new token


class _Trusting(HTTPAdapter):
    """Has certificates judged as `certificates.context` does."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=certificates.context(), **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        options["ssl_context"] = certificates.context()
        return super().proxy_manager_for(proxy, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave it to the context: requests would add the certificates of certifi to it."""


class _Session(requests.Session):
    """Takes its proxies from where everything else here does, and nothing from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("https://", _Trusting())

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        target = httpx.URL(str(url))
        proxy = None if auth.is_loopback(target) else proxy_for(target)
        chosen = {} if proxy is None else {target.scheme: proxy.url}
        settings = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return {**settings, "proxies": chosen, "verify": True}


def token_request() -> Callable[..., Any]:
    """Return what google-auth calls to send a request: its session is made when it is needed."""

    def send(*args: Any, **options: Any) -> Any:
        return Request(_Session())(*args, **{"timeout": _TIMEOUT, **options})

    return send


def host_of(error: BaseException) -> str:
    """Return the host that a request of google-auth was for when it failed with `error`; empty if unknown."""
    asked = getattr(getattr(error.__cause__ or error.__context__, "request", None), "url", None)
    return httpx.URL(asked).host if isinstance(asked, str) else ""


def cannot_proxy(error: BaseException) -> bool:
    """Tell whether requests has no way through the proxy that it was given."""
    return isinstance(error.__cause__ or error.__context__, requests.exceptions.InvalidSchema)
