"""A table as it is written elsewhere or looked through: its columns, and its rows piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    #: Yields the rows of some columns, of all for None.
    Read = Callable[[Sequence[str] | None], Iterable[pa.Table]]

_ROWS, _BYTES = 16_384, 16_000_000  # of a piece, at most


class Stream(NamedTuple):
    """The columns of a table, and what yields its rows.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns of every piece, with their types.
    read : callable
        Yields the rows of some columns, or of all for None, each time that it is called.
    chosen : tuple of str, optional
        The columns that `pieces` have; by default all.
    """

    schema: pa.Schema
    read: Read
    chosen: tuple[str, ...] | None = None

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """Return the stream of a table that is in memory."""
        return cls(table.schema, lambda names: _cut(table if names is None else table.select(names)))

    @classmethod
    def of_files(cls, schema: pa.Schema, files: list[Path]) -> Self:
        """Return the stream of Parquet files with the same columns, in their order."""
        return cls(schema, lambda names: _read(files, names))

    def only(self, names: Sequence[str]) -> Self:
        """Return the stream of some columns of the table."""
        schema = pa.schema([self.schema.field(name) for name in names])
        return self._replace(schema=schema, chosen=tuple(names))

    def pieces(self) -> Iterable[pa.Table]:
        """Return the rows, a piece at a time."""
        return self.read(self.chosen)


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    count = _rows_of(table.num_rows, table.nbytes)
    for start in range(0, table.num_rows, count):
        yield table.slice(start, count)


def _read(files: list[Path], names: Sequence[str] | None) -> Iterator[pa.Table]:
    for path in files:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            for batch in file.iter_batches(_rows_of(file.metadata.num_rows, size), columns=names):
                piece = pa.Table.from_batches([batch])
                yield piece if names is None else piece.select(names)  # not `code.text` for `code`, too


def _rows_of(rows: int, size: int) -> int:
    """Return how many rows a piece has of a table of so many `rows` and bytes."""
    return max(1, min(_ROWS, rows * _BYTES // max(size, 1)))
