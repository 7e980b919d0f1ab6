"""Which files at a place are results, of which operation and table, and whether all of them are there.

What files hold, `classify` tells; whose they are, `ownership`.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.globs import Glob
from lro_notebook.operations.resource import operation_id
from lro_notebook.results.discovery.classify import classify, name_of
from lro_notebook.results.discovery.listing import check_reachable, files_at, is_folder
from lro_notebook.results.discovery.ownership import is_named, operations, owned
from lro_notebook.results.discovery.sniff import parse_name
from lro_notebook.results.remote.calls import USUAL, Fetch
from lro_notebook.results.shards import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.results.discovery.listing import Info
    from lro_notebook.results.discovery.ownership import Span
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.shards import Shard, Skipped
    from lro_notebook.results.storage import Location

_SHOWN = 5
_SEVERAL = 8  # places that are listed one by one


def find(
    location: Location,
    *,
    operation: str | None = None,
    tables: Iterable[str] | None = None,
    partial: bool = False,
    span: Span = (None, None),
    only: Format | None = None,
    deep: bool = False,
    own: bool = True,
    paths: Sequence[str] = (),
    fetch: Fetch = USUAL,
) -> Found:
    """Return the result files at `location`, and what else is there.

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
    deep : bool
        Whether files in folders below are meant; if not, they are where there are no others.
    own : bool
        Whether it is an error if no file can be told to be of `operation`; else all of them are taken.
    paths : sequence of str
        Several places in this file system instead, each a file, a folder or a name prefix.
    fetch : Fetch
        How the first bytes of files are read.

    Raises
    ------
    ConfigError
        Several operations wrote here and `operation` is not given.
    ResultError
        Nothing is here, a table is not, or shards are missing.
    """
    if len(paths) > 1:
        location = _around(location, paths)
        found = classify(location, _files_of(location, paths, deep=deep), only, fetch)
    else:
        found = _listed(location, only, fetch, deep=deep)
    if operation is not None:
        found = _of_operation(operation_id(operation), found, location, span, own=own)
    elif len({shard.operation for shard in found.shards}) > 1:
        raise ConfigError(_several(found.shards, location))
    shards = found.shards
    if not shards:
        raise ResultError(_nothing(found, location))
    if tables is not None:
        shards = _of_tables([tables] if isinstance(tables, str) else list(tables), shards, location)
    if not partial:
        _check_complete(shards)
    return found._replace(
        shards=sorted(shards, key=lambda shard: (shard.table, shard.index or 0, shard.path))
    )


def _around(location: Location, paths: Sequence[str]) -> Location:
    """Return the folder in which all `paths` are."""
    plain = [path.partition("*")[0] if "*" in path else path.rstrip("/") for path in paths]
    common = posixpath.commonpath([path.rpartition("/")[0] for path in plain])
    return replace(location, path=common, uri=location.uri_of(common))


def _files_of(location: Location, paths: Sequence[str], *, deep: bool) -> list[Info]:
    """Return the files at `paths` in a folder; many of them are found in one listing of it."""
    if len(paths) <= _SEVERAL:
        places = [replace(location, path=path, uri=location.uri_of(path)) for path in paths]
        infos = [info for place in places for info in files_at(place, deep=deep)]
    else:
        infos = _of_paths(paths, files_at(location, deep=True))
    return list({info["name"]: info for info in infos}.values())


def _of_paths(paths: Sequence[str], infos: Iterable[Info]) -> list[Info]:
    """Return those of the files that are at `paths`: in such a folder, of that name, or of that prefix."""
    there = sorted(infos, key=_name_of)
    found: list[Info] = []
    for path in paths:
        if "*" in path:
            glob = Glob(path, classes=True)
            found += [info for info in there if glob.matches(_name_of(info))]
            continue
        alike = _beginning(path, there)
        below = _beginning(f"{path.rstrip('/')}/", alike)
        found += below or [info for info in alike if info["name"] == path] or alike
    return found


def _beginning(prefix: str, infos: Sequence[Info]) -> Sequence[Info]:
    """Return those of sorted files whose names begin so."""
    first = bisect_left(infos, prefix, key=_name_of)
    end = bisect_left(infos, True, first, key=lambda info: not _name_of(info).startswith(prefix))  # noqa: FBT003 - a key
    return infos[first:end]


def _name_of(info: Info) -> str:
    return str(info["name"])


def _nothing(found: Found, location: Location) -> str:
    said = "no file is there"
    if found.skipped:
        said = f"of {len(found.skipped):,} files none holds results; {_told(found.skipped)}"
    return f"no results at {location.uri}: {said}. Give the folder that the operation wrote to"


def told(skipped: Sequence[Skipped], place: str) -> str:
    """Return a sentence on the files at `place` that are in no table."""
    count = "1 file" if len(skipped) == 1 else f"{len(skipped):,} files"
    return f"{count} at {place} left out: {_told(skipped)}; results.skipped lists them"


def _told(skipped: Sequence[Skipped]) -> str:
    examples = [f"{each.uri.rpartition('/')[2]} ({each.reason})" for each in skipped[:_SHOWN]]
    return ", ".join(examples) + (" …" if len(skipped) > _SHOWN else "")


def _listed(location: Location, only: Format | None, fetch: Fetch, *, deep: bool) -> Found:
    infos = files_at(location, deep=deep)
    single = len(infos) == 1 and infos[0]["name"] == location.path
    found = classify(location, infos, only, fetch, single=single)
    in_folders = only.in_folders if only else False
    if not deep and not single and (in_folders or not found.shards) and is_folder(location):
        below = [info for info in files_at(location, deep=True) if not parse_name(name_of(info))]
        found = classify(location, below, only, fetch)
    if not found.shards and location.is_remote:
        check_reachable(location)
    return found


def _of_operation(wanted: str, found: Found, location: Location, span: Span, *, own: bool) -> Found:
    """Return those files that the operation `wanted` wrote."""
    if not own and is_named(wanted, location.path.removeprefix(location.root)):
        return found  # a place of its own
    if not own and len(found.shards) == 1 and found.shards[0].path == location.path:
        return found  # the file itself
    told_by = owned(wanted, span, found.shards, location)
    if told_by is not None:
        return Found(
            [shard for shard in found.shards if told_by.holds(shard, location)],
            [each for each in found.skipped if told_by.holds(each, location)],
        )
    others = operations(found.shards)
    if not own and not others:
        count = len(found.shards)
        files = "the file" if count == 1 else f"which of the {count:,} files"
        return found._replace(
            note=f"{files} at {location.uri} is of operation {wanted} cannot be told: no name there and no "
            "time says it. All are loaded"
        )
    hint = f"; operations that wrote there: {', '.join(others[:_SHOWN])}" if others else ""
    if not others and found.shards:
        hint = "; the files there carry no operation id: read_results(uri) reads them"
    raise ResultError(f"operation {wanted} left no results at {location.uri}{hint}")


def _several(shards: Sequence[Shard], location: Location) -> str:
    ids = operations(shards)
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
    sets: defaultdict[tuple[str, str, int], list[Shard]] = defaultdict(list)
    for shard in shards:
        if shard.total is not None:
            sets[shard.table, shard.path.rpartition("/")[0], shard.total].append(shard)
    for (table, _, total), members in sets.items():
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
