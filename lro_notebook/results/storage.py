"""Where files are: a URI as an fsspec file system and a path in it. Opens and lists nothing."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from lro_notebook.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)  # two letters at least: C:\ is a drive
_INSTALL = {"gs": "lro-notebook[gcs]", "gcs": "lro-notebook[gcs]"}


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file system.

    Attributes
    ----------
    given : fsspec.AbstractFileSystem
        The file system, as it was made; use `fs`.
    path : str
        The place, as `fs` names it.
    uri : str
        The place, as the user names it.
    root, shown : str
        How `fs` and the user name the top of the file system.
    """

    given: Any
    path: str
    uri: str
    root: str = ""
    shown: str = ""

    @property
    def fs(self) -> Any:  # noqa: ANN401 - fsspec has no types
        """The file system, as this process may use it: one with an event loop does not work after a fork."""
        fs = self.given
        if getattr(fs, "_pid", os.getpid()) == os.getpid():
            return fs
        return type(fs)(*fs.storage_args, **fs.storage_options)

    def uri_of(self, path: str) -> str:
        """Return how the user names the `path` of the file system."""
        return self.shown + path.removeprefix(self.root)

    def beside(self, uri: str) -> Location | None:
        """Return the place `uri` in this file system, None where it is in another one.

        Raises
        ------
        ConfigError
            It would leave its bucket.
        """
        if not self.shown or not uri.startswith(self.shown):
            return None
        rest = uri.removeprefix(self.shown)
        if ".." in rest.split("/") or not rest:
            raise ConfigError(f"{uri!r} does not stay inside a bucket; write it as {self.shown}bucket/folder")
        return Location(self.given, self.root + rest, uri, self.root, self.shown)

    def within(self, path: str) -> str:
        """Return the `path` of the file system as seen from this place; its name if it is this place."""
        folder = self.path.rstrip("/") + "/"
        return path.removeprefix(folder) if path.startswith(folder) else path.rpartition("/")[2]


class _File(Protocol):
    @property
    def uri(self) -> str: ...

    @property
    def path(self) -> str: ...


def unwritable(uri: str, error: OSError) -> ResultError:
    """Return the error for a place that cannot be written to; the caller has removed what was begun."""
    return ResultError(
        f"{uri} cannot be written: {error.strerror or error}; nothing of this table is left there. "
        "Make room or choose another place"
    )


@contextmanager
def opened(location: Location, file: _File, **how: Any) -> Iterator[BinaryIO]:  # noqa: ANN401 - as fs.open
    """Open a file of `location` for reading.

    Raises
    ------
    ResultError
        It cannot be opened, or reading it fails within the body.
    """
    try:
        with location.fs.open(file.path, "rb", **how) as stream:
            yield stream
    except OSError as error:
        raise ResultError(f"{file.uri} cannot be read: {type(error).__name__}") from error


def locate(
    uri: str | os.PathLike[str],
    *,
    buckets: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Location:
    """Return the location that `uri` names; sends no request.

    Parameters
    ----------
    uri : str or path
        A plain path, ``file://``, ``gs://`` or any other fsspec URL.
    buckets : str, optional
        The folder that holds the buckets of the embedded service: ``gs://b/x`` is then ``{buckets}/b/x``.
    storage_options : mapping, optional
        Passed on to fsspec for anything but local files.

    Raises
    ------
    ConfigError
        The URI cannot be read here; the message says why.
    """
    text = os.fspath(uri)
    match = _SCHEME.fullmatch(text)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", text)
    if not rest:
        raise ConfigError(f"the place {text!r} names nothing; give a folder, a file or a name prefix")
    if scheme in ("", "file", "local"):
        return _local(text, rest)
    if scheme in ("gs", "gcs") and buckets is not None:
        return _embedded(text, rest, buckets)
    return _remote(text, scheme, storage_options or {})


def _local(uri: str, rest: str) -> Location:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - only when data is loaded

    path = LocalFileSystem._strip_protocol(uri if "://" in uri else rest)  # noqa: SLF001 - fsspec's own hook for this
    path += "/" if rest.endswith(("/", os.sep)) and not path.endswith("/") else ""
    shown = "file://" if "://" in uri else ""
    return Location(LocalFileSystem(), path, shown + path, "", shown)


def _embedded(uri: str, rest: str, buckets: str) -> Location:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - only when data is loaded

    root = Path(buckets).resolve()
    parts = rest.split("/")
    if ".." in parts or not parts[0] or not root.joinpath(rest).resolve().is_relative_to(root):
        raise ConfigError(f"{uri!r} does not stay inside a bucket; write it as gs://bucket/folder")
    return Location(LocalFileSystem(), f"{root.as_posix()}/{rest}", uri, f"{root.as_posix()}/", "gs://")


def _remote(uri: str, scheme: str, options: Mapping[str, Any]) -> Location:
    import fsspec  # noqa: PLC0415 - only when data is loaded

    try:
        fs, path = fsspec.core.url_to_fs(uri, **options)
    except ImportError as error:
        package = _INSTALL.get(scheme)
        hint = f'pip install "{package}"' if package else str(error)
        raise ConfigError(f"{uri} needs a package that is not installed: {hint}") from error
    except ValueError as error:
        raise ConfigError(
            f"{uri}: no file system is known for {scheme}://; use a path, file://, gs://, s3:// and the like"
        ) from error
    path += "/" if uri.endswith("/") and not path.endswith("/") else ""
    root = "/" if path.startswith("/") else ""
    return Location(fs, path, uri, root, f"{scheme}://")
