"""Tables larger than memory: to Parquet, or as Dask DataFrames, shard by shard.

Both read the files twice. The first time tells the columns and types that all shards have together.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lro_notebook.errors import ConfigError
from lro_notebook.results.arrow.unify import stack
from lro_notebook.results.main_table import Layout, Report
from lro_notebook.results.storage import locate, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import dask.dataframe as dd

    from lro_notebook.results.arrow.batch import Advance
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.main_table import MainTable
    from lro_notebook.results.sources.source import Source


#: Final path of a file -> where it is written to.
Drafts: TypeAlias = dict[str, str]


class Written(NamedTuple):
    """A Parquet file that was written."""

    table: str
    file: str
    rows: int
    bytes: int


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

    def write(self, main: MainTable, advance: Advance) -> tuple[Report, list[Written]]:
        """Write the tables of `main`, a file per table and part; return what was wrong, and the files."""
        layout, report, parts = survey(main, advance)
        written: list[Written] = []
        with self._drafts() as drafts:
            for number, part in enumerate(parts):
                written += self._write_part(number, part, layout, advance, drafts)
        for name in layout.tables():
            self._drop_older(name, len(parts))
        return report, sorted(written)

    def write_whole(self, name: str, table: pa.Table) -> Written:
        """Write a table that is in memory."""
        with self._drafts() as drafts:
            with ExitStack() as stack_:
                self._writer(stack_, name, 0, table.schema, drafts).write_table(table)
            written = self._written(name, 0, table.num_rows, drafts)
        self._drop_older(name, 1)
        return written

    @contextmanager
    def _drafts(self) -> Iterator[Drafts]:
        """Put finished files in their places at the end; after an error nothing is left or replaced.

        Raises
        ------
        ResultError
            The disk is full, may not be written to, or has something else in that place.
        """
        drafts: Drafts = {}
        try:
            yield drafts
            if blocked := next(filter(self.fs.isdir, drafts), None):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), blocked)
            for file, draft in drafts.items():
                self.fs.mv(draft, file)
        except OSError as error:
            raise unwritable(self.uri, error) from error
        finally:
            for draft in drafts.values():
                with suppress(OSError):  # it has got its place, or was never made
                    self.fs.rm_file(draft)

    def _write_part(
        self, number: int, part: list[Shard], layout: Layout, advance: Advance, drafts: Drafts
    ) -> list[Written]:
        schemas = {name: layout.schema(name) for name in layout.tables()}
        rows = dict.fromkeys(schemas, 0)
        with ExitStack() as stack_:
            writers = {
                name: self._writer(stack_, name, number, dtype, drafts) for name, dtype in schemas.items()
            }
            for batch in layout.main.batches(advance, part):
                for name, table in batch.tables.items():
                    writers[name].write_table(layout.columns(name).fit(table, schemas[name].names))
                    rows[name] += table.num_rows
        return [self._written(name, number, count, drafts) for name, count in rows.items()]

    def _writer(
        self, stack_: ExitStack, name: str, number: int, schema: pa.Schema, drafts: Drafts
    ) -> pq.ParquetWriter:
        self.fs.makedirs(f"{self.path}/{name}", exist_ok=True)
        # Readers of a folder of Parquet files pass over names that start with a dot.
        draft = f"{self.path}/{name}/.part-{number:05d}-{secrets.token_hex(8)}.partial"
        drafts[self._file(name, number)] = draft
        file = stack_.enter_context(self.fs.open(draft, "wb"))
        return stack_.enter_context(pq.ParquetWriter(file, schema, compression=self.compression))

    def _file(self, name: str, number: int) -> str:
        return f"{self.path}/{name}/part-{number:05d}.parquet"

    def _written(self, name: str, number: int, rows: int, drafts: Drafts) -> Written:
        path = self._file(name, number)
        return Written(name, self.uri + path.removeprefix(self.path), rows, self.fs.size(drafts[path]))

    def _drop_older(self, name: str, count: int) -> None:
        """Remove the files of an earlier call that had more shards."""
        number = count
        while self.fs.exists(self._file(name, number)):
            self.fs.rm_file(self._file(name, number))
            number += 1


def survey(main: MainTable, advance: Advance) -> tuple[Layout, Report, list[list[Shard]]]:
    """Read the files of `main` for their columns and what is wrong in them; keep no rows.

    Also return its parts, each of which knows how many rows are before it: exploded lists need that where
    a resource has no id. Where a list in one file is none in another, it reads them once more.
    """
    layout, report, rows = Layout(main), Report(most=main.options.limits.bad_lines), 0
    parts: list[list[Shard]] = []
    for first, *others in main.parts():
        parts.append([replace(first, row=rows), *others])
        for batch in main.batches(advance, parts[-1]):
            layout.add(batch)
            report.add(batch)
            rows += batch.tables[main.name].num_rows if main.name in batch.tables else 0
    again = layout.raised()
    if again is not None:
        return survey(again, lambda _: None)
    return layout, report, parts


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


def dask_frame(main: MainTable, name: str, advance: Advance) -> tuple[Report, dd.DataFrame | None]:
    """Return what was wrong, and the table `name` of `main` as a Dask DataFrame; None if it has none."""
    try:
        import dask.dataframe as dd
    except ImportError as error:
        raise ConfigError(
            'results.dask needs Dask, which is not installed: pip install "lro-notebook[dask]"'
        ) from error
    layout, report, parts = survey(main, advance)
    if name not in layout.tables():
        return report, None
    schema = layout.schema(name)
    read = _Partition(layout, name, tuple(schema.names))
    meta = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
    frame = dd.from_map(read, parts, meta=meta, label=f"read-{name}")
    return report, frame


@dataclass(frozen=True, slots=True)
class _Partition:
    """Reads the part of a table that is in some files; sent to Dask's workers."""

    layout: Layout
    name: str
    columns: tuple[str, ...]

    def __call__(self, shards: Sequence[Shard]) -> pd.DataFrame:
        batches = self.layout.main.batches(shards=shards)
        tables = [batch.tables[self.name] for batch in batches if self.name in batch.tables]
        table = stack(tables, self.layout.columns(self.name), self.columns)
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame
