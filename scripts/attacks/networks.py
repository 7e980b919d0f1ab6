"""Values of the variables that name proxies and certificates, as people and programs write them.

An attempt held if it ended in a proxy, in none, or in a `ConfigError` that names the variable and keeps the
password to itself.
"""

from __future__ import annotations

import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from lro_notebook.errors import ConfigError
from lro_notebook.http import certificates
from lro_notebook.http.proxies import is_exempt, proxy_for
from lro_notebook.http.response_limits import carrier

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_PROXIES, _EXEMPT, _FILES = 3000, 20_000, 300
_SECRET = "hunter2"  # noqa: S105 - no secret of anybody
_PIECES = [
    *["http://", "https://", "socks5://", "socks://", "socks4://", "ftp://", "//", ":", "/", "@", "[", "]"],
    *["proxy", "127.0.0.1", "::1", "fd00::/8", "10.0.0.0/8", "*", ".", ",", ";", " ", "\t", "%", "é", '"'],
    *["3128", "0", "99999", "-1", "\u202e", "\x01", "example.org", "*.example.org", "healthcare"],
]
_TARGETS = [
    httpx.URL(each)
    for each in ("https://healthcare.example.org", "https://[fd00::1]", "https://10.1.2.3:444")
]
_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def _text(draw: random.Random, most: int = 7) -> str:
    return "".join(draw.choices(_PIECES, k=draw.randint(0, most)))


def proxies(draw: random.Random) -> tuple[int, int]:
    """Name proxies that nobody has, and make the transport for each that is taken."""
    held = 0
    for _ in range(_PROXIES):
        variable, secret = draw.choice(_VARIABLES), draw.choice([f"user:{_SECRET}@", ""])
        value = f"{draw.choice(['', 'http://', 'socks5://'])}{secret}{_text(draw)}"
        try:
            proxy = proxy_for(draw.choice(_TARGETS), {variable: value, "NO_PROXY": _text(draw, 2)})
            if proxy is not None and not proxy.is_socks and not proxy.is_encrypted:
                carrier(httpx.URL("http://service.example.org"), proxy).close()
            held += _SECRET not in repr(proxy)
        except ConfigError as error:
            held += variable in str(error) and _SECRET not in str(error)
    return _PROXIES, held


def exemptions(draw: random.Random) -> tuple[int, int]:
    """Name what goes past the proxy: all that urllib understands counts, and nothing ends in an error."""
    held = 0
    for _ in range(_EXEMPT):
        value, url = _text(draw), draw.choice(_TARGETS)
        told = urllib.request.proxy_bypass_environment(url.host, {"no": value})  # type: ignore[attr-defined]  # undocumented
        held += is_exempt(url, value) or not told
    return _EXEMPT, held


def files(draw: random.Random) -> tuple[int, int]:
    """Name files of certificates that hold anything else."""
    held = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "ca.pem")
        for _ in range(_FILES):
            kind = draw.choice(["CERTIFICATE", "PRIVATE KEY", "X509 CRL"])
            inner = draw.choice([draw.randbytes(draw.randint(0, 200)), _text(draw).encode()])
            frame = f"-----BEGIN {kind}-----\n".encode(), f"\n-----END {kind}-----\n".encode()
            place.write_bytes(draw.choice([inner, inner.join(frame)]))
            variable = draw.choice(["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
            try:
                certificates.context({variable: str(place)})
            except ConfigError as error:
                held += variable in str(error)
    return _FILES, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("proxies that are none", proxies),
    ("exemptions from the proxy", exemptions),
    ("files of certificates that hold none", files),
]
