"""Where a service is, which version of its API is meant, and what signs the requests to it.

A session and its transports share one `Endpoint`, which moves when the service does. Nothing here sends
anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

import httpx

from lro_notebook.errors import ConfigError
from lro_notebook.http import addresses, auth

if TYPE_CHECKING:
    from lro_notebook.http.auth import Signer

#: What the paths of a few APIs begin with, before their version.
_PREFIXES = frozenset({"bigquery", "compute", "deploymentmanager", "dns", "sql", "storage"})


class _Place(NamedTuple):
    """What changes together when the service moves."""

    revision: int
    base: httpx.URL
    version: str
    signer: Signer | None


class Endpoint:
    """One service's address, default version and signer. May be used from any thread.

    Parameters
    ----------
    address : str
        Such as ``https://healthcare.googleapis.com``; a version at its end (``…/v1beta1``) becomes the
        default version of paths that name none.
    credentials : google.auth.credentials.Credentials, str or None
        See `lro_notebook.http.auth.for_endpoint`.

    Raises
    ------
    ConfigError
        The address is not valid, or the credentials may not go there.
    """

    def __init__(self, address: str, credentials: Any) -> None:
        self._place = _place(0, address, credentials)

    def __str__(self) -> str:
        return str(self.base).rstrip("/")

    def move(self, address: str, credentials: Any) -> None:
        """Point to another address, with other credentials."""
        self._place = _place(self.revision + 1, address, credentials)

    @property
    def revision(self) -> int:
        """How often the service has moved."""
        return self._place.revision

    @property
    def base(self) -> httpx.URL:
        """The address, without a version."""
        return self._place.base

    @property
    def version(self) -> str:
        """The version of paths that name none."""
        return self._place.version

    @property
    def signer(self) -> Signer | None:
        """What signs the requests; None where they go unsigned."""
        return self._place.signer

    @property
    def loopback(self) -> bool:
        """Whether the service is on this machine."""
        return auth.is_loopback(self.base)

    def version_of(self, path: str) -> str:
        """Return the API version that a request to `path` uses."""
        return _version_in(path.lstrip("/")) or self.version

    def url(self, path: str) -> httpx.URL:
        """Return the address of `path`, which may start with a version; dotted paths have none.

        Raises
        ------
        ConfigError
            The address would be another one than `path` says.
        """
        path, place = addresses.checked(path), self._place
        if not _version_in(path) and not path.startswith("."):
            path = f"{place.version}/{path}"
        url = httpx.URL(f"{str(place.base).rstrip('/')}/{path}")
        # Last line of defence, whatever the HTTP library makes of a path: it is that path, and no query.
        asked = f"{place.base.path.rstrip('/')}/{path}"
        if (
            not {"?", "#"}.isdisjoint(path)
            or url.copy_with(raw_path=b"/") != place.base.copy_with(raw_path=b"/")
            or unquote_to_bytes(url.raw_path) != asked.encode()
        ):
            raise ConfigError(f"path {addresses.shown(path)} would become another address; nothing was sent")
        return url


def _version_in(path: str) -> str:
    """Return the version that a path names first, or after the word that those of a few APIs begin with.

    Something follows it: alone, ``v1`` is a name.
    """
    first, second, rest, *_ = [*path.split("/", 2), "", ""]
    if second and addresses.VERSION.fullmatch(first):
        return first
    return second if rest and first in _PREFIXES and addresses.VERSION.fullmatch(second) else ""


def _place(revision: int, address: str, credentials: Any) -> _Place:
    base = httpx.URL(addresses.endpoint(address))
    head, _, last = base.path.rpartition("/")
    versioned = addresses.VERSION.fullmatch(last) is not None
    base = base.copy_with(path=(head if versioned else base.path) or "/", query=None)
    return _Place(revision, base, last if versioned else "v1", auth.for_endpoint(credentials, base))
