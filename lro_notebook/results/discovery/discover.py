"""Which files at a place are results, of which operation and table, and whether all of them are there.

What files hold, `classify` tells; whose they are, `ownership`.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.globs import Glob
from lro_notebook.operations.resource import operation_id
from lro_notebook.results.discovery.classify import HIDDEN, classify, name_of
from lro_notebook.results.discovery.lake_tables import note_of
from lro_notebook.results.discovery.listing import check_reachable, files_at, is_folder, listed_at
from lro_notebook.results.discovery.ownership import is_named, operations, owned
from lro_notebook.results.discovery.sniff import parse_name
from lro_notebook.results.load_report import no_table
from lro_notebook.results.remote.retried_calls import USUAL, Fetch
from lro_notebook.results.remote.versions import moment_of
from lro_notebook.results.shards import Found, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.results.discovery.listing import Info
    from lro_notebook.results.discovery.ownership import Span
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.location import Location
    from lro_notebook.results.shards import Shard

_SHOWN = 5
_REPEATED = "folders have files of the same names: give one of the folders"

_SEVERAL = 8  # places that are listed one by one


def find(
    location: Location,
    *,
    operation: str | None = None,
    tables: Iterable[str] | None = None,
    every: bool = True,
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
    every : bool
        Whether it is an error if one of `tables` is not there; else those are taken that are.
    partial : bool
        Whether a set of shards may have gaps.
    span : pair of datetime
        When `operation` ran: files that do not name their operation are its if they were written then.
    only : Format, optional
        Only files in this format.
    deep : bool
        Whether files in folders below are meant; if not, they are where there are no others.
    own : bool
        Whether the place may hold what several operations wrote, and it is an error if no file can be told
        to be of `operation`; else all of them are taken.
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
        infos = _files_of(location, paths, deep=deep)
        found = classify(location, infos, only, fetch)._replace(note=_lost(location, paths, infos))
    else:
        found = _listed(location, only, fetch, deep=deep)
    if operation is not None:
        found = _of_operation(operation_id(operation), found, location, span, own=own)
    elif own and len({shard.operation for shard in found.shards}) > 1:
        raise ConfigError(_several(found.shards, location))
    shards = found.shards
    if not shards:
        said = _runs_below(found, location) or _nothing(found, location)
        raise ResultError(said, nothing_there=True)
    if tables is not None:
        shards = _of_tables([tables] if isinstance(tables, str) else tables, shards, location, every=every)
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


def _lost(location: Location, paths: Iterable[str], infos: Iterable[Info]) -> str:
    """Return a sentence on those of `paths` where no file is; empty for none."""
    there = sorted(infos, key=_name_of)
    lost = [path for path in paths if "*" not in path and not _beginning(path.rstrip("/"), there)]
    names = ", ".join(location.uri_of(path) for path in lost[:_SHOWN])
    more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
    return f"nothing is at {names}{more}. What is at the other places is loaded" if lost else ""


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


def _runs_below(found: Found, location: Location) -> str:
    """Return a sentence on the folders of several runs, where there is nothing else; empty for others."""
    files = [each for each in found.skipped if not each.is_folder]
    if not files or any(each.reason != _REPEATED for each in files):
        return ""
    folders = sorted({posixpath.dirname(location.within(each.path)) or "." for each in files}, key=_natural)
    more = f" and {len(folders) - _SHOWN:,} more" if len(folders) > _SHOWN else ""
    return (
        f"several runs are below {location.uri}: {', '.join(folders[:_SHOWN])}{more}. "
        f"Give the folder of one, such as {location.uri.rstrip('/')}/{folders[0]}"
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that puts the folder 10 after 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _nothing(found: Found, location: Location) -> str:
    said = "no file is there"
    if found.skipped:
        said = f"of {len(found.skipped):,} files none holds results; {_told(found.skipped)}"
    return f"no results at {location.uri}: {said}. Give the folder that the operation wrote to"


def told(skipped: Sequence[Skipped], place: str) -> str:
    """Return a sentence on the files at `place` that are in no table."""
    folders = sum(each.is_folder for each in skipped)
    count = " and ".join(
        filter(None, (_counted(len(skipped) - folders, "file"), _counted(folders, "folder")))
    )
    return f"{count} at {place} left out: {_told(skipped)}; results.skipped lists them"


def _counted(count: int, word: str) -> str:
    return "" if not count else f"1 {word}" if count == 1 else f"{count:,} {word}s"


def _told(skipped: Sequence[Skipped]) -> str:
    examples = [f"{each.uri.rpartition('/')[2]} ({each.reason})" for each in skipped[:_SHOWN]]
    return ", ".join(examples) + (" …" if len(skipped) > _SHOWN else "")


def _listed(location: Location, only: Format | None, fetch: Fetch, *, deep: bool) -> Found:
    infos, folders = listed_at(location, deep=deep)
    single = len(infos) == 1 and infos[0]["name"] == location.path
    found = classify(location, infos, only, fetch, single=single)
    in_folders = only.in_folders if only else any(_is_in_folders(shard) for shard in found.shards)
    if not deep and not single and (in_folders or not found.shards) and is_folder(location):
        below, several = _without_repeats(files_at(location, deep=True), location)
        found = classify(location, below, only, fetch)
        found = found._replace(skipped=[*found.skipped, *several])
    elif only is None and found.shards:
        passed = [_passed_over(location, folder) for folder in folders if not folder.startswith(HIDDEN)]
        found = found._replace(skipped=[*found.skipped, *passed])
    if not found.shards and location.is_remote:
        check_reachable(location)
    return found._replace(note=note_of(folders, location.uri))


def _is_in_folders(shard: Shard) -> bool:
    return shard.format is not None and shard.format.in_folders


def _passed_over(location: Location, name: str) -> Skipped:
    path = f"{location.path.rstrip('/')}/{name}"
    reason = "a folder beside files: give it, or a pattern such as **"
    return Skipped(location.uri_of(path), path, reason, is_folder=True)


def _without_repeats(infos: Sequence[Info], location: Location) -> tuple[list[Info], list[Skipped]]:
    """Return the files in folders below; apart from them those of several exports, each in its own folder.

    Files that the same table has by their names in more than one folder are not told to be of one export.
    """
    said = {info["name"]: said for info in infos if (said := parse_name(name_of(info)))}
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for path, fields in said.items():
        folders[fields["table"]].add(posixpath.dirname(path))
    if all(len(each) == 1 for each in folders.values()):
        return list(infos), []
    several = [
        Skipped(
            location.uri_of(info["name"]),
            info["name"],
            _REPEATED,
            said[info["name"]]["operation"],
            moment_of(info),
        )
        for info in infos
        if info["name"] in said
    ]
    return [info for info in infos if info["name"] not in said], several


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
            found.note,
        )
    others = operations(found.shards)
    if not own and found.shards and not others:
        count = len(found.shards)
        files = "whether the file" if count == 1 else f"which of the {count:,} files"
        loaded = "It is" if count == 1 else "All are"
        note = (
            f"{files} at {location.uri} is of operation {wanted} cannot be told: no name there and no "
            f"time says it. {loaded} loaded"
        )
        return found._replace(note="; ".join(filter(None, (note, found.note))))
    hint = f"; operations that wrote there: {', '.join(others[:_SHOWN])}" if others else ""
    if not others and found.shards:
        hint = "; the files there carry no operation id: read_results(uri) reads them"
    raise ResultError(f"operation {wanted} left no results at {location.uri}{hint}", nothing_there=True)


def _several(shards: Sequence[Shard], location: Location) -> str:
    ids = operations(shards)
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    loose = sum(shard.operation is None for shard in shards)
    rest = f", and {loose} files carry no operation id" if loose else ""
    return (
        f"several operations wrote to {location.uri}: {', '.join(ids[:_SHOWN])}{more} (newest first){rest}. "
        f'Pass operation="{ids[0]}", or use op.load()'
    )


def _of_tables(
    wanted: Iterable[str], shards: Sequence[Shard], location: Location, *, every: bool
) -> list[Shard]:
    """Return the files in which the tables `wanted` are, inner ones with those that they are read with."""
    there = {shard.table: shard.format for shard in shards}
    mains = {name: _main_of(name, there) for name in wanted}
    if every and (missing := missing_of(mains, shards)):
        raise ResultError(no_table(missing, there, at=f" at {location.uri}"))
    return [shard for shard in shards if shard.table in mains.values()]


def missing_of(wanted: Iterable[str], shards: Iterable[Shard]) -> list[str]:
    """Return the names of tables that are not read with any of the files."""
    there = {shard.table: shard.format for shard in shards}
    return sorted(name for name in wanted if _main_of(name, there) is None)


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
