"""Whose certificates are trusted, and what it means that one is not.

The variables of OpenSSL and httpx count as well as those of requests, which google-auth uses: whichever one a
company has set, both sides of this package trust the same. Sends nothing.
"""

from __future__ import annotations

import importlib
import os
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FOLDERS = "SSL_CERT_DIR"
_DEEPEST = 30  # errors that are looked at: one may be the cause of another in a circle
_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_… of OpenSSL
#: What OpenSSL calls an answer that is not TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL"})

_GRPC = (
    "In a company's network something in between may sign in its own name. gRPC trusts the certificates in "
    "the file that GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names when its client is made."
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why no encrypted connection can be made: what is wrong with the other side, and what to do."""

    what: str
    hint: str


def context(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return what decides whom to trust: what the environment names, else the system and certifi.

    Raises
    ------
    ConfigError
        A variable names a file that is not there, or holds no certificates.
    """
    made: ssl.SSLContext | None = None
    for variable, place in _named(environment):
        where: dict[str, Any] = {"capath" if Path(place).is_dir() else "cafile": place}
        try:
            if made is None:
                made = ssl.create_default_context(**where)
            else:
                made.load_verify_locations(**where)
        except OSError as error:
            what = "holds no certificates in PEM" if isinstance(error, ssl.SSLError) else "cannot be read"
            raise ConfigError(
                f"{variable} names {place}, which {what}; set it to the file with the certificates to trust, "
                "or unset it"
            ) from error
    return _usual() if made is None else made


def nobody() -> ssl.SSLContext:
    """Return a context that trusts nobody, for connections that are not encrypted: it is there at once."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def fault_in(error: BaseException, host: str) -> Fault | None:
    """Return what is wrong with the certificate of `host`, if that is why `error` was raised."""
    found = None
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            found = each
            if hasattr(each, "verify_code"):  # what aiohttp makes of it has none
                break
        elif isinstance(each, ssl.SSLError) and getattr(each, "reason", None) in _NO_TLS:
            return Fault(
                f"what answers as {host} does not speak TLS",
                "Check the address: is it http://, another port, or a proxy in between?",
            )
        elif "CERTIFICATE_VERIFY_FAILED" in str(getattr(each, "message", "")):  # gRPC tells by words alone
            return Fault(f"the certificate of {host} is not trusted", _GRPC)
    return None if found is None else _distrust(found, host)


def _named(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that say whom to trust, with the file or folder that each names."""
    files = [(name, place) for name in _FILES if (place := environment.get(name, "").strip())]
    if len(files) > 1 and files[-1][0] == "CURL_CA_BUNDLE" and files[-2][0] == "REQUESTS_CA_BUNDLE":
        files.pop()  # requests looks at it only where it has none of its own
    yield from files
    folders = [folder for folder in environment.get(_FOLDERS, "").split(os.pathsep) if folder.strip()]
    there = [folder for folder in folders if Path(folder).is_dir()]
    yield from ((_FOLDERS, folder) for folder in (there or ([] if files else folders)))


def _usual() -> ssl.SSLContext:
    """Return a context for certifi's authorities and those of the system."""
    usual = httpx.create_ssl_context(trust_env=False)
    try:
        truststore: Any = importlib.import_module("truststore")
    except ImportError:
        usual.load_default_certs()
        return usual
    system: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform == "linux":  # a slim image has none of its own
        system.load_verify_locations(cadata=b"".join(usual.get_ca_certs(binary_form=True)))
    return system


def _distrust(error: ssl.SSLCertVerificationError, host: str) -> Fault:
    code, said = getattr(error, "verify_code", 0), getattr(error, "verify_message", "")
    if code in (_EXPIRED, _NOT_YET):
        when = "has expired" if code == _EXPIRED else "is not valid yet"
        return Fault(
            f"the certificate of {host} {when}",
            "Check the clock of this machine; if it is right, whoever runs the service has to renew it.",
        )
    if _OTHER_NAME <= code <= _OTHER_ADDRESS or "doesn't match" in str(error):
        return Fault(
            f"the certificate of {host} is that of another host",
            "Check the address; in a company's network, ask what answers in its place.",
        )
    named = ", ".join(dict.fromkeys(variable for variable, _ in _named(os.environ)))
    trusted = f"what {named} names" if named else "certifi and this system"
    return Fault(
        f"the certificate of {host} is not trusted: {said or 'the system refused it'} (trusted is {trusted})",
        "In a company's network something in between may sign in its own name. Name the file with the "
        "company's certificates (PEM) in SSL_CERT_FILE and in REQUESTS_CA_BUNDLE, and make a new client; "
        "or pip install truststore to trust what the system trusts.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it; urllib3 and requests keep that in arguments."""
    stack, seen = [error], 0
    while stack and seen < _DEEPEST:
        each, seen = stack.pop(), seen + 1
        yield each
        within = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        stack += [inner for inner in within if isinstance(inner, BaseException)]
