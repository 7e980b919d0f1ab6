"""Parquet files that are written while the columns of their table are still being learnt.

Each piece of a part goes into a hidden file, its draft, with the columns known so far and in types that give
each value back as it was read. When all columns are known, a draft that has all of them becomes the part;
only others are written once more, from themselves.
"""

from __future__ import annotations

import errno
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem

from lro_notebook import platforms
from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.infer_schema import rows_of
from lro_notebook.results.location import faults, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.arrow.unify import Columns

_MOVES = 16  # files that a remote file system renames at once


@dataclass(slots=True)
class Draft:
    """A hidden file with rows of one part.

    Attributes
    ----------
    path : str
        Where it is; empty where it has no columns, and is no file.
    schema : pyarrow.Schema
        The columns that it has.
    given : dict
        Column -> the type in which its values were read.
    rows, bytes : int
        How many it has.
    """

    path: str
    schema: pa.Schema
    given: dict[str, pa.DataType] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0

    def takes(self, schema: pa.Schema, given: dict[str, pa.DataType]) -> bool:
        """Tell whether a piece with this schema, read in the types `given`, can go into it."""
        alike = all(self.given.get(name, dtype).equals(dtype) for name, dtype in given.items())
        return alike and self.schema.equals(schema)


class Drafts:
    """The drafts of some tables in one folder: `place` what is whole.

    As a context manager it moves the whole ones to their places at its end. After an error nothing is left or
    replaced.

    Parameters
    ----------
    fs : fsspec.AbstractFileSystem
        Where to.
    path, uri : str
        The folder, as `fs` and the user name it.
    compression : str
        As in pyarrow.
    """

    def __init__(self, fs: Any, path: str, uri: str, compression: str) -> None:
        self._fs, self._path, self._uri, self._compression = fs, path, uri, compression
        self._hidden: dict[str, None] = {}
        self._open: dict[str, _Writer] = {}
        self._last: dict[str, Draft] = {}
        self._places: dict[str, str] = {}
        self._folders: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Put the files in their places.

        Raises
        ------
        ResultError
            The disk is full, may not be written to, or has something else in that place.
        """
        del trace
        try:
            if kind is None:
                self._put()
        except faults() as fault:
            raise self._unwritable(fault) from fault
        finally:
            self.clear()
        if isinstance(error, faults()):
            raise self._unwritable(error) from error

    def write(
        self, name: str, number: int, table: pa.Table, given: dict[str, pa.DataType], drafts: list[Draft]
    ) -> None:
        """Add `table`, read in the types `given`, to the `drafts` of a part."""
        writer = self._open.get(name)
        if not table.num_columns:
            drafts.append(Draft("", table.schema, rows=table.num_rows))
            return
        if (
            writer is None
            or not drafts
            or drafts[-1] is not writer.draft
            or not writer.draft.takes(table.schema, given)
        ):
            self.close(name)
            last = self._last.get(name)
            schema = last.schema if last and last.schema.equals(table.schema) else table.schema
            writer = self._open[name] = self._writer(name, number, schema)
            if last and last.given == given:
                writer.draft.given = last.given  # of ten thousand drafts, most have the same columns
            drafts.append(writer.draft)
            self._last[name] = writer.draft
        if not given.keys() <= writer.draft.given.keys():
            writer.draft.given = {**writer.draft.given, **given}
        writer.write(table)

    def close(self, name: str) -> None:
        """Finish the draft of the table `name` that is open."""
        if (writer := self._open.pop(name, None)) is not None:
            writer.close()

    def settle(
        self, name: str, number: int, drafts: list[Draft], columns: Columns, schema: pa.Schema
    ) -> Draft:
        """Return the draft of a part with the final `schema`: the one of `drafts`, or a new one of all."""
        if len(drafts) == 1 and drafts[0].path and drafts[0].schema.equals(schema):
            whole = drafts[0]
        else:
            writer = self._writer(name, number, schema)
            self._open[name] = writer
            for draft in drafts:
                for table in self._tables(draft):
                    writer.write(columns.fit(table, schema.names))
            self.close(name)
            whole = writer.draft
            for draft in drafts:
                self._remove(draft.path)
        self._places[self.file(name, number)] = whole.path
        return whole

    def clear(self) -> None:
        """Remove all drafts, also those that are being written."""
        for name in list(self._open):
            with suppress(*faults(), pa.ArrowException, ValueError):  # it is removed, whole or not
                self.close(name)
        for path in list(self._hidden):
            self._remove(path)

    def file(self, name: str, number: int) -> str:
        """Return the place of a part."""
        return f"{self._path}/{name}/part-{number:05d}.parquet"

    def _put(self) -> None:
        if "file" in self._fs.protocol:
            if blocked := next(filter(self._fs.isdir, self._places), None):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), blocked)
            for place, path in self._places.items():
                self._move(path, place)
            return
        with ThreadPoolExecutor(_MOVES, thread_name_prefix="lro-parquet") as pool:
            list(pool.map(self._move, self._places.values(), self._places))

    def _move(self, path: str, place: str) -> None:
        if "file" in self._fs.protocol:
            platforms.replace(path, place)
        elif (
            type(self._fs).mv is AbstractFileSystem.mv
        ):  # which looks for folders first, a request for each file
            self._fs.cp_file(path, place)
            self._fs.rm_file(path)
        else:
            self._fs.mv(path, place)
        self._hidden.pop(path)

    def _unwritable(self, fault: BaseException) -> ResultError:
        return unwritable(self._uri, fault if isinstance(fault, OSError) else OSError(type(fault).__name__))

    def _remove(self, path: str) -> None:
        if path in self._hidden:
            del self._hidden[path]
            with suppress(*faults()):  # it was never made
                self._fs.rm_file(path)

    def _writer(self, name: str, number: int, schema: pa.Schema) -> _Writer:
        folder = f"{self._path}/{name}"
        if folder not in self._folders:
            self._fs.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        # Readers of a folder of Parquet files pass over names that start with a dot.
        path = f"{folder}/.part-{number:05d}-{secrets.token_hex(8)}.partial"
        self._hidden[path] = None
        return _Writer(self._fs, Draft(path, schema), self._compression)

    def _tables(self, draft: Draft) -> Iterator[pa.Table]:
        """Yield the rows of a draft in the types in which they were read, without columns of nothing."""
        if not draft.path:
            yield rows_of({}, draft.rows)
            return
        with self._fs.open(draft.path, "rb") as file:
            for table in _pieces(file, draft.schema):
                columns = {}
                for name, column in zip(table.column_names, table.columns, strict=True):
                    if column.null_count < len(column):
                        columns[name] = column.cast(draft.given.get(name, column.type))
                yield rows_of(columns, table.num_rows)


class _Writer:
    """Writes one draft: as Parquet, or as Arrow's own file where it has a type that Parquet lacks."""

    def __init__(self, fs: Any, draft: Draft, compression: str) -> None:
        self.draft, self._is_empty = draft, True
        with ExitStack() as stack:
            self._file = stack.enter_context(fs.open(draft.path, "wb"))
            self._writer: Any = (
                pq.ParquetWriter(self._file, draft.schema, compression=compression)
                if _all_suit_parquet(draft.schema)
                else pa.ipc.new_file(self._file, draft.schema)
            )
            self._stack = stack.pop_all()

    def write(self, table: pa.Table) -> None:
        self._is_empty = False
        self._writer.write_table(table)
        self.draft.rows += table.num_rows

    def close(self) -> None:
        with self._stack:
            if self._is_empty:  # pyarrow 18 reads no file without a row group
                self._writer.write_table(self.draft.schema.empty_table())
            self._writer.close()
            self.draft.bytes = self._file.tell()


def check(name: str, schema: pa.Schema) -> None:
    """Raise `ResultError` where a table has a type that Parquet lacks."""
    if unsuited := next((part.name for part in schema if not _suits_parquet(part.type)), None):
        raise ResultError(
            f"table {name}: column {unsuited} has only objects without keys, which Parquet cannot hold; "
            "leave it out with columns=[...]"
        )


def _all_suit_parquet(schema: pa.Schema) -> bool:
    return all(map(_suits_parquet, schema.types))


def _suits_parquet(dtype: pa.DataType) -> bool:
    """Tell whether no object in `dtype` is one without keys."""
    stack = [dtype]
    while stack:
        here = stack.pop()
        if pa.types.is_struct(here) and not here.num_fields:
            return False
        stack.extend(here.field(number).type for number in range(here.num_fields))
    return True


def _pieces(file: Any, schema: pa.Schema) -> Iterator[pa.Table]:
    if _all_suit_parquet(schema):
        parquet = pq.ParquetFile(file)
        yield from (parquet.read_row_group(number) for number in range(parquet.num_row_groups))
        return
    reader = pa.ipc.open_file(file)
    for number in range(reader.num_record_batches):
        yield pa.Table.from_batches([reader.get_batch(number)])
