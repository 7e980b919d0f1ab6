"""A table as it is written elsewhere or looked through: its columns, and its rows piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_ROWS, _BYTES = 16_384, 16_000_000  # of a piece, at most


class Stream(NamedTuple):
    """The columns of a table, and what yields its rows.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns of every piece, with their types.
    pieces : callable
        Yields the rows, each time that it is called.
    """

    schema: pa.Schema
    pieces: Callable[[], Iterable[pa.Table]]

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """Return the stream of a table that is in memory."""
        return cls(table.schema, lambda: _cut(table))

    @classmethod
    def of_files(cls, schema: pa.Schema, files: list[Path]) -> Self:
        """Return the stream of Parquet files with the same columns, in their order."""
        return cls(schema, lambda: _read(files))


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    count = _rows_of(table.num_rows, table.nbytes)
    for start in range(0, table.num_rows, count):
        yield table.slice(start, count)


def _read(files: list[Path]) -> Iterator[pa.Table]:
    for path in files:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            for batch in file.iter_batches(_rows_of(file.metadata.num_rows, size)):
                yield pa.Table.from_batches([batch])


def _rows_of(rows: int, size: int) -> int:
    """Return how many rows a piece has of a table of so many `rows` and bytes."""
    return max(1, min(_ROWS, rows * _BYTES // max(size, 1)))
