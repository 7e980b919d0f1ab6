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
from lro_notebook.results.storage import Location, locate, unwritable
from lro_notebook.results.table import Plan, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import dask.dataframe as dd

    from lro_notebook.results.arrow.batch import Advance
    from lro_notebook.results.discover import Shard
    from lro_notebook.results.table import Work


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
    def at(cls, folder: str | os.PathLike[str], compression: str, near: object = None) -> Self:
        """Return the target that `folder` names, a plain path or an fsspec URL.

        A folder in the file system of the location `near` is written with its credentials.
        """
        location = near.beside(os.fspath(folder)) if isinstance(near, Location) else None
        location = location or locate(folder)
        return cls(location.fs, location.path.rstrip("/"), location.uri.rstrip("/"), compression)

    def write(self, work: Work, advance: Advance) -> tuple[Report, list[Written]]:
        """Write the tables of `work`, a file per table and part; return what was wrong, and the files."""
        plan, report, parts = survey(work, advance)
        written: list[Written] = []
        with self._drafts() as drafts:
            for number, part in enumerate(parts):
                written += self._write_part(number, part, plan, advance, drafts)
        for name in plan.tables():
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
        self, number: int, part: list[Shard], plan: Plan, advance: Advance, drafts: Drafts
    ) -> list[Written]:
        schemas = {name: plan.schema(name) for name in plan.tables()}
        rows = dict.fromkeys(schemas, 0)
        with ExitStack() as stack_:
            writers = {
                name: self._writer(stack_, name, number, kind, drafts) for name, kind in schemas.items()
            }
            for batch in plan.work.batches(advance, part):
                for name, table in batch.tables.items():
                    writers[name].write_table(plan.columns(name).fit(table, schemas[name].names))
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


def survey(work: Work, advance: Advance) -> tuple[Plan, Report, list[list[Shard]]]:
    """Read the files of `work` for their columns and what is wrong in them; keep no rows.

    Also return its parts, each of which knows how many rows are before it: exploded lists need that where
    a resource has no id. Where a list in one file is none in another, it reads them once more.
    """
    plan, report, rows = Plan(work), Report(most=work.options.limits.bad_lines), 0
    parts: list[list[Shard]] = []
    for first, *others in work.parts():
        parts.append([replace(first, row=rows), *others])
        for batch in work.batches(advance, parts[-1]):
            plan.add(batch)
            report.add(batch)
            rows += batch.tables[work.name].num_rows if work.name in batch.tables else 0
    again = plan.raised()
    if again is not None:
        return survey(again, lambda _: None)
    return plan, report, parts


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


def dask_frame(work: Work, name: str, advance: Advance) -> tuple[Report, dd.DataFrame | None]:
    """Return what was wrong, and the table `name` of `work` as a Dask DataFrame; None if it has none."""
    try:
        import dask.dataframe as dd  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigError(
            'results.dask needs Dask, which is not installed: pip install "lro-notebook[dask]"'
        ) from error
    plan, report, parts = survey(work, advance)
    if name not in plan.tables():
        return report, None
    schema = plan.schema(name)
    read = _Partition(plan, name, tuple(schema.names))
    meta = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
    frame = dd.from_map(read, parts, meta=meta, label=f"read-{name}")
    return report, frame


@dataclass(frozen=True, slots=True)
class _Partition:
    """Reads the part of a table that is in some files; sent to Dask's workers."""

    plan: Plan
    name: str
    columns: tuple[str, ...]

    def __call__(self, shards: Sequence[Shard]) -> pd.DataFrame:
        batches = self.plan.work.batches(shards=shards)
        tables = [batch.tables[self.name] for batch in batches if self.name in batch.tables]
        table = stack(tables, self.plan.columns(self.name), self.columns)
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame
