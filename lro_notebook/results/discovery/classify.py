"""What files hold, and so which tables they are in: by their names, else by a first look."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lro_notebook.results.discovery.file_sets import keys_in, table_names
from lro_notebook.results.discovery.sniff import (
    LONGER,
    START,
    UNKNOWN,
    judge,
    leaves_open,
    needs_look,
    parse_name,
)
from lro_notebook.results.formats.fhir.json import BUNDLE
from lro_notebook.results.formats.registry import OTHER
from lro_notebook.results.limits import DEFAULT, Limits
from lro_notebook.results.location import object_name, printable, shown
from lro_notebook.results.remote.first_bytes import starts_of
from lro_notebook.results.remote.versions import Version, moment_of
from lro_notebook.results.shards import Found, Shard, Skipped
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.results.discovery.listing import Info
    from lro_notebook.results.discovery.sniff import Judged
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.location import Location
    from lro_notebook.results.remote.retried_calls import Fetch

#: What other names say: the id of an operation in front (neither a date nor a time), the place among shards
#: behind.
_ID = re.compile(
    r"(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d"
    r"(?:[0-5]\d(?:\d{3}){0,3})?_)(\d{12,})_",
    re.ASCII,
)
_OPERATION = re.compile(r"\d+", re.ASCII)
_PLACE = re.compile(r"-(\d+)-of-(\d+)(?:\.[A-Za-z0-9]+)*\Z", re.ASCII)
_SIMILAR = 200  # files of one kind of name; of more, so many are looked at
_MOST = 20_000  # first looks at all
#: Names of what jobs leave beside their output for each other.
HIDDEN = ("_", ".")
_COPY = re.compile(r" \(\d+\)(?=\.|\Z)")
_VARYING = re.compile(r"[0-9a-f]{8,}|\d+", re.ASCII)


def classify(
    location: Location,
    infos: Sequence[Info],
    only: Format | None,
    fetch: Fetch,
    *,
    single: bool = False,
    limits: Limits = DEFAULT,
) -> Found:
    """Return a shard for each file that holds results, and the others.

    Parameters
    ----------
    location : Location
        The place that they are at.
    infos : sequence of mapping
        What the file system says of them.
    only : Format, optional
        Only files in this format.
    fetch : Fetch
        How the first bytes of files are read.
    single : bool
        Whether it is one file, which the user has named.
    limits : Limits
        What is too much.

    Raises
    ------
    ResultError
        A file cannot be read.
    """
    judged = _judged(location, infos, fetch)
    shards, skipped = [], []
    for info in infos:
        shard = _shard(location, info, judged.get(info["name"]), single=single)
        if isinstance(shard, Skipped):
            skipped.append(replace(shard, quiet=shard.quiet or only is not None))
        elif only in {None, shard.format}:
            shards.append(shard)
    shards, copies = _without_copies(shards)
    apart, empty = _apart(shards, location, fetch, limits)
    return Found(_in_tables(apart, location), [*skipped, *copies, *empty])


def _apart(
    shards: Sequence[Shard], location: Location, fetch: Fetch, limits: Limits
) -> tuple[list[Shard], list[Skipped]]:
    """Return a shard for each table of which a file holds rows, and the files that hold none.

    Those that may hold several are read for it; the table that a name says is one of them.
    """
    mixed = [shard for shard in shards if shard.format and shard.format.tables_in]
    parts: dict[str, list[Shard]] = {}
    with Files(location, fetch).reading(mixed) as streams:
        for shard in mixed:
            if shard.format and shard.format.tables_in:
                with streams.open(shard) as file:
                    tables = [*shard.format.tables_in(file, limits)]
                if shard.history:
                    tables = [f"{table}_history" for table in tables]
                named = dict.fromkeys([*([shard.table] if shard.table else []), *tables])
                parts[shard.path] = [replace(shard, table=table) for table in named]
    empty = [
        Skipped(shard.uri, shard.path, "no resource is in it", shard.operation, shard.written, quiet=True)
        for shard in mixed
        if not parts[shard.path]
    ]
    return [part for shard in shards for part in parts.get(shard.path, [shard])], empty


def _judged(location: Location, infos: Sequence[Info], fetch: Fetch) -> dict[str, Judged]:
    """Return what files hold whose names do not say it for sure, by their paths.

    Of very many files with names of one kind some are looked at, and one where names say what it is; where
    they agree, the others are like them.
    """
    kinds: defaultdict[tuple[str, bool], list[Info]] = defaultdict(list)
    for info in infos:
        name = name_of(info)
        said = parse_name(name)
        if not _is_sure(said):
            kinds[_VARYING.sub("#", name) if info.get("size") else "", said is not None].append(info)
    samples = [
        info
        for (_, named), alike in kinds.items()
        for info in ([min(alike, key=name_of)] if named else alike[:: -(-len(alike) // _SIMILAR)])
    ][:_MOST]
    judged = _first_looks(location, samples, fetch)
    for (_, named), alike in kinds.items():
        rest = [info for info in alike if info["name"] not in judged]
        seen = {judged[info["name"]] for info in alike if info["name"] in judged}
        if len(seen) == 1 and (not named or _is_as_named(alike[0], *seen)):
            judged |= dict.fromkeys((info["name"] for info in rest), seen.pop())
        elif rest:
            judged |= _first_looks(location, rest[: _MOST - len(judged)], fetch)
    return judged


def _is_as_named(info: Info, judged: Judged) -> bool:
    said = parse_name(name_of(info))
    return said is not None and _confirms(said, judged)


def _confirms(said: dict[str, Any], judged: Judged) -> bool:
    """Tell whether a file holds what its name says."""
    return judged.format is said["format"] and judged.table == said["table"].removesuffix("_history")


def _first_looks(location: Location, infos: Sequence[Info], fetch: Fetch) -> dict[str, Judged]:
    unknown = [info for info in infos if needs_look(name_of(info)) and info.get("size") != 0]
    names = {info["name"] for info in unknown}
    judged: dict[str, Judged] = {}
    short = []
    with closing(starts_of(location, unknown, START, fetch)) as starts:  # in the order of `infos`
        for info in infos:
            start = next(starts) if info["name"] in names else b""
            judged[info["name"]] = judge(info["name"], start)
            if leaves_open(judged[info["name"]], start):
                short.append(info)
    with closing(starts_of(location, short, LONGER, fetch)) as starts:
        for info, start in zip(short, starts, strict=True):
            judged[info["name"]] = judge(info["name"], start, LONGER)
    return judged


def _shard(location: Location, info: Info, judged: Judged | None, *, single: bool = False) -> Shard | Skipped:
    name, parts = name_of(info), parse_name(name_of(info))
    if parts and judged:
        parts = _agreed(parts, judged)
    reason = "" if parts else _why_not(name, info, judged)
    if parts is None and judged is not None and judged.format is not None and not (reason and not single):
        parts = {"table": judged.table or "", "format": judged.format, **_parse_other(name, judged.format)}
    elif single and parts is None and reason == UNKNOWN:  # named by the user: the file is what it is called
        parts = {"table": "", "format": OTHER}
    if parts is None:
        writer = _ID.match(name)
        return Skipped(
            location.uri_of(info["name"]),
            info["name"],
            reason,
            writer[1] if writer else None,
            moment_of(info),
            quiet=name.startswith(HIDDEN) or not info.get("size"),
        )
    return Shard(
        uri=location.uri_of(info["name"]),
        path=info["name"],
        size=int(info.get("size") or 0),
        written=moment_of(info),
        version=Version.of(info),
        **parts,
    )


def _is_sure(said: dict[str, Any] | None) -> bool:
    """Tell whether a name is one that only Google's services give: nothing else is in such files."""
    return said is not None and _OPERATION.fullmatch(said["operation"] or "") is not None


def _agreed(said: dict[str, Any], judged: Judged) -> dict[str, Any] | None:
    """Return what to believe of a name that others may give too; None where it says another thing."""
    reading: Format = said["format"]
    fields = {**said, "operation": _run(said["operation"])}
    if judged.format is None:
        return fields if judged.reason == UNKNOWN else None
    if judged.format is reading:
        return fields if _confirms(said, judged) else {"table": judged.table, "format": reading}
    if judged.format is reading.general and said["table"] != BUNDLE and not said["history"]:
        return {**fields, "table": "", "format": reading.general}
    if judged.format is OTHER.general:
        return {**fields, "format": reading.general}
    return fields if judged.format in {OTHER, reading.general} else None


def _run(written: str | None) -> str | None:
    """Return the id of an operation that a name begins with; None for a word, such as the name of a place."""
    return written if written and any(character.isdigit() for character in written) else None


def _why_not(name: str, info: Info, judged: Judged | None) -> str:
    if name.startswith(HIDDEN):
        return "its name says that it is no result"
    if judged is None:
        return f"not looked at: more than {_MOST:,} others are"
    return judged.reason if info.get("size") or judged.format else "empty"


def _parse_other(name: str, known: Format) -> dict[str, Any]:
    """Return what the name of a file says whose format has no names of its own, as fields of `Shard`."""
    if known.in_folders:
        return {}
    written = _ID.match(name)
    place = _PLACE.search(name, written.end() if written else 0)
    index, total = map(int, place.groups()) if place else (None, None)
    return {"operation": written[1] if written else None, "index": index, "total": total}


def name_of(info: Info) -> str:
    """Return the name of a file, without its folder."""
    return object_name(shown(str(info["name"]))).rpartition("/")[2]


def _without_copies(shards: Sequence[Shard]) -> tuple[list[Shard], list[Skipped]]:
    """Return the files without those that hold what another one holds: ``x.gz`` beside ``x``, ``x (1)``."""
    sizes = {shard.path: shard.size for shard in shards}
    kept, copies = [], []
    for shard in shards:
        plain, first = shard.path.removesuffix(".gz"), _COPY.sub("", shard.path)
        if plain != shard.path and plain in sizes:
            reason = f"the same as {plain.rpartition('/')[2]}, compressed"
        elif first != shard.path and sizes.get(first) == shard.size:
            reason = f"a copy of {first.rpartition('/')[2]}"
        else:
            kept.append(shard)
            continue
        copies.append(Skipped(shard.uri, shard.path, reason, shard.operation, shard.written))
    return kept, copies


def _in_tables(shards: list[Shard], location: Location) -> list[Shard]:
    """Return the files with the tables that they belong to: one format is in each."""
    base = location.path.partition("*")[0]
    base = (
        location.path.rstrip("/")
        if base == location.path and _is_below(shards, base)
        else base.rpartition("/")[0]
    )
    files = [printable(shown(shard.path)).removeprefix(base).lstrip("/") for shard in shards]
    unnamed = [file for file, shard in zip(files, shards, strict=True) if not shard.table]
    names = iter(table_names(unnamed, base.rpartition("/")[2]))
    named = [
        replace(shard, table=shard.table or next(names), keys=keys_in(file))
        for file, shard in zip(files, shards, strict=True)
    ]
    formats: defaultdict[str, Counter[Format | None]] = defaultdict(Counter)
    for shard in named:
        formats[shard.table][shard.format] += 1
    return [_in_one_format(shard, formats[shard.table]) for shard in named]


def _in_one_format(shard: Shard, formats: Counter[Format | None]) -> Shard:
    """Return a file in the format of its table, or in a table of its own where they do not go together."""
    usual = formats.most_common(1)[0][0]
    if len(formats) == 1 or shard.format is None:
        return shard
    general = {each and (each.general or each) for each in formats}
    if len(general) == 1:  # it reads them all; what a file is, its neighbours do not change
        return replace(shard, format=general.pop(), in_lines=shard.format.general is not None)
    if shard.format is usual:
        return shard
    return replace(shard, table=f"{shard.table}_{shard.format.name.lower().replace(' ', '_')}")


def _is_below(shards: Sequence[Shard], base: str) -> bool:
    return all(shard.path.startswith(base.rstrip("/") + "/") for shard in shards)
