"""Which proxy the environment names for an address, as curl, requests and urllib understand it.

A value that cannot work ends in a `ConfigError` that names its variable, and never shows the value: it may
hold a password. Sends nothing.
"""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = {"socks": "socks5"}  # as the settings of GNOME name it
_SOCKS = ("socks5", "socks5h")
_KNOWN = ("http", "https", *_SOCKS)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://")
_HOST = re.compile(r"[\w.:-]+")
_PORTS = 1 << 16
_SYSTEM = "the system's settings"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what named it.

    Attributes
    ----------
    variable : str
        The environment variable, or "the system's settings".
    url : str
        Its address, with user and password.
    """

    variable: str
    url: str = field(repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it needs a package of its own."""
        return self.url.startswith(_SOCKS)

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection to the proxy itself is."""
        return self.url.startswith("https://")


def proxy_for(url: httpx.URL, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy for requests to `url`; None for none.

    Raises
    ------
    ConfigError
        What a variable names cannot be a proxy.
    """
    # As in urllib, a variable in lower case goes before the same one in upper case, even where it is empty.
    inputs = sorted(environment.items(), key=lambda item: item[0].islower())
    named = {name.lower(): (name, value.strip()) for name, value in inputs}
    if not any(name.endswith("_proxy") and value for name, (_, value) in named.items()):
        return _of_system(url)
    if "REQUEST_METHOD" in environment and named.get("http_proxy", ("",))[0] == "HTTP_PROXY":
        del named["http_proxy"]  # a CGI script: the header Proxy of a request sets it
    found = [named[name] for name in (f"{url.scheme}_proxy", "all_proxy") if named.get(name, ("", ""))[1]]
    if not found or is_exempt(url, named.get("no_proxy", ("", ""))[1]):
        return None
    return _checked(*found[0])


def is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    """Tell whether a value of ``NO_PROXY`` says that requests to `url` go past the proxy.

    It holds names of hosts and domains (``example.com``, ``.example.com``, ``*.example.com``), addresses and
    networks (``10.0.0.0/8``, ``fd00::/8``), each with a port or without, apart by commas or spaces; ``*`` is
    all. What is none of these exempts nothing.
    """
    host, port = url.host.lower().rstrip("."), url.port or (443 if url.scheme == "https" else 80)
    return any(_covers(entry.lower(), host, port) for entry in re.split(r"[\s,;]+", no_proxy) if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name = _SCHEME.sub("", entry).rstrip("/")
    network = _network(name.strip("[]"))
    if network is None:
        name, colon, digits = name.rpartition(":")
        if not colon:
            name = digits
        elif digits != str(port):
            return False
        network = _network(name.strip("[]"))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        domain = name.removeprefix("*").lstrip(".").rstrip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
    return network is not None and address in network


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _of_system(url: httpx.URL) -> Proxy | None:
    """Return the proxy that the settings of macOS or Windows name; urllib reads them."""
    proxies = urllib.request.getproxies()
    value = proxies.get(url.scheme) or proxies.get("all")
    return None if not value or urllib.request.proxy_bypass(url.host) else _checked(_SYSTEM, value)


def _checked(variable: str, value: str) -> Proxy:
    text = value.strip()
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else "http"
    scheme = _SCHEMES.get(scheme, scheme)
    if scheme not in _KNOWN:
        raise ConfigError(
            f"{variable} names a proxy of the kind {scheme}://, which is not known; {', '.join(_KNOWN)} are"
        )
    rest = text[match.end() :] if match else text.removeprefix("//")
    try:
        url = httpx.URL(f"{scheme}://{rest}")
        usable = _HOST.fullmatch(url.host) is not None and (url.port is None or 0 < url.port < _PORTS)
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise ConfigError(
            f"{variable} names no address of a proxy; write it as http://host:port, with characters such as "
            "@ and / of a password percent-encoded, or unset it"
        ) from None  # it may repeat a password
    proxy = Proxy(variable, f"{scheme}://{rest}")
    if proxy.is_socks and not _can_socks():
        raise ConfigError(
            f'{variable} names a SOCKS proxy, which needs packages of its own: pip install "httpx[socks]" '
            '"requests[socks]"; or name a proxy with http:// there'
        )
    return proxy


def _can_socks() -> bool:
    from importlib.util import find_spec

    return find_spec("socksio") is not None
