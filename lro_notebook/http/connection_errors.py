"""What it means that a request could not be sent: no connection was made, so that nothing was changed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from lro_notebook.http import certificates
from lro_notebook.http.responses import NoConnection, NoResponse
from lro_notebook.http.retry_policy import RETRIED

if TYPE_CHECKING:
    from lro_notebook.errors import ApiError
    from lro_notebook.http.proxies import Proxy

#: What httpx raises before it sends anything.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class NoToken(httpx.ConnectError):
    """The server that gives tokens did not answer.

    Attributes
    ----------
    host : str
        Which one; empty where that is not known.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(f"the token server {host} did not answer".replace("  ", " "))


def may_pass(error: httpx.RequestError) -> bool:
    """Tell whether a connection that could not be made may be made a little later."""
    status = _refused_with(error)
    return certificates.fault_in(error, "") is None and (status is None or status in RETRIED)


def unsent(error: httpx.RequestError, url: str, proxy: Proxy | None) -> ApiError:
    """Return the error for users: no connection was made for a request to `url`."""
    host = (error.host if isinstance(error, NoToken) else "") or httpx.URL(url).host
    fault = certificates.fault_in(error, host)
    if fault is not None:
        return untrusted(fault, url)
    by = f", by the proxy that {proxy.variable} names" if proxy is not None else ""
    status = _refused_with(error)
    if status is not None and status not in RETRIED:
        named = proxy.variable if proxy is not None else "HTTPS_PROXY"
        hint = f"Ask whoever runs it, or name another one; NO_PROXY={host} goes past it."
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            hint = f"Put your user and password into {named}: http://user:password@host:port."
        what = f"the proxy that {named} names refuses the connection (HTTP {status})"
        return NoConnection(what, url=url, hint=hint, brief=what)
    if isinstance(error, NoToken):
        return NoResponse(str(error), url=url)
    return NoResponse(f"nothing listens there ({type(error).__name__}{by})", url=url)


def untrusted(fault: certificates.Fault, url: str) -> NoConnection:
    """Return the error for a certificate at which the connection for `url` ended."""
    return NoConnection(fault.what, url=url, hint=fault.hint, brief=fault.what.partition(":")[0])


def _refused_with(error: httpx.RequestError) -> int | None:
    """Return the HTTP status with which a proxy refused to connect; None where it was no proxy."""
    if not isinstance(error, httpx.ProxyError):
        return None
    digits = str(error)[:3]
    return int(digits) if digits.isascii() and digits.isdigit() else None
