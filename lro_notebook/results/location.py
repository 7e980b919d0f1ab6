"""Where files are: a URI as an fsspec file system and a path in it. Opens and lists nothing."""

from __future__ import annotations

import os
import re
import sys
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from lro_notebook import platforms
from lro_notebook.disk_names import SELF, disk_of
from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.file_systems import copy_of, forget_listings, is_near, unshared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)  # two letters at least: C:\ is a drive
_WEB = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"(?<=://)[^/?#]*")
_SECRET = re.compile(r"[?#].*", re.DOTALL)
_USER = re.compile(r"//[^/]*@")
_LONGEST = 300
_FAULTS = (
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("ftplib", "Error"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
)
_INSTALL = {"gs": "pip install gcsfs", "gcs": "pip install gcsfs"}


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file system.

    Attributes
    ----------
    given : fsspec.AbstractFileSystem
        The file system, as it was made for this place alone; use `fs`.
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
    def fs(self) -> Any:
        """The file system, as this process may use it: one with an event loop does not work after a fork."""
        if getattr(self.given, "_pid", os.getpid()) == os.getpid():
            return self.given
        copy = _copies.get(self.given)
        if copy is None or copy._pid != os.getpid():  # noqa: SLF001 - of fsspec, as above
            copy = _copies[self.given] = copy_of(self.given)
        return copy

    @property
    def is_remote(self) -> bool:
        """Whether the file system is not this machine's."""
        return not is_near(self.given)

    def __reduce__(self) -> tuple[Any, ...]:
        """Take no file system along that the other process would share."""
        return _again, (self.given, self.path, self.uri, self.root, self.shown)

    def uri_of(self, path: str) -> str:
        """Return how the user names the `path` of the file system."""
        if self.shown and path.startswith(self.shown):  # file systems of the web keep the scheme
            return shown(path)
        below = object_name(path).removeprefix(self.root) if f"{path}/" != self.root else ""
        return self.shown + printable(below)

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
        forget_listings(self.fs)
        return Location(self.given, self.root + rest, uri, self.root, self.shown)

    def another(self, uri: str) -> Location:
        """Return the place `uri`, which is of the same kind and read with the same options."""
        _refuse_user(uri)
        path = self.given._strip_protocol(uri)  # noqa: SLF001 - fsspec's own hook for this
        return Location(self.given, path, shown(uri), self.root, self.shown)

    def within(self, path: str) -> str:
        """Return the `path` of the file system as seen from this place; its name if it is this place."""
        folder, path = self.path.rstrip("/") + "/", object_name(path)
        return path.removeprefix(folder) if path.startswith(folder) else path.rpartition("/")[2]


def object_name(path: str) -> str:
    """Return the name of the object in a file, which may lie within the folder of its name."""
    return path.removesuffix(f"/{SELF}")


#: File system that was made before a fork -> the one that takes its place in this process.
_copies: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def _again(given: Any, *rest: str) -> Location:
    """Return a location that came from another process."""
    return Location(copy_of(given), *rest)


def bare(place: str) -> str:
    """Return `place` as a message may show it: without user, query and fragment, and cut."""
    text = _USER.sub("//", _SECRET.sub("", place))
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return text if text.isprintable() and text else repr(text)


def printable(name: str) -> str:
    """Return a name as tables can hold it: bytes of local file names that are no Unicode become ``?``."""
    return name if name.isascii() else name.encode(errors="replace").decode()


def shown(uri: str) -> str:
    """Return how a URI is named to users: of the web without query and fragment, which may be a signature."""
    return _SECRET.sub("", uri) if _WEB.match(uri) else uri


def faults() -> tuple[type[BaseException], ...]:
    """Return what file systems raise where they cannot list or read: not all of it is an `OSError`."""
    found: list[type[BaseException]] = [OSError, EOFError]
    for module, name in _FAULTS:
        if (error := getattr(sys.modules.get(module), name, None)) is not None:
            found.append(error)
    return tuple(found)


def kind_of(error: BaseException) -> str:
    """Return what a file system raised, in a few words; of an untrusted certificate, what mends it."""
    from lro_notebook.http import certificates

    name = type(error).__name__
    fault = certificates.fault_in(error, str(getattr(error, "host", None) or "the storage"))
    if fault is None:
        return name
    return f"{name}, {fault.what}. The file system trusts what SSL_CERT_FILE names when Python starts"


def cause_of(error: BaseException, path: str) -> BaseException | None:
    """Return `error` as the cause of what users see; None where it may repeat what `path` keeps secret."""
    return None if shown(path) != path else error


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
def opened(location: Location, file: _File, **how: Any) -> Iterator[BinaryIO]:
    """Open a file of `location` for reading.

    Raises
    ------
    ResultError
        It cannot be opened, or reading it fails within the body.
    """
    try:
        with location.fs.open(file.path, "rb", **how) as stream:
            yield stream
    except faults() as error:
        cause = cause_of(error, file.path)
        raise ResultError(f"{file.uri} cannot be read: {kind_of(error)}") from cause


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
    _refuse_user(text)
    return _remote(text, scheme, storage_options or {})


def _refuse_user(uri: str) -> None:
    hosts = _HOST.findall(uri)
    if any("@" in host for host in hosts) and (
        _WEB.match(uri) or any(":" in host.rpartition("@")[0] for host in hosts)
    ):
        raise ConfigError(
            f"{bare(uri)}: a user or password in a URI is refused, it would be shown; "
            "give it as storage_options={…}"
        )


def _local(uri: str, rest: str) -> Location:
    from fsspec.implementations.local import LocalFileSystem

    path = LocalFileSystem._strip_protocol(uri if "://" in uri else rest)  # noqa: SLF001 - fsspec's own hook for this
    path += "/" if rest.endswith(("/", os.sep)) and not path.endswith("/") else ""
    shown = "file://" if "://" in uri else ""
    return Location(LocalFileSystem(), path, shown + path, "", shown)


def _embedded(uri: str, rest: str, buckets: str) -> Location:
    from fsspec.implementations.local import LocalFileSystem

    root, parts = Path(buckets).resolve(), rest.split("/")
    path = file = f"{root.as_posix()}/{rest}"
    fs = LocalFileSystem()
    if disk_of(root).folds:
        from lro_notebook.results.bucket_files import BucketFiles

        fs = BucketFiles(root.as_posix())
        file = platforms.shown(fs.file(path))
    if ".." in parts or not parts[0] or not Path(file).resolve().is_relative_to(root):
        raise ConfigError(f"{uri!r} does not stay inside a bucket; write it as gs://bucket/folder")
    return Location(fs, path, uri, f"{root.as_posix()}/", "gs://")


def _remote(uri: str, scheme: str, options: Mapping[str, Any]) -> Location:
    named = shown(uri)
    try:
        fs, path = unshared(uri, options)
    except faults() as error:
        raise ResultError(f"{named} cannot be reached: {kind_of(error)}") from cause_of(error, uri)
    except ImportError as error:
        # fsspec's own words name the package of the file system, where one that this needs may be missing.
        missing = getattr(error.__cause__ or error, "name", None) or "a package"
        hint = _INSTALL.get(scheme, str(error))
        raise ConfigError(f"{named} needs {missing}, which is not installed: {hint}") from None
    except ValueError:
        raise ConfigError(
            f"{named}: no file system is known for {scheme}://; use a path, file://, gs://, s3:// or the like"
        ) from None
    path += "/" if uri.endswith("/") and not path.endswith("/") else ""
    root = "/" if path.startswith("/") else ""
    return Location(fs, path, named, root, f"{scheme}://")
