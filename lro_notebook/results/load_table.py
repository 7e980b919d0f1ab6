"""One main table: its shards to flat Arrow tables in memory, with what was wrong and what was left out."""

from __future__ import annotations

import difflib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.arrow.batch import BadLine, Batch, Miscounted, raise_if_asked
from lro_notebook.results.arrow.dates import Times, by_name
from lro_notebook.results.arrow.line_blocks import Unlisted
from lro_notebook.results.arrow.list_levels import Levels
from lro_notebook.results.arrow.unify import Columns, stack
from lro_notebook.results.load_report import Report
from lro_notebook.results.memory_estimate import Gauge
from lro_notebook.results.sources.source import Streams
from lro_notebook.results.sources.spool import Spool, Spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.format import Decide
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Source

#: The column of the file of each row.
SOURCE_FILE = "source_file"
_CELL = 8  # bytes of most values


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
    def decide(self) -> Decide | None:
        """What its format decides for the table as a whole."""
        reading = self.shards[0].format
        return reading.decide if reading else None

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
        read = shards or self.shards
        for batch in _counted(read, self._read(read, advance)):
            raise_if_asked(batch.bad, self.options)
            yield self._with_files(batch) if self.options.source_file else batch

    def _read(self, shards: Sequence[Shard], advance: Advance) -> Iterator[Batch]:
        """Yield the pieces of `shards`; those of folders that say values of columns, with these columns."""
        for keys, alike in groupby(shards, attrgetter("keys")):
            for batch in self.source.batches(list(alike), self.options, advance):
                yield self._with_keys(batch, keys) if keys else batch

    def _with_keys(self, batch: Batch, keys: Sequence[tuple[str, str | None]]) -> Batch:
        """Return a piece with columns of the values that its folders say, unless it has such columns."""
        table = batch.tables.get(self.name)
        if table is None:
            return batch
        asked = self.options.columns_of(self.name, self.name)
        for key, value in keys:
            own = key in table.column_names or key in batch.names
            if not own and (asked is None or key in asked):
                table = table.append_column(key, pa.array([value] * table.num_rows, pa.string()))
        names = dict.fromkeys([*batch.names, *(key for key, _ in keys)]) if batch.names else ()
        return replace(batch, tables={**batch.tables, self.name: table}, names=list(names))

    def _with_files(self, batch: Batch) -> Batch:
        """Return a piece with the file of each row of the main table."""
        table = batch.tables.get(self.name)
        if table is None:
            return batch
        files = batch.files or [(shard, table.num_rows) for shard in self.shards[:1] if len(self.shards) == 1]
        if sum(rows for _, rows in files) != table.num_rows or SOURCE_FILE in table.column_names:
            reading = self.shards[0].format
            told = "a column of that name" if files else "no files that are known"
            raise ConfigError(
                f"source_file=True: rows of {reading.name if reading else 'BigQuery'} in {self.name} have "
                f"{told}; leave it out"
            )
        uris = pa.array([shard.uri for shard, _ in files], pa.string())
        rows = np.repeat(np.arange(len(files)), [rows for _, rows in files])
        told_by = table.append_column(SOURCE_FILE, uris.take(pa.array(rows)))
        return replace(batch, tables={**batch.tables, self.name: told_by})


def _counted(shards: Sequence[Shard], batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield `batches`, then one that names the files with other numbers of rows than were told before."""
    told = {shard.path: shard for shard in shards if shard.counted is not None}
    held = dict.fromkeys((shard.uri for shard in told.values()), 0)
    for batch in batches:
        for shard, rows in batch.files if told else ():
            if shard.path in told:
                held[shard.uri] += rows
        for line in batch.bad if told else ():
            if line.file in held and line.line is not None:  # it is there, though it cannot be read
                held[line.file] += line.reason.lines if isinstance(line.reason, Unlisted) else 1
        yield batch
    bad = [
        BadLine(shard.uri, None, Miscounted.of(shard.counted, held[shard.uri]))
        for shard in told.values()
        if shard.counted is not None and shard.counted != held[shard.uri]
    ]
    if bad:
        yield Batch({}, bad)


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
            columns.add(table, typed=batch.is_typed)
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
        asked = self._asked(table)
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
        return self.columns(table).draft(rows, self._asked(table))

    def _asked(self, table: str) -> list[str] | None:
        """Return the columns of `table` that are wanted; None for all."""
        asked = self._options.columns_of(table, self._main)
        told = self._options.source_file and table == self._main
        return [*asked, SOURCE_FILE] if asked is not None and told else asked

    def unparsed_dates(self) -> dict[str, int]:
        """Return, for each column of times that stays text, how many of its values are no times."""
        return {
            f"{name}.{column}": count
            for name, columns in self._columns.items()
            for column, count in columns.unparsed_dates().items()
        }

    def _new(self, table: str) -> Columns:
        decimals = self._options.decimals
        if not self._options.parse_dates:
            return Columns(decimals=decimals)
        look = self.main.shards[0].format and self.main.shards[0].format.times
        return Columns(times=Times(partial(look, table) if look else by_name), decimals=decimals)


@dataclass(slots=True)
class Loaded:
    """A main table as it was read; `children` are the tables read with it, by their full names."""

    table: pa.Table
    report: Report = field(default_factory=Report)
    children: dict[str, pa.Table] = field(default_factory=dict)

    def tables(self, main: str) -> dict[str, pa.Table]:
        """Return the main table, which is called `main`, and those that were read with it."""
        return {main: self.table, **self.children}


@contextmanager
def fetched_once(main: MainTable) -> Iterator[MainTable]:
    """Give `main` for one reading in any portions, or for two where lists may be uneven.

    Its shards are fetched ahead in their order, and a second reading fetches nothing. What its format decides
    for the table as a whole is decided then.
    """
    source, decide = main.source, main.decide
    if not isinstance(source, Streams):
        yield main
        return
    with source.reading(main.shards) as streams, ExitStack() as stack:
        if source.is_remote and (main.options.explodes or decide):
            streams = Spooled(streams, stack.enter_context(Spool()))  # noqa: PLW2901 - the same, kept
        options = decide(streams, main.shards, main.options) if decide else main.options
        yield replace(main, source=streams, options=options)


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
