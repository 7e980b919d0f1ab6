"""Which files at a place are results, of which operation and table, and whether all of them are there.

What names and first bytes say of a file, the formats tell (`sniff`).
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.globs import Glob
from lro_notebook.operations.resource import operation_id
from lro_notebook.results.formats.registry import OTHER
from lro_notebook.results.remote.calls import USUAL, Fetch, is_forbidden
from lro_notebook.results.remote.starts import starts_of
from lro_notebook.results.remote.versions import Version, moment_of
from lro_notebook.results.sniff import START, format_of, is_open, parse_name
from lro_notebook.results.storage import cause_of, faults, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.storage import Location

logger = logging.getLogger(__name__)

#: What other names say: the id of an operation in front (longer than a date), the place among shards behind.
_ID = re.compile(r"(\d{12,})_", re.ASCII)
_PLACE = re.compile(r"-(\d+)-of-(\d+)(?:\.[A-Za-z0-9]+)*\Z", re.ASCII)
_SHOWN = 5
_FEW = 200
_SKEW = timedelta(seconds=1)  # the clocks of the service and of the storage differ

#: When an operation ran: from its start to its end, None where that is not known.
Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a table: a file, or what stands for one where tables are in no files.

    Attributes
    ----------
    uri, path : str
        Its name for the user, and in the file system.
    table : str
        The resource type; ``{type}_history`` for a history export.
    size : int
        Bytes, as stored.
    operation : str or None
        The id of the operation that wrote it, where the name says.
    index, total : int or None
        Its place among the shards of its table.
    history : bool
        Whether its lines are history Bundles.
    format : Format or None
        How its bytes are read; None where its source gives columns, not bytes: BigQuery.
    written : datetime or None
        When, where the storage says.
    row : int
        Rows of its table in the files before it, where that was counted.
    version : Version or None
        The state that was listed, where that is known; no other one is read.
    counted : int or None
        How many rows a manifest says that it has.
    """

    uri: str
    path: str
    table: str
    size: int
    operation: str | None = None
    index: int | None = None
    total: int | None = None
    history: bool = False
    format: Format | None = None
    written: datetime | None = field(default=None, repr=False, compare=False)
    row: int = field(default=0, repr=False, compare=False)
    version: Version | None = field(default=None, repr=False, compare=False)
    counted: int | None = field(default=None, repr=False, compare=False)


def find(
    location: Location,
    *,
    operation: str | None = None,
    tables: Iterable[str] | None = None,
    partial: bool = False,
    span: Span = (None, None),
    only: Format | None = None,
    fetch: Fetch = USUAL,
) -> list[Shard]:
    """Return the result files at `location`, sorted by table and index.

    Parameters
    ----------
    location : Location
        A folder, a file, a name prefix (tried as a folder first) or a glob.
    operation : str, optional
        Id or name of the operation whose files are wanted.
    tables : iterable of str, optional
        Only these tables.
    partial : bool
        Whether a set of shards may have gaps.
    span : pair of datetime
        When `operation` ran: files that do not name their operation are its if they were written then.
    only : Format, optional
        Only files in this format.
    fetch : Fetch
        How the first bytes of files are read.

    Raises
    ------
    ConfigError
        Several operations wrote here and `operation` is not given.
    ResultError
        Nothing is here, a table is not, or shards are missing.
    """
    shards = [shard for shard in _listed(location, only, fetch) if only in (None, shard.format)]
    if operation is not None:
        shards = _written_by(operation_id(operation), shards, location, span)
    elif len({shard.operation for shard in shards}) > 1:
        raise ConfigError(_several(shards, location))
    if not shards:
        raise ResultError(
            f"no results at {location.uri}: no file there is named as a result, or begins as one; give the "
            "folder that the operation wrote to"
        )
    if tables is not None:
        shards = _of_tables([tables] if isinstance(tables, str) else list(tables), shards, location)
    if not partial:
        _check_complete(shards)
    return sorted(shards, key=lambda shard: (shard.table, shard.index or 0, shard.path))


def _listed(location: Location, only: Format | None, fetch: Fetch) -> list[Shard]:
    infos = _infos(location)
    single = len(infos) == 1 and infos[0]["name"] == location.path
    named = any(parse_name(_name(info)) for info in infos)
    judged = _looked_at(location, infos, fetch, few=named and only is None, single=single)
    deep = only.in_folders if only else False
    if (deep or not any(judged)) and not single and (below := _below(location)) is not None:
        others = [info for info in below if not parse_name(_name(info))]
        judged = _looked_at(location, others, fetch, few=True)
    shards = [shard for shard in judged if shard is not None]
    if not shards and location.is_remote:
        _check_reachable(location)
    if left := len(judged) - len(shards):
        logger.info("%d files at %s are not results and were left out", left, location.uri)
    return shards


def _looked_at(
    location: Location, infos: Sequence[Mapping[str, Any]], fetch: Fetch, *, few: bool, single: bool = False
) -> list[Shard | None]:
    """Return a shard for each file, None for one that is not a result.

    With `few` set, not many files are opened: where names say what others are, or the folder is deep.
    """
    unknown = [info for info in infos if not parse_name(_name(info)) and is_open(info["name"])]
    if few and len(unknown) > _FEW:
        left = {info["name"] for info in unknown}
        infos, unknown = [info for info in infos if info["name"] not in left], []
    names = {info["name"] for info in unknown}
    with closing(starts_of(location, unknown, START, fetch)) as starts:  # in the order of `infos`
        return [
            _shard(location, info, next(starts) if info["name"] in names else b"", single=single)
            for info in infos
        ]


def _shard(
    location: Location, info: Mapping[str, Any], start: bytes, *, single: bool = False
) -> Shard | None:
    parts = parse_name(_name(info))
    if parts is None:
        known = format_of(info["name"], start)
        if known is not None:
            parts = {"table": known.table, "format": known, **_parse_other(_name(info), known)}
        elif single:  # named by the user: the file is what it is called
            parts = {"table": _name(info).partition(".")[0] or _name(info), "format": OTHER}
        else:
            return None
    return Shard(
        uri=location.uri_of(info["name"]),
        path=info["name"],
        size=int(info.get("size") or 0),
        written=moment_of(info),
        version=Version.of(info),
        **parts,
    )


def _parse_other(name: str, known: Format) -> dict[str, Any]:
    """Return what the name of a file says whose format has no names of its own, as fields of `Shard`."""
    if known.in_folders:
        return {}
    written = _ID.match(name)
    place = _PLACE.search(name, written.end() if written else 0)
    index, total = map(int, place.groups()) if place else (None, None)
    return {"operation": written[1] if written else None, "index": index, "total": total}


def _name(info: Mapping[str, Any]) -> str:
    return str(info["name"]).rpartition("/")[2]


def uris_at(location: Location) -> list[str]:
    """Return the URI of each file at a place: in a folder, of a name prefix, of a pattern.

    Raises
    ------
    ResultError
        It cannot be listed.
    """
    return [location.uri_of(info["name"]) for info in _infos(location)]


def _infos(location: Location) -> list[Mapping[str, Any]]:
    fs, path = location.fs, location.path
    with _listing(location):
        if "*" in path:
            infos = _globbed(location)
        elif fs.isdir(path):
            infos = fs.ls(path, detail=True)
        elif not path.endswith("/") and fs.isfile(path):
            infos = [fs.info(path)]
        elif path.endswith("/"):
            infos = []
        else:
            parent = path.rpartition("/")[0]
            siblings = fs.ls(parent, detail=True) if fs.isdir(parent) else []
            infos = [info for info in siblings if info["name"].startswith(path)]
    return [info for info in infos if info["type"] == "file"]


def _below(location: Location) -> list[Mapping[str, Any]] | None:
    """Return all files below a folder, in the folders in it too; None if it is no folder."""
    with _listing(location):
        if not location.fs.isdir(location.path):
            return None
        return list(location.fs.find(location.path, detail=True).values())


def _check_reachable(location: Location) -> None:
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


def _globbed(location: Location) -> list[Mapping[str, Any]]:
    """Return the files that a pattern names; the file system lists by a coarser one, in few steps."""
    fs, path = location.fs, location.path
    if any("**" in part and part != "**" for part in path.split("/")):
        raise ConfigError(f"{location.uri}: '**' stands for whole folders, as in out/**/*.ndjson")
    pattern = fs._strip_protocol(path) + ("/" if path.endswith("/") else "")  # noqa: SLF001 - as fs.glob() does
    glob = Glob(pattern, classes=True)
    return [info for name, info in fs.glob(glob.coarse(), detail=True).items() if glob.matches(name)]


def _written_by(wanted: str, shards: Sequence[Shard], location: Location, span: Span) -> list[Shard]:
    own = [shard for shard in shards if shard.operation == wanted]
    loose = [shard for shard in shards if shard.operation is None]
    word = re.compile(rf"(?:^|[/_.-]){re.escape(wanted)}(?:[/_.-]|$)")
    own = own or [shard for shard in loose if word.search(location.within(shard.path))]
    own = own or [shard for shard in loose if any(span) and _within(shard.written, span)]
    if own:
        return own
    others = _operations(shards)
    hint = f"; operations that wrote there: {', '.join(others[:_SHOWN])}" if others else ""
    if not others and shards:
        hint = "; the files there carry no operation id: read_results(uri) reads them"
    raise ResultError(f"operation {wanted} left no results at {location.uri}{hint}")


def _within(written: datetime | None, span: Span) -> bool:
    begin, end = span
    if written is None:
        return False
    return (begin is None or written >= begin - _SKEW) and (end is None or written <= end + _SKEW)


def _operations(shards: Iterable[Shard]) -> list[str]:
    """Return the ids of the operations that wrote `shards`, newest first."""
    last: defaultdict[str, datetime] = defaultdict(lambda: datetime.min.replace(tzinfo=UTC))
    for shard in shards:
        if shard.operation is not None:
            last[shard.operation] = max(last[shard.operation], shard.written or last[shard.operation])
    return sorted(last, key=lambda name: (last[name], name), reverse=True)


def _several(shards: Sequence[Shard], location: Location) -> str:
    ids = _operations(shards)
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    loose = sum(shard.operation is None for shard in shards)
    rest = f", and {loose} files carry no operation id" if loose else ""
    return (
        f"several operations wrote to {location.uri}: {', '.join(ids[:_SHOWN])}{more} (newest first){rest}. "
        f'Pass operation="{ids[0]}", or use op.load()'
    )


def _of_tables(wanted: Sequence[str], shards: Sequence[Shard], location: Location) -> list[Shard]:
    """Return the files in which the tables `wanted` are, inner ones with those that they are read with."""
    there = {shard.table: shard.format for shard in shards}
    mains = {name: _main_of(name, there) for name in wanted}
    missing = sorted(name for name, main in mains.items() if main is None)
    if missing:
        names = ", ".join(sorted(there))
        raise ResultError(f"no table {', '.join(missing)} at {location.uri}; there are {names}")
    return [shard for shard in shards if shard.table in mains.values()]


def _main_of(name: str, there: Mapping[str, Format | None]) -> str | None:
    """Return the table with which `name` is read: itself, that of its list, the messages of its segment."""
    head = name.partition(".")[0]
    if name in there or head in there:
        return name if name in there else head
    return next((table for table, each in there.items() if _reads_with(each, head)), None)


def _reads_with(each: Format | None, name: str) -> bool:
    return (
        each is not None and each.inner_tables is not None and each.inner_tables.fullmatch(name) is not None
    )


def _check_complete(shards: Iterable[Shard]) -> None:
    sets: defaultdict[tuple[str, int], list[Shard]] = defaultdict(list)
    for shard in shards:
        if shard.total is not None:
            sets[shard.table, shard.total].append(shard)
    for (table, total), members in sets.items():
        have = {shard.index for shard in members}
        first = 1 if total in have and 0 not in have else 0
        numbers = range(first, first + total)  # as many as a name says: never gone through as a whole
        count = total - sum(number in numbers for number in have)
        if count:
            missing = islice((number for number in numbers if number not in have), min(count, _SHOWN))
            names = ", ".join(f"{number}-of-{total}" for number in missing)
            more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
            raise ResultError(
                f"table {table} is incomplete: {names}{more} missing beside {members[0].uri}; "
                "partial=True reads what is there"
            )
