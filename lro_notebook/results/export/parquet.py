"""Tables larger than memory: to Parquet, shard by shard. Reads and parses each file once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pandas as pd

from lro_notebook.results.arrow.unify import Columns
from lro_notebook.results.export.drafts import Drafts, check
from lro_notebook.results.load_report import Report
from lro_notebook.results.load_table import Layout, fetched_once
from lro_notebook.results.location import locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from lro_notebook.results.arrow.batch import Advance
    from lro_notebook.results.export.drafts import Draft
    from lro_notebook.results.load_table import MainTable
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Source

_HELD = 32_000_000  # bytes of pieces that wait for columns that the next ones may have


class Written(NamedTuple):
    """A Parquet file that was written."""

    table: str
    file: str
    rows: int
    bytes: int


class Export(NamedTuple):
    """A main table that was written.

    Attributes
    ----------
    layout : Layout
        Its tables and their columns.
    report : Report
        What was wrong.
    parts : list of list of Shard
        What was read for each part; the first shard of each knows how many rows are before it.
    files : list of Written
        A file per table and part.
    """

    layout: Layout
    report: Report
    parts: list[list[Shard]]
    files: list[Written]


@dataclass(frozen=True, slots=True)
class Target:
    """A folder for Parquet files."""

    fs: Any
    path: str
    uri: str
    compression: str

    @classmethod
    def at(cls, folder: str | os.PathLike[str], compression: str, near: Source | None = None) -> Self:
        """Return the target that `folder` names, a plain path or an fsspec URL.

        A folder that the source `near` reaches is written with its credentials.
        """
        location = (near.beside(os.fspath(folder)) if near else None) or locate(folder)
        return cls(location.fs, location.path.rstrip("/"), location.uri.rstrip("/"), compression)

    def write(self, main: MainTable, advance: Advance) -> Export:
        """Write the tables of `main`, a file per table and part.

        Raises
        ------
        ResultError
            A file cannot be read, or one cannot be written: nothing is left or replaced then.
        """
        with self._drafts() as drafts:
            with fetched_once(main) as readable:
                writing = _Writing(readable, drafts)
                writing.run(advance)
                if (again := writing.layout.raised()) is not None:
                    drafts.clear()
                    writing = _Writing(again, drafts)
                    writing.run(lambda _: None)
            files = [self._written(name, number, draft, drafts) for name, number, draft in writing.settled()]
        layout = writing.layout
        layout.main = replace(layout.main, source=main.source)
        for name in layout.tables():
            self._drop_older(name, len(writing.parts), drafts)
        return Export(layout, writing.report, writing.parts, sorted(files))

    def write_whole(self, name: str, table: pa.Table) -> Written:
        """Write a table that is in memory."""
        columns = Columns()
        columns.add(table)
        with self._drafts() as drafts:
            parts: list[Draft] = []
            drafts.write(name, 0, table, {}, parts)
            drafts.close(name)
            draft = drafts.settle(name, 0, parts, columns, table.schema)
            written = self._written(name, 0, draft, drafts)
        self._drop_older(name, 1, drafts)
        return written

    def _drafts(self) -> Drafts:
        return Drafts(self.fs, self.path, self.uri, self.compression)

    def _written(self, name: str, number: int, draft: Draft, drafts: Drafts) -> Written:
        file = drafts.file(name, number)
        return Written(name, self.uri + file.removeprefix(self.path), draft.rows, draft.bytes)

    def _drop_older(self, name: str, count: int, drafts: Drafts) -> None:
        """Remove the files of an earlier call that had more shards."""
        number = count
        while self.fs.exists(drafts.file(name, number)):
            self.fs.rm_file(drafts.file(name, number))
            number += 1


class _Writing:
    """One reading of a main table, all of whose pieces go into drafts.

    Some MB of pieces wait, so that the first drafts have the columns that the next pieces show: a small table
    is written once.
    """

    def __init__(self, main: MainTable, drafts: Drafts) -> None:
        self.layout, self.report = Layout(main), Report(most=main.options.limits.bad_lines)
        self.parts: list[list[Shard]] = []
        self._main, self._folder = main, drafts
        self._drafts: dict[tuple[str, int], list[Draft]] = {}
        self._waiting: list[tuple[str, int, pa.Table]] = []
        self._held = 0

    def run(self, advance: Advance) -> None:
        """Read all shards: at one go where batches tell whose their rows are, else part after part."""
        if self._main.tells_files:
            self._run_whole(advance)
        else:
            self._run_parts(advance)

    def _run_whole(self, advance: Advance) -> None:
        self.parts = self._main.parts()
        numbers = {shard.path: number for number, part in enumerate(self.parts) for shard in part}
        for batch in self._main.batches(advance):
            self.layout.add(batch)
            self.report.add(batch)
            for name, table in batch.tables.items():
                start = 0
                for shard, rows in batch.files:
                    self._take(numbers[shard.path], {name: table.slice(start, rows)})
                    start += rows

    def _run_parts(self, advance: Advance) -> None:
        """Exploded lists need the number of rows before each part where a resource has no id."""
        rows = 0
        for number, (first, *others) in enumerate(self._main.parts()):
            self.parts.append([replace(first, row=rows), *others])
            for batch in self._main.batches(advance, self.parts[-1]):
                self.layout.add(batch)
                self.report.add(batch)
                rows += batch.tables[self._main.name].num_rows if self._main.name in batch.tables else 0
                if not self.layout.is_uneven:
                    self._take(number, batch.tables)

    def settled(self) -> Iterator[tuple[str, int, Draft]]:
        """Yield each table and part, and its one draft with the columns and types of all parts."""
        layout = self.layout
        self.report.unparsed_dates = layout.unparsed_dates()
        schemas = {name: layout.schema(name) for name in layout.tables()}
        for name, schema in schemas.items():
            check(name, schema)
        for name, number, table in self._waiting:
            fitted = layout.columns(name).fit(table, schemas[name].names)
            self._write(name, number, fitted, {})
        self._waiting.clear()
        for name, schema in schemas.items():
            self._folder.close(name)
            for number in range(len(self.parts)):
                drafts = self._drafts.pop((name, number), [])
                yield name, number, self._folder.settle(name, number, drafts, layout.columns(name), schema)

    def _take(self, number: int, tables: Mapping[str, pa.Table]) -> None:
        for name, table in tables.items():
            self._waiting.append((name, number, table))
            self._held += table.nbytes
        if self._held < _HELD:
            return
        for name, place, table in self._waiting:
            given = {part.name: part.type for part in table.schema}
            self._write(name, place, self.layout.draft(name, table), given)
        self._waiting.clear()
        self._held = 0

    def _write(self, name: str, number: int, table: pa.Table, given: dict[str, pa.DataType]) -> None:
        self._folder.write(name, number, table, given, self._drafts.setdefault((name, number), []))


def frame_of(written: Iterable[Written]) -> pd.DataFrame:
    """Return one row per file that was written."""
    rows = list(written)
    return pd.DataFrame(
        {
            "table": pd.Series([row.table for row in rows], dtype="string"),
            "file": pd.Series([row.file for row in rows], dtype="string"),
            "rows": pd.Series([row.rows for row in rows], dtype="Int64"),
            "bytes": pd.Series([row.bytes for row in rows], dtype="Int64"),
        }
    )
