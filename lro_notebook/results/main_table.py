"""One main table: its shards to flat Arrow tables in memory, with what was wrong and what was left out."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.batch import BadLine, list_bad_lines, raise_if_asked
from lro_notebook.results.arrow.dates import Times, by_name
from lro_notebook.results.arrow.levels import Levels
from lro_notebook.results.arrow.unify import Columns, stack
from lro_notebook.results.limits import DEFAULT
from lro_notebook.results.memory import Gauge
from lro_notebook.results.sources.source import Streams
from lro_notebook.results.sources.spool import Spool, Spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Batch, Options
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.sources.source import Source

_CELL = 8  # bytes of most values


@dataclass(slots=True)
class Report:
    """What a load could not show: lines that were bad, lists that were cut, dates that are none."""

    bad: list[BadLine] = field(default_factory=list)
    truncated: dict[str, int] = field(default_factory=dict)
    most: int = DEFAULT.bad_lines
    unlisted: int = 0
    unparsed_dates: dict[str, int] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Take a piece into account; of more than `most` bad lines the rest is only counted."""
        self.unlisted += list_bad_lines(self.bad, batch.bad, self.most)
        for column, rows in batch.truncated.items():
            self.truncated[column] = self.truncated.get(column, 0) + rows


@dataclass(frozen=True, slots=True)
class MainTable:
    """A table that has shards of its own, unread, and the inner tables that are read with it.

    Attributes
    ----------
    source : Source
        Where its shards are.
    shards : sequence of Shard
        At least one, all of one table.
    options : Options
        How to load.
    """

    source: Source
    shards: Sequence[Shard]
    options: Options

    @property
    def name(self) -> str:
        """The main table."""
        return self.shards[0].table

    @property
    def size(self) -> int:
        """Bytes, as stored."""
        return sum(shard.size for shard in self.shards)

    @property
    def has_inner_tables(self) -> bool:
        """Whether tables with names of their own are read with it."""
        reading = self.shards[0].format
        return self.options.lists == "explode" or (reading is not None and reading.inner_tables is not None)

    @property
    def tells_files(self) -> bool:
        """Whether each batch tells which of its rows are of which shard."""
        reading = self.shards[0].format
        is_told = reading is not None and reading.tells_files and not self.options.explodes
        return is_told and len({shard.path for shard in self.shards}) == len(self.shards)

    def parts(self) -> list[list[Shard]]:
        """Return the shards in the portions in which they are written and computed."""
        reading = self.shards[0].format
        size = reading.files_at_once if reading else 1
        return [list(self.shards[start : start + size]) for start in range(0, len(self.shards), size)]

    def batches(
        self, advance: Advance = lambda _: None, shards: Sequence[Shard] | None = None
    ) -> Iterator[Batch]:
        """Read the shards, or only these `shards`, piece by piece.

        Raises
        ------
        ResultError
            A file cannot be read, or a line is bad and ``errors="raise"``.
        """
        for batch in self.source.batches(shards or self.shards, self.options, advance):
            raise_if_asked(batch.bad, self.options)
            yield batch


class Layout:
    """The tables that are read with one main table, their columns and types: `add` all pieces first.

    Attributes
    ----------
    main : MainTable
        What it is of.
    """

    def __init__(self, main: MainTable) -> None:
        self.main = main
        self._levels = Levels()
        self._main, self._options = main.name, main.options
        self._limits = main.options.limits
        self._columns: dict[str, Columns] = {self._main: self._new(self._main)}
        self._names: dict[str, None] = {}

    def add(self, batch: Batch) -> None:
        """Take the columns of a piece into account."""
        if batch.shape is not None:
            self._levels.add(batch.shape)
        self._names.update(dict.fromkeys(batch.names))
        for name, table in batch.tables.items():
            columns = self.columns(name)
            columns.add(table)
            self._limits.check_width(name, len(columns), 1)

    @property
    def is_uneven(self) -> bool:
        """Whether a list in one piece is none in another, so that all have to be read anew."""
        return self._levels.uneven and not self._options.levels

    def raised(self) -> MainTable | None:
        """Return the table to read anew, with lists in all pieces where one has them; None if so it is."""
        if not self.is_uneven:
            return None
        return replace(self.main, options=replace(self._options, levels=self._levels.most))

    def tables(self) -> list[str]:
        """Return the names of all tables that were seen, the main one first."""
        return list(self._columns)

    def columns(self, table: str) -> Columns:
        """Return the columns of `table`."""
        if table not in self._columns:
            self._columns[table] = self._new(table)
        return self._columns[table]

    def chosen(self, table: str) -> list[str]:
        """Return the columns of `table` that were asked for, all by default.

        Raises
        ------
        ResultError
            One of them is not there; the message names near ones.
        """
        there = list(self.columns(table).types())
        asked = self._options.columns_of(table, self._main)
        if asked is None:
            return there
        known = list(self._names) if table == self._main and self._names else there
        missing = [column for column in asked if column not in there] if known else []
        if missing:
            near = difflib.get_close_matches(missing[0], known, n=3, cutoff=0.5)
            more = (
                f"near to it: {', '.join(near)}"
                if near
                else f'see results["{table}"].columns without columns='
            )
            raise ResultError(f"table {table} has no column {', '.join(missing)}; {more}")
        return asked

    def schema(self, table: str) -> pa.Schema:
        """Return the columns of `table` that were asked for, with their types."""
        types = self.columns(table).types()
        return pa.schema([(name, types.get(name, pa.string())) for name in self.chosen(table)])

    def draft(self, table: str, rows: pa.Table) -> pa.Table:
        """Return `rows` of `table` with the columns so far, in types that can be cast back."""
        return self.columns(table).draft(rows, self._options.columns_of(table, self._main))

    def unparsed_dates(self) -> dict[str, int]:
        """Return, for each column of times that stays text, how many of its values are no times."""
        return {
            f"{name}.{column}": count
            for name, columns in self._columns.items()
            for column, count in columns.unparsed_dates().items()
        }

    def _new(self, table: str) -> Columns:
        if not self._options.parse_dates:
            return Columns()
        look = self.main.shards[0].format and self.main.shards[0].format.times
        return Columns(times=Times(partial(look, table) if look else by_name))


@dataclass(slots=True)
class Loaded:
    """A main table as it was read; `children` are the tables read with it, by their full names."""

    table: pa.Table
    report: Report = field(default_factory=Report)
    children: dict[str, pa.Table] = field(default_factory=dict)


@contextmanager
def fetched_once(main: MainTable) -> Iterator[MainTable]:
    """Give `main` for one reading in any portions, or for two where lists may be uneven.

    Its shards are fetched ahead in their order, and a second reading fetches nothing.
    """
    source = main.source
    if not isinstance(source, Streams):
        yield main
        return
    with source.reading(main.shards) as streams:
        if not main.options.explodes or not source.is_remote:
            yield replace(main, source=streams)
            return
        with Spool() as spool:
            yield replace(main, source=Spooled(streams, spool))


def load_table(main: MainTable, advance: Advance = lambda _: None) -> Loaded:
    """Read the shards of `main` into memory, in their order.

    Where a list in one piece of them is none in another, they are parsed twice.

    Raises
    ------
    ResultError
        A file cannot be read, a column is not there, a line is bad and ``errors="raise"``, or it would
        not fit in memory.
    """
    with fetched_once(main) as readable:
        loaded = _loaded(readable, advance)
        return loaded if isinstance(loaded, Loaded) else cast("Loaded", _loaded(loaded, lambda _: None))


def _loaded(main: MainTable, advance: Advance) -> Loaded | MainTable:
    """Return the table, or the one that has to be read instead."""
    layout, report = Layout(main), Report(most=main.options.limits.bad_lines)
    gauge = Gauge(main.name, main.size)
    parts: dict[str, list[pa.Table]] = {}
    for batch in main.batches(_both(advance, gauge.advance)):
        layout.add(batch)
        report.add(batch)
        if layout.is_uneven:
            parts.clear()
            continue
        for name, table in batch.tables.items():
            parts.setdefault(name, []).append(table)
            gauge.hold(table.nbytes)
    if (again := layout.raised()) is not None:
        return again
    report.unparsed_dates = layout.unparsed_dates()
    gauge.need(sum(_blank(layout.columns(name), tables) for name, tables in parts.items()))
    tables = {
        name: stack(parts.pop(name, []), layout.columns(name), layout.chosen(name))
        for name in layout.tables()
    }
    return Loaded(tables.pop(main.name), report, tables)


def _blank(columns: Columns, tables: Sequence[pa.Table]) -> int:
    """Return about how many bytes the columns take that some of `tables` lack."""
    return int(sum(table.num_rows * (len(columns) - table.num_columns) for table in tables)) * _CELL


def report_on(main: MainTable, advance: Advance = lambda _: None) -> Report:
    """Read the shards of `main` for what is wrong in them, and keep nothing else."""
    layout, report = Layout(main), Report(most=main.options.limits.bad_lines)
    for batch in main.batches(advance):
        report.add(batch)
        if main.options.parse_dates:
            layout.add(batch)
    report.unparsed_dates = layout.unparsed_dates()
    return report


def _both(first: Callable[[int], object], second: Callable[[int], object]) -> Advance:
    def advance(count: int) -> None:
        first(count)
        second(count)

    return advance
