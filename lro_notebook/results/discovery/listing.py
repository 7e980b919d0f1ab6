"""The files at a place: of a folder, a name prefix or a glob. Knows no formats."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.disk_names import SELF
from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.globs import Glob
from lro_notebook.results.location import cause_of, faults, kind_of
from lro_notebook.results.remote.retried_calls import is_forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.location import Location


Info = Mapping[str, Any]


def files_at(location: Location, *, deep: bool = False) -> list[Info]:
    """Return what the file system says of each file at a place: in a folder, of a name prefix, of a pattern.

    Parameters
    ----------
    location : Location
        A folder, a file, a name prefix (where there is no such folder) or a glob.
    deep : bool
        Whether those in the folders below it are meant too.

    Raises
    ------
    ResultError
        It cannot be listed.
    """
    return listed_at(location, deep=deep)[0]


def listed_at(location: Location, *, deep: bool = False) -> tuple[list[Info], list[str]]:
    """Return the files at a place as `files_at`, and the names of the folders in it if it is one."""
    fs, path = location.fs, location.path
    folders: list[str] = []
    with _listing(location):
        if "*" in path:
            infos = _globbed(location)
        elif fs.isdir(path):
            infos = _all_below(fs, path) if deep else fs.ls(path, detail=True)
            folders = [str(info["name"]).rstrip("/") for info in infos if info["type"] == "directory"]
        elif not path.endswith("/") and fs.isfile(path):
            infos = [fs.info(path)]
        elif path.endswith("/"):
            infos = []
        else:
            infos = _of_prefix(fs, path, deep=deep)
        infos = [*infos, *_in_folders(location, infos)]
        infos = [_followed(location, info) if info.get("islink") else info for info in infos]
    files = [info for info in infos if info["type"] == "file"]
    return files, sorted(folder.rpartition("/")[2] for folder in folders if folder != path.rstrip("/"))


def _in_folders(location: Location, infos: list[Info]) -> list[Info]:
    """Return the objects that have the names of folders, which the embedded service keeps within these."""
    if location.shown != "gs://" or not location.root:
        return []
    known = {info["name"] for info in infos}
    folders = (str(info["name"]).rstrip("/") for info in infos if info["type"] == "directory")
    files = (f"{folder}/{SELF}" for folder in folders)
    return [location.fs.info(file) for file in files if file not in known and location.fs.isfile(file)]


def _followed(location: Location, info: Info) -> Info:
    """Return what the file system says of the file that a link leads to; of any other link, of itself.

    Out of the buckets of an embedded service no link leads.
    """
    link = Path(info["name"])
    if location.root or not link.is_file():
        return info
    return {**location.fs.info(str(link.resolve())), "name": info["name"]}


def is_folder(location: Location) -> bool:
    """Tell whether a place is a folder.

    Raises
    ------
    ResultError
        That cannot be asked.
    """
    with _listing(location):
        return "*" not in location.path and bool(location.fs.isdir(location.path))


def _of_prefix(fs: Any, path: str, *, deep: bool) -> list[Info]:
    parent = path.rpartition("/")[0]
    siblings = fs.ls(parent, detail=True) if fs.isdir(parent) else []
    infos = [info for info in siblings if info["name"].startswith(path)]
    folders = [info["name"] for info in infos if info["type"] == "directory"] if deep else []
    return [*infos, *(info for folder in folders for info in _all_below(fs, folder))]


def _all_below(fs: Any, path: str) -> list[Info]:
    return list(fs.find(path, detail=True).values())


def check_reachable(location: Location) -> None:
    """Raise where nothing was found because nothing can be: ``isdir`` of fsspec says no to any fault."""
    head, star, _ = location.path.partition("*")
    with _listing(location), suppress(FileNotFoundError, NotADirectoryError):
        location.fs.info(head.rpartition("/")[0] if star else location.path)


@contextmanager
def _listing(location: Location) -> Iterator[None]:
    try:
        yield
    except faults() as error:
        cause = cause_of(error, location.path)
        todo = ""
        if is_forbidden(error):
            todo = "; have permission given (storage.objects.list and get on Cloud Storage) or sign in again"
        raise ResultError(f"{location.uri} cannot be listed: {kind_of(error)}{todo}") from cause


def _globbed(location: Location) -> list[Info]:
    """Return the files that a pattern names; the file system lists by a coarser one, in few steps."""
    fs, path = location.fs, location.path
    if any("**" in part and part != "**" for part in path.split("/")):
        raise ConfigError(f"{location.uri}: '**' stands for whole folders, as in out/**/*.ndjson")
    pattern = fs._strip_protocol(path) + ("/" if path.endswith("/") else "")  # noqa: SLF001 - as fs.glob() does
    glob = Glob(pattern, classes=True)
    return [info for name, info in fs.glob(glob.coarse(), detail=True).items() if glob.matches(name)]
