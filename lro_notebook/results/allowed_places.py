"""Which places a response or a manifest may name: those of the kind that was asked for, and no others.

What names them comes from outside, so that a place may lead to files of this machine or into its network.
Pure but for the links of local folders, which are followed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroWarning, ResultError, warn_caller
from lro_notebook.results.location import bare, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: URI and table of a file that a response or a manifest names.
Named = tuple[str, str]

CLOUD = "gs"
_LOCAL = frozenset({"", "file", "local"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):", re.ASCII)  # two letters at least: C:/ is a drive
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|::")  # "::" chains file systems in fsspec
_FEW = 5


@dataclass(frozen=True, slots=True)
class Service:
    """The service whose client reads.

    Attributes
    ----------
    origin : str
        Its address.
    storage : callable
        Returns ``buckets`` and ``storage_options`` of `location.locate` with which it reads ``gs://``.
    """

    origin: str
    storage: Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Near:
    """What was asked for, and so which places may be read.

    Attributes
    ----------
    folder : str or None
        The folder that output was asked into, or the one of the manifest; ``gs://`` where only the kind is
        known, None where nothing is.
    relative : bool
        Whether places without a scheme are relative to `folder`.
    origin : str
        The service's own address, such as ``https://healthcare.googleapis.com``; empty for none.
    cloud : bool
        Whether ``gs://`` may be read wherever `folder` is: where the service that writes there is known.
    """

    folder: str | None = None
    relative: bool = False
    origin: str = ""
    cloud: bool = False

    @property
    def _kind(self) -> str:
        return CLOUD if self.folder is None else _scheme(self.folder)

    def resolve(self, place: str) -> str | None:
        """Return the URI to read for `place`; None where it must not be read."""
        scheme = _scheme(place)
        if _UNSAFE.search(place) or not place or (_SCHEME.match(place) and "://" not in place):
            return None
        if self.origin.startswith("https://") and place.startswith(f"{self.origin}/"):
            return place if _stays(place.removeprefix(self.origin)) else None
        rest = place.partition("://")[2] if _SCHEME.match(place) else place
        if self._kind == scheme == "":
            return self._inside(place) if rest else None
        if not rest or rest.startswith("/") or "@" in rest.partition("/")[0] or not _stays(rest):
            return None
        if scheme == "":
            joined = f"{(self.folder or '').rstrip('/')}/{place}"
            return joined if self.relative and _SCHEME.match(place) is None else None
        return place if scheme == self._kind or (self.cloud and scheme == CLOUD) else None

    @property
    def said(self) -> str:
        """What may be read, in words."""
        own = f"files below {self.folder}" if self._kind == "" else f"{self._kind}:// places"
        return f"{own}, or gs:// places" if self.cloud and self._kind != CLOUD else own

    def _inside(self, place: str) -> str | None:
        """Return the local file that `place` names, if that is below the folder."""
        root = locate(self.folder or "").path
        absolute = _SCHEME.match(place) is not None or place.startswith("/") or Path(place).is_absolute()
        elsewhere = place.startswith("//") and not root.startswith("//")  # Windows would ask that host
        if elsewhere or not (absolute or self.relative):
            return None
        path = locate(place).path if absolute else os.path.join(root, place)  # noqa: PTH118 - as fsspec names paths
        real = os.path.realpath(path)
        below = Path(real).is_relative_to(os.path.realpath(root))
        return (place if absolute else path) if below else None


def admit(files: Iterable[Named], near: Near, *, errors: str) -> list[Named]:
    """Return the files that may be read, with the URIs to read; the others are told, or raised.

    Raises
    ------
    ResultError
        A place must not be read, and `errors` is "raise" or nothing else is left.
    """
    admitted: list[Named] = []
    refused: list[str] = []
    for place, table in files:
        uri = near.resolve(place)
        fits = uri is not None and (not admitted or _scheme(uri) == _scheme(admitted[0][0]))
        if uri is None or not fits:
            refused.append(place)
        else:
            admitted.append((uri, table))
    tell_refused(refused, near, raises=errors == "raise" or not admitted)
    return admitted


def tell_refused(refused: list[str], near: Near, *, raises: bool) -> None:
    """Warn of the places that are not read, or raise.

    Raises
    ------
    ResultError
        There are any, and `raises`.
    """
    if not refused:
        return
    text = _refusal(refused, near)
    if raises:
        raise ResultError(text)
    warn_caller(f"{text}. What the others hold is loaded", LroWarning)


def _refusal(refused: list[str], near: Near) -> str:
    """Return a sentence on the places that are not read."""
    names = ", ".join(bare(place) for place in refused[:_FEW])
    more = f" and {len(refused) - _FEW} more" if len(refused) > _FEW else ""
    return (
        f"the output names {names}{more}, which is not read: what a service or a manifest names is read only "
        f"where output was asked for ({near.said}) and from the service's own host over https. If you trust "
        "the place, read it with lro.read_results(place)"
    )


def is_cloud(place: str) -> bool:
    """Tell whether `place` is one of Cloud Storage."""
    return _scheme(place) == CLOUD


def _scheme(place: str) -> str:
    """Return the kind of file system of `place`; empty for this machine's."""
    match = _SCHEME.match(place)
    scheme = match[1].lower() if match else ""
    return CLOUD if scheme == "gcs" else "" if scheme in _LOCAL else scheme


def _stays(path: str) -> bool:
    """Tell whether the parts of `path` lead down only."""
    parts = re.split(r"/|%2f", path, flags=re.IGNORECASE)
    return not any(re.sub("%2e", ".", part, flags=re.IGNORECASE) in (".", "..") for part in parts)
