"""A user's own files into the buckets of the embedded service, and out of them. Client code: it only copies.

Each file appears under its name as a whole, so that an import which runs meanwhile reads no half of one.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.errors import ConfigError, LroError, LroWarning, warn_caller
from lro_notebook.local import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lro_notebook.local.core.buckets import Buckets, Location

_PIECE = 1 << 20  # bytes that are copied at once


class _File(NamedTuple):
    """A file to copy, and the object that it becomes."""

    source: Path
    uri: str
    target: Path
    size: int


class _Found(NamedTuple):
    """What is below a folder: the files with their names, and how many things are no such files."""

    files: list[tuple[str, Path]]
    left_out: int


def make_bucket(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> str:
    """Make a bucket of the embedded service, if it is not there yet, and return its address.

    Raises
    ------
    ConfigError
        No bucket can have this name.

    Examples
    --------
    >>> results = lro.local.make_bucket("my-results")
    >>> store.export_to(f"{results}/run-1", types="Patient").wait().state
    'SUCCEEDED'
    """
    location = _location(f"gs://{name.removeprefix('gs://')}", "make_bucket")
    if location.path:
        raise ConfigError(
            f"lro.local.make_bucket: {name} is a place in a bucket; give the bucket's name alone"
        )
    running = launch.ensure(None if data_dir is None else Path(data_dir))
    (running.buckets / location.bucket).mkdir(exist_ok=True)
    return f"gs://{location.bucket}"


def put(path: str | os.PathLike[str], uri: str, *, data_dir: str | os.PathLike[str] | None = None) -> str:
    r"""Copy a file, or a folder with all that is in it, into a bucket of the embedded service.

    The bucket is made if it is not there. Files of the same names are replaced, with a warning that says so.
    Names that begin with a dot are left out, as the service leaves them out of what ``*`` matches.

    Parameters
    ----------
    path : str or path
        A file, or a folder: then the files below it keep their places under `uri`.
    uri : str
        ``gs://bucket/path``. A file gets this name; where it ends with a slash, names a bucket alone or a
        folder that is there, the file keeps its name in it.
    data_dir : str or path, optional
        Of which service, as in `connect`.

    Returns
    -------
    str
        The URI of the file, or of the folder: ``store.import_from(f"{uri}/*.ndjson")`` reads its files.

    Raises
    ------
    ConfigError
        There is no such file or folder, or nothing in it, or it cannot go there; nothing was copied.
    LroError
        A file cannot be read or written; those before it were copied.

    Examples
    --------
    >>> from pathlib import Path
    >>> Path("mine").mkdir(exist_ok=True)
    >>> _ = Path("mine/Patient.ndjson").write_text('{"resourceType": "Patient", "id": "me"}\n')
    >>> lro.local.put("mine", "gs://my-bucket/first")
    'gs://my-bucket/first'
    >>> store.import_from("gs://my-bucket/first/*.ndjson").wait().progress.completed
    1
    """
    from lro_notebook.local.core.buckets import Buckets
    from lro_notebook.results.progress_bar import byte_bar

    source = Path(path).expanduser()
    location = _location(uri)
    found = _found(source)
    buckets = Buckets(launch.ensure(None if data_dir is None else Path(data_dir)).buckets)
    whole, files = _planned(source, found, uri, location, buckets)
    replaced = [file.uri for file in files if file.target.exists()]
    with byte_bar(f"to {whole}", sum(file.size for file in files)) as advance:
        for number, file in enumerate(files):
            what = f"{file.source} cannot be copied to {file.uri}"
            done = f"{number:,} of {len(files):,} files were copied"
            _copy(file, partial(_draft_in, buckets.partial), advance, what=what, done=done)
    if replaced:
        warn_caller(
            f"{len(replaced):,} of the {len(files):,} files were there before and are replaced: {replaced[0]}"
            + (" and others" if len(replaced) > 1 else ""),
            LroWarning,
        )
    if found.left_out:
        warn_caller(
            f"{found.left_out:,} things below {source} were left out: they are hidden, or no files",
            LroWarning,
        )
    return whole


def get(
    uri: str,
    path: str | os.PathLike[str],
    *,
    exist_ok: bool = False,
    data_dir: str | os.PathLike[str] | None = None,
) -> Path:
    r"""Copy a file, or all files of a folder or pattern, out of a bucket of the embedded service.

    Hidden files, and those that the service does not take for objects, are left out.

    Parameters
    ----------
    uri : str
        ``gs://bucket/path`` of a file, a folder, or what names begin with; or a pattern with ``*``, ``**``
        and ``?``.
    path : str or path
        A folder, made if it is not there: the files keep their places below the folder of `uri`. A single
        file gets this name, and keeps its own where the path is a folder or ends with a slash.
    exist_ok : bool
        Whether files of the same names are replaced; by default they are an error, and nothing is copied.
    data_dir : str or path, optional
        Of which service, as in `connect`.

    Returns
    -------
    Path
        The file, or the folder.

    Raises
    ------
    ConfigError
        There is no such bucket or file, or files of the same names are there; nothing was copied.
    LroError
        A file cannot be read or written; those before it were copied.

    Examples
    --------
    >>> written = store.export_to("gs://demo-out/mine", types="Patient").wait()
    >>> folder = lro.local.get("gs://demo-out/mine", "out")
    >>> len(list(folder.iterdir()))
    1
    """
    from lro_notebook.local.core.buckets import Buckets
    from lro_notebook.results.progress_bar import byte_bar

    buckets = Buckets(launch.ensure(None if data_dir is None else Path(data_dir)).buckets)
    whole, files = _wanted(uri, os.fspath(path), buckets)
    there = [file.target for file in files if os.path.lexists(file.target)]
    if there and not exist_ok:
        which = f"{there[0]} exists" if len(there) == 1 else f"{there[0]} and {len(there) - 1:,} more exist"
        raise ConfigError(f"lro.local.get: {which} already; exist_ok=True replaces, or give another folder")
    with byte_bar(f"from {uri}", sum(file.size for file in files)) as advance:
        for number, file in enumerate(files):
            what = f"{file.uri} cannot be copied to {file.target}"
            done = f"{number:,} of {len(files):,} files were copied"
            _copy(file, partial(_draft_beside, file.target), advance, what=what, done=done)
    return whole


def _wanted(uri: str, path: str, buckets: Buckets) -> tuple[Path, list[_File]]:
    """Return the file or folder that is made, and what is copied there.

    Raises
    ------
    ConfigError
        There is nothing to copy, or a folder stands where a file goes, or the other way round.
    """
    found, base = _objects(uri, buckets)
    target = Path(path).expanduser()
    if base is None:
        inside = target.is_dir() or path.endswith(("/", os.sep))
        whole = target / found[0][1].name if inside else target
        targets = [whole]
    else:
        whole, targets = target, [target / file.relative_to(base) for _, file in found]
    for each in targets:
        taken = next((parent for parent in each.parents if parent.exists() and not parent.is_dir()), None)
        if taken is not None or each.is_dir():
            kind, other = ("file", taken) if taken is not None else ("folder", each)
            raise ConfigError(f"lro.local.get: {other} is a {kind}, so {each} cannot be written")
    return whole, [
        _File(file, name, each, file.stat().st_size)
        for (name, file), each in zip(found, targets, strict=True)
    ]


def _objects(uri: str, buckets: Buckets) -> tuple[list[tuple[str, Path]], Path | None]:
    """Return ``(uri, file)`` of what is wanted, and the folder below which the files keep their places.

    The folder is None for a single file.

    Raises
    ------
    ConfigError
        It is no address, or nothing is there.
    """
    from lro_notebook.local.core.buckets import parse, parse_pattern
    from lro_notebook.local.core.service_errors import ServiceError

    is_pattern = re.search(r"[*?]", uri) is not None
    try:
        location = (parse_pattern if is_pattern else parse)(uri, field="lro.local.get")
        if location.bucket not in buckets.names():
            there = ", ".join(buckets.names())
            raise ConfigError(f"lro.local.get: there is no bucket {location.bucket}; there are {there}")
        buckets.check(location, field="lro.local.get")
        if is_pattern or (not uri.endswith("/") and buckets.path(location).is_file()):
            found = buckets.match(location)
        else:
            below = (
                f"{location.path}/" if location.path and buckets.path(location).is_dir() else location.path
            )
            found = [
                (f"gs://{location.bucket}/{name}", file)
                for name, file in buckets.objects(location.bucket, below)
            ]
    except ServiceError as error:
        raise ConfigError(f"lro.local.get: {error.message.removeprefix('lro.local.get: ')}") from None
    if not found:
        raise ConfigError(f"lro.local.get: nothing is at {uri}; gs://{location.bucket} is the whole bucket")
    if not is_pattern and found[0][0] == location.uri:
        return found, None
    fixed = re.split(r"[*?]", location.path, maxsplit=1)[0]
    folder = location.path if buckets.path(location).is_dir() and not is_pattern else fixed.rpartition("/")[0]
    return found, buckets.path(location._replace(path=folder))


def _location(uri: str, function: str = "put") -> Location:
    """Return the place that `function` writes to; a ConfigError says that it is none, or the sample's."""
    from lro_notebook.local.core.buckets import SAMPLE_BUCKET, parse
    from lro_notebook.local.core.service_errors import ServiceError

    called = f"lro.local.{function}"
    try:
        location = parse(uri, field=called)
    except ServiceError as error:
        raise ConfigError(error.message) from None
    if "*" in location.path or "?" in location.path:
        raise ConfigError(f"{called}: {uri} is a pattern; give the one folder that the files go to")
    if location.bucket == SAMPLE_BUCKET:
        raise ConfigError(f"{called}: gs://{SAMPLE_BUCKET} holds the service's sample; choose another bucket")
    return location


def _found(source: Path) -> _Found:
    """Return the files at `source` with their names below it; a ConfigError says that there are none."""
    if source.is_file():
        return _Found([(source.name, source)], 0)
    if not source.is_dir():
        there = f"the current folder is {Path.cwd()}" if not source.is_absolute() else "look at its spelling"
        raise ConfigError(f"lro.local.put: there is no file or folder {source}; {there}")
    found = _Found([], 0)
    for place in _below(source):
        if place is not None and place.is_file():
            found.files.append((place.relative_to(source).as_posix(), place))
        else:
            found = found._replace(left_out=found.left_out + 1)
    if not found.files:
        raise ConfigError(f"lro.local.put: no files are in the folder {source}, or hidden ones only")
    return found


def _below(source: Path) -> Iterator[Path | None]:
    """Yield the files below a folder, sorted, links to folders followed once; None for what is left out."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(source, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        yield from (None for name in (*folders, *files) if not _is_name(name))
        folders[:] = sorted(filter(_is_name, folders))
        yield from (Path(folder, name) for name in sorted(filter(_is_name, files)))


def _is_name(name: str) -> bool:
    """Tell whether a file name can be one of an object that ``*`` matches: not hidden, and text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not name.startswith(".")


def _planned(
    source: Path, found: _Found, uri: str, location: Location, buckets: Buckets
) -> tuple[str, list[_File]]:
    """Return the URI of all, and what is copied where.

    Raises
    ------
    ConfigError
        A name cannot be one of an object, or a folder stands where a file goes, or the other way round.
    """
    base = location.path
    if source.is_file():
        inside = not base or uri.endswith("/") or buckets.path(location).is_dir()
        name = "/".join(part for part in (base, source.name) if part) if inside else base
        names = [(name, source)]
        whole = f"gs://{location.bucket}/{name}"
    else:
        names = [("/".join(part for part in (base, name) if part), place) for name, place in found.files]
        whole = f"gs://{location.bucket}" + (f"/{base}" if base else "")
    return whole, [_file(name, place, location, buckets) for name, place in names]


def _file(name: str, place: Path, location: Location, buckets: Buckets) -> _File:
    from lro_notebook.local.core.service_errors import ServiceError

    here = location._replace(path=name)
    uri, target = here.uri, buckets.path(here)
    try:
        buckets.check(_location(location._replace(path=_without_wildcards(name)).uri), field="lro.local.put")
    except ServiceError as error:
        raise ConfigError(error.message) from None
    if target.is_dir():
        raise ConfigError(f"lro.local.put: {uri} is a folder already, and {place} is a file")
    folders = map(str, PurePosixPath(name).parents)
    taken = next((each for each in folders if buckets.path(location._replace(path=each)).is_file()), None)
    if taken is not None:
        raise ConfigError(
            f"lro.local.put: {taken} is a file at gs://{location.bucket}, so {uri} cannot be below it"
        )
    return _File(place, uri, target, place.stat().st_size)


def _without_wildcards(name: str) -> str:
    """Return a name of the same length and parts: in the name of a file, a star is a letter like others."""
    return name.replace("*", "_").replace("?", "_")


def _draft_in(folder: Path) -> Path:
    number, draft = tempfile.mkstemp(prefix="put-", dir=folder)
    os.close(number)
    return Path(draft)


def _draft_beside(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".get-{secrets.token_hex(8)}")


def _copy(
    file: _File, draft: Callable[[], Path], advance: Callable[[int], object], *, what: str, done: str
) -> None:
    """Copy a file by way of a `draft`; `what` and `done` say what went wrong, and how far it came."""
    from lro_notebook.local.core import objects

    begun: Path | None = None
    try:
        with file.source.open("rb") as reading:
            begun = draft()
            with begun.open("wb") as writing:
                while piece := reading.read(_PIECE):
                    writing.write(piece)
                    advance(len(piece))
        objects.place(begun, file.target)
    except OSError as error:
        raise LroError(f"{what}: {error.strerror or type(error).__name__}; {done}") from error
    finally:
        if begun is not None:
            begun.unlink(missing_ok=True)
