"""Tables as Dask DataFrames and streams: read once for what all parts share, and kept as Parquet for them.

Workers on this machine read what is kept; any other reads the files of the export by itself.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow.parquet as pq

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.arrow.unify import stack
from lro_notebook.results.export.parquet import Target
from lro_notebook.results.sources.spool import check_room, no_room
from lro_notebook.results.table_stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import dask.dataframe as dd
    import pyarrow as pa

    from lro_notebook.results.arrow.batch import Advance
    from lro_notebook.results.export.parquet import Export
    from lro_notebook.results.load_table import Layout, MainTable
    from lro_notebook.results.shards import Shard


class Kept:
    """A folder for Parquet files that is there as long as this object: any copy of it may find it gone."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @classmethod
    def new(cls) -> Kept:
        """Return one that is empty; nobody else can read what is in it.

        Raises
        ------
        ResultError
            There is no room for temporary files.
        """
        try:
            kept = cls(tempfile.mkdtemp(prefix="lro-notebook-"))
        except OSError as error:
            raise no_room(tempfile.gettempdir()) from error
        weakref.finalize(kept, _remove, kept.folder, os.getpid())
        return kept

    def path(self, name: str, number: int) -> Path:
        """Return where a part of the table `name` is kept."""
        return Path(self.folder, name, f"part-{number:05d}.parquet")

    def read(self, name: str, number: int) -> pa.Table | None:
        """Return a part of the table `name`; None where it is not there, or not any more."""
        try:
            return pq.read_table(self.path(name, number), partitioning=None)
        except FileNotFoundError:
            return None

    def __reduce__(self) -> tuple[Callable[[str], Kept], tuple[str]]:
        """Send the name of the folder alone: what reads it elsewhere does not keep it."""
        return Kept, (self.folder,)

    def __dask_tokenize__(self) -> str:
        return self.folder


def _remove(folder: str, process: int) -> None:
    """Remove a folder, unless this is a fork of the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


class Plan(NamedTuple):
    """A main table that was read for Dask, and where its parts are kept."""

    export: Export
    kept: Kept

    def streams(self) -> dict[str, Stream]:
        """Return the rows of each of its tables, as they are kept: hold the plan while they are read."""
        layout, parts = self.export.layout, range(len(self.export.parts))
        return {
            name: Stream.of_files(layout.schema(name), [self.kept.path(name, part) for part in parts])
            for name in layout.tables()
        }


def check_dask() -> Any:
    """Return Dask's frames; raise `ConfigError` where it is not installed."""
    try:
        import dask.dataframe as dd  # optional
    except ImportError as error:
        raise ConfigError(
            'results.dask needs Dask, which is not installed: pip install "dask[dataframe]"'
        ) from error
    return dd


def plan(main: MainTable, advance: Advance) -> Plan:
    """Read a main table, and the inner tables with it, and keep them until nobody has the plan.

    Raises
    ------
    ResultError
        A file cannot be read, or there is no room for temporary files.
    """
    kept = Kept.new()

    def advance_with_room(count: int) -> None:
        check_room(kept.folder)
        advance(count)

    try:
        return Plan(Target.at(kept.folder, "zstd").write(main, advance_with_room), kept)
    except ResultError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOSPC:
            raise no_room(kept.folder) from error
        raise


def whole(table: pd.DataFrame) -> dd.DataFrame:
    """Return a table that is in no file as one partition."""
    found: dd.DataFrame = check_dask().from_pandas(table, npartitions=1)
    return found


def frame(planned: Plan, name: str) -> dd.DataFrame | None:
    """Return the table `name` with a partition per part; None if there is none."""
    layout, _, parts, _ = planned.export
    if name not in layout.tables():
        return None
    schema = layout.schema(name)
    read = _Partition(layout, name, tuple(schema.names), planned.kept)
    meta = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
    found: dd.DataFrame = check_dask().from_map(
        read, list(starmap(_Part, enumerate(parts))), meta=meta, label=f"read-{name}"
    )
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """What one partition is read from."""

    number: int
    shards: Sequence[Shard]

    def __dask_tokenize__(self) -> int:
        """Name the part, which Dask would else do by a look at each shard; `_Partition` tells of what."""
        return self.number


@dataclass(frozen=True, slots=True)
class _Partition:
    """Reads a part of a table: what is kept of it on this machine, else its files. Sent to Dask's workers."""

    layout: Layout
    name: str
    columns: tuple[str, ...]
    kept: Kept

    def __dask_tokenize__(self) -> tuple[str, str]:
        return self.kept.folder, self.name

    def __call__(self, part: _Part) -> pd.DataFrame:
        table: Any = self.kept.read(self.name, part.number)
        if table is None:
            batches = self.layout.main.batches(shards=part.shards)
            tables = [batch.tables[self.name] for batch in batches if self.name in batch.tables]
            table = stack(tables, self.layout.columns(self.name), self.columns)
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame
