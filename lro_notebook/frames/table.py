"""The files of one table to one flat Arrow table, with what was wrong and what was left out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.frames.blocks import DamagedFileError, blocks
from lro_notebook.frames.dates import parse_dates
from lro_notebook.frames.fhir import Flat, flatten
from lro_notebook.frames.joining import narrow_decimals, stack
from lro_notebook.frames.ndjson import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lro_notebook.frames.files import Shard
    from lro_notebook.frames.storage import Location


class BadLine(NamedTuple):
    """A line that could not be read: its file, its number from 1, and why, in fixed words."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Options:
    """How to load; the words are those of `frames.read.read`."""

    columns: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    decimals: str = "float"
    parse_dates: bool = False
    lists: str = "first"
    errors: str = "report"

    def columns_of(self, table: str) -> list[str] | None:
        """Return the columns that are asked of `table`, None for all."""
        if self.columns is None:
            return None
        if isinstance(self.columns, dict):
            return list(self.columns[table]) if table in self.columns else None
        return list(self.columns)


@dataclass(slots=True)
class Loaded:
    """A table as it was read; `children` are the tables of its lists, by their full names."""

    table: pa.Table
    bad: list[BadLine] = field(default_factory=list)
    truncated: dict[str, int] = field(default_factory=dict)
    children: dict[str, pa.Table] = field(default_factory=dict)


def load_table(
    location: Location,
    shards: Sequence[Shard],
    options: Options,
    advance: Callable[[int], object] = lambda _: None,
) -> Loaded:
    """Read the `shards` of one table in their order.

    Parameters
    ----------
    location : Location
        The file system that has them.
    shards : sequence of Shard
        At least one, all of one table.
    options : Options
        How to load.
    advance : callable
        Is told how many more bytes were read.

    Raises
    ------
    ResultError
        A file cannot be read, a column is not there, or a line is bad and ``errors="raise"``.
    """
    name, reader = shards[0].table, Reader(options.decimals)
    columns = options.columns_of(name)
    wanted = None if columns is None else _Wanted(columns)
    bad: list[BadLine] = []
    flats: list[Flat] = []
    rows = 0
    for shard in shards:
        for table, faults in _parsed(location, shard, reader, advance):
            bad.extend(BadLine(shard.uri, line, reason) for line, reason in faults)
            if bad and options.errors == "raise":
                first = bad[0]
                raise ResultError(
                    f'{first.file} line {first.line}: {first.reason}; errors="report" loads the other lines'
                )
            if table is not None:
                flats.append(flatten(table, lists=options.lists, wanted=wanted, offset=rows))
                rows += table.num_rows
    return _finish(name, flats, bad, options, wanted)


class _Wanted:
    """Tells which columns are asked for, and remembers which there are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(dict.fromkeys(columns))
        self.seen: dict[str, None] = {}

    def __call__(self, name: str) -> bool:
        self.seen[name] = None
        return name in self.columns


def _parsed(
    location: Location, shard: Shard, reader: Reader, advance: Callable[[int], object]
) -> Iterator[tuple[pa.Table | None, list[tuple[int, str]]]]:
    try:
        with location.fs.open(shard.path, "rb") as file:
            place = 0
            try:
                for block in blocks(file):
                    yield reader.read(block)
                    advance(file.tell() - place)
                    place = file.tell()
            except DamagedFileError as error:
                yield None, [(error.line, "not readable: the compressed data is damaged from here on")]
    except OSError as error:
        raise ResultError(f"{shard.uri} cannot be read: {type(error).__name__}") from error


def _finish(
    name: str, flats: Sequence[Flat], bad: list[BadLine], options: Options, wanted: _Wanted | None
) -> Loaded:
    table = stack([flat.table for flat in flats])
    if wanted is not None:
        table = _select(name, table, wanted)
    truncated: dict[str, int] = {}
    parts: dict[str, list[pa.Table]] = {}
    for flat in flats:
        for path, rows in flat.truncated.items():
            truncated[f"{name}.{path}"] = truncated.get(f"{name}.{path}", 0) + rows
        for path, child in flat.children.items():
            parts.setdefault(f"{name}.{path}", []).append(child)
    children = {child: _dress(stack(pieces), options) for child, pieces in parts.items()}
    return Loaded(_dress(table, options), bad, truncated, _chosen(children, options))


def _dress(table: pa.Table, options: Options) -> pa.Table:
    table = narrow_decimals(table) if options.decimals == "exact" else table
    return parse_dates(table) if options.parse_dates else table


def _chosen(children: dict[str, pa.Table], options: Options) -> dict[str, pa.Table]:
    if not isinstance(options.columns, dict):
        return children
    return {
        name: table if (columns := options.columns_of(name)) is None else _pick(name, table, columns)
        for name, table in children.items()
    }


def _select(name: str, table: pa.Table, wanted: _Wanted) -> pa.Table:
    if not wanted.seen:  # no line has a value: the columns stand, empty
        empty = {column: pa.nulls(table.num_rows, pa.string()) for column in wanted.columns}
        return pa.table(empty)
    return _pick(name, table, wanted.columns, list(wanted.seen))


def _pick(name: str, table: pa.Table, columns: Sequence[str], known: Sequence[str] | None = None) -> pa.Table:
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        near = difflib.get_close_matches(missing[0], known or table.column_names, n=3, cutoff=0.5)
        hint = (
            f"; near to it: {', '.join(near)}"
            if near
            else f'; see results["{name}"].columns without columns='
        )
        raise ResultError(f"table {name} has no column {', '.join(missing)}{hint}")
    return table.select(list(columns))
