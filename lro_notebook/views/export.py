"""A view over the resources of its type: to one DataFrame, or block by block to Parquet and Dask."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from lro_notebook import platforms
from lro_notebook.errors import BadLinesWarning, ConfigError, ResultError, warn_caller
from lro_notebook.results.arrow.batch import list_bad_lines
from lro_notebook.results.arrow.dates import PARTIAL
from lro_notebook.results.arrow.unify import stack
from lro_notebook.results.load_report import warn_of_dates
from lro_notebook.results.location import unwritable
from lro_notebook.results.progress_bar import byte_bar
from lro_notebook.results.sources.source import Streams
from lro_notebook.views.output import Output, fits, join, join_types
from lro_notebook.views.prepare import prepare
from lro_notebook.views.rows import Runner
from lro_notebook.views.source import NarrowReader, resources
from lro_notebook.views.view import View

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from lro_notebook.results.arrow.batch import Advance, BadLine, Options
    from lro_notebook.results.load_table import MainTable
    from lro_notebook.results.shards import Shard


#: The name of a table that is a resource type; a file that a user named may hold any.
_TYPE = re.compile(r"[A-Z][A-Za-z]+", re.ASCII)


def scan(
    definition: View | Mapping[str, Any] | str, tables: Mapping[str, MainTable], options: Options
) -> Scan:
    """Return the rows of a view of the resources in `tables`, not read yet.

    Raises
    ------
    ResultError
        The table of the view's resource type is there, but not as FHIR JSON.
    """
    view = View.of(definition)
    streams = {name: source for name, main in tables.items() if (source := _resources_in(main)) is not None}
    if view.resource in tables and view.resource not in streams:
        raise ResultError(
            f"a view reads FHIR JSON, which {tables[view.resource].shards[0].uri} is not; load an export to "
            "Cloud Storage for it"
        )
    names = (
        [view.resource]
        if view.resource in streams
        else [name for name in streams if not _TYPE.fullmatch(name)]
    )
    shards = [shard for name in names for shard in tables[name].shards]
    return Scan(view, streams[names[0]] if names else None, shards, options)


def _resources_in(main: MainTable) -> Streams | None:
    """Return what opens the shards of a table of FHIR resources; None if it is none."""
    reading = main.shards[0].format
    resources = reading is not None and reading.resources is not None
    return main.source if resources and isinstance(main.source, Streams) else None


class Scan:
    """The rows of a view, not read yet.

    Parameters
    ----------
    view : View
        The view.
    source : Streams or None
        What opens the shards; None where there are none.
    shards : sequence of Shard
        Those of the view's resource type, in their order; none gives no rows.
    options : Options
        How to load: of them `decimals`, `parse_dates` and `errors` matter to views.

    Examples
    --------
    >>> scan = results.scan("Patient")
    >>> len(scan.to_pandas()) == len(results["Patient"])
    True
    >>> scan.to_parquet("patients.parquet").name
    'patients.parquet'
    """

    def __init__(self, view: View, source: Streams | None, shards: Sequence[Shard], options: Options) -> None:
        self._view, self._source, self._shards, self._options = view, source, list(shards), options

    def __repr__(self) -> str:
        return f"<Scan of {self._view!r} over {len(self._shards)} files>"

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a DataFrame with Arrow types.

        ``frame.attrs`` names the operation, the files and the view, and in ``ways`` how many blocks of each
        column were worked in Arrow and in Python.
        """
        runner = self._runner()
        with self._bar() as advance:
            tables = list(self._tables(runner, advance))
        columns = {}
        for column in self._view.definition.columns:
            arrays = [table[column.name].combine_chunks() for table in tables]
            columns[column.name] = join(column, arrays or [pa.nulls(0, runner.output.type_of(column))])
        table = pa.table(columns)
        table = stack([table]) if self._options.decimals == "exact" else table
        frame: pd.DataFrame = self._dated(table).to_pandas(types_mapper=pd.ArrowDtype)
        frame.attrs = {
            "operation": self._shards[0].operation if self._shards else None,
            "files": [shard.uri for shard in self._shards],
            "view": self._view.definition.name or self._view.resource,
            "ways": {name: dict(counts) for name, counts in runner.ways.items()},
        }
        return frame

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write all rows to one Parquet file, a row group for each block, in little memory; return its path.

        A column without a ``type`` gets the type that the first block shows.

        Raises
        ------
        ResultError
            Such a column has values of another type later on, or the file cannot be written.
        """
        from pyarrow import parquet

        target = Path(path)
        part = target.with_name(target.name + ".part")
        runner = self._runner()
        try:
            with self._bar(" to Parquet") as advance:
                tables = self._tables(runner, advance)
                first = next(tables, None)
                schema = self._schema(runner, first)
                target.parent.mkdir(parents=True, exist_ok=True)
                with parquet.ParquetWriter(part, schema) as writer:
                    if first is None:  # pyarrow 18 reads no file without a row group
                        writer.write_table(schema.empty_table())
                    for table in () if first is None else chain([first], tables):
                        writer.write_table(self._fitted(table, schema))
            platforms.replace(part, target)
        except OSError as error:
            raise unwritable(str(target), error) from error
        finally:
            with suppress(OSError):  # it has got its name, or was never made
                part.unlink()
        return target

    def dask(self) -> Any:
        """Return the rows as a Dask DataFrame, a partition for each file.

        A column without a ``type`` gets the type that the first block shows, which is read for that.

        Raises
        ------
        ConfigError
            Dask is not installed.
        """
        try:
            import dask.dataframe as dd  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ConfigError('Dask is not installed; pip install "dask[dataframe]"') from error
        runner = self._runner()
        columns = self._view.definition.columns
        is_declared = all(runner.output.type_of(column) is not None for column in columns)
        schema = self._schema(runner, None if is_declared else self._first(runner))
        meta = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
        if not self._shards:
            return dd.from_pandas(meta, npartitions=1)
        return dd.from_map(self._partition, self._shards, schema=schema, meta=meta)

    def _first(self, runner: Runner) -> pa.Table | None:
        """Return the rows of the first block that has any; of later files nothing is fetched."""
        for shard in self._shards:
            part = Scan(self._view, self._source, [shard], self._options)
            first = next(part._tables(runner), None)
            if first is not None:
                return first
        return None

    def _partition(self, shard: Shard, schema: pa.Schema) -> pd.DataFrame:
        part = Scan(self._view, self._source, [shard], self._options)
        tables = [part._fitted(table, schema) for table in part._tables(part._runner())]
        table = pa.concat_tables(tables) if tables else schema.empty_table()
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def _schema(self, runner: Runner, first: pa.Table | None) -> pa.Schema:
        """Return the types of the columns: as declared, else as the first block has them."""
        columns = self._view.definition.columns
        seen = [[] if first is None else [first[column.name].type] for column in columns]
        dtypes = [
            runner.output.type_of(column) or join_types(column, dtypes)
            for column, dtypes in zip(columns, seen, strict=True)
        ]
        return pa.schema(list(zip(self._view.columns, dtypes, strict=True)))

    def _fitted(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        columns = []
        for column, dtype in zip(self._view.definition.columns, schema.types, strict=True):
            array = table[column.name]
            if not fits(array.type, dtype):
                raise ResultError(
                    f"column {column.name!r} (path {column.path!r}) is {dtype} in the first block and "
                    f'{array.type} in a later one; declare its "type"'
                )
            columns.append(array.cast(dtype))
        return pa.Table.from_arrays(columns, schema=schema)

    def _runner(self) -> Runner:
        return Runner(
            prepare(self._view.definition), Output(self._options.decimals), limits=self._options.limits
        )

    def _bar(self, purpose: str = "") -> AbstractContextManager[Advance]:
        name = self._view.definition.name or self._view.resource
        size = sum(shard.size for shard in self._shards)
        return byte_bar(f"view {name}{purpose}", size, len(self._shards))

    def _tables(self, runner: Runner, advance: Advance = lambda _: None) -> Iterator[pa.Table]:
        """Yield the rows of each block; warn once of lines that could not be read."""
        if self._source is None:
            return
        bad: list[BadLine] = []
        unlisted = 0
        limits = self._options.limits
        reader = NarrowReader(
            runner.prepared.needs, self._options.decimals, limits=limits, name=self._view.resource
        )
        for block, faults in resources(self._source, self._shards, reader, advance):
            unlisted += list_bad_lines(bad, faults, limits.bad_lines)
            if bad and self._options.errors == "raise":
                first = bad[0]
                raise ResultError(
                    f'{first.file} line {first.line}: {first.reason}; errors="report" loads the other lines'
                )
            yield runner.run(block)
        if bad:
            warn_caller(
                f"bad lines in {self._view.resource}: {len(bad) + unlisted:,} were left out, the first one "
                f"{bad[0].file} line {bad[0].line} ({bad[0].reason})",
                BadLinesWarning,
            )

    def _dated(self, table: pa.Table) -> pa.Table:
        if not self._options.parse_dates:
            return table
        unparsed = {}
        for place, column in enumerate(self._view.definition.columns):
            if column.type in ("date", "dateTime", "instant") and not column.collection:
                text = table.column(place)
                times = PARTIAL(text)
                if times.null_count == text.null_count:
                    table = table.set_column(place, column.name, times)
                else:
                    unparsed[column.name] = times.null_count - text.null_count
        warn_of_dates(f"view {self._view.definition.name or self._view.resource}", unparsed)
        return table
