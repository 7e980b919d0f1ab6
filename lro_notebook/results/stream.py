"""A table as it is written elsewhere or looked through: its columns, and its rows piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_ROWS = 16_384  # of a piece


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
    for start in range(0, table.num_rows, _ROWS):
        yield table.slice(start, _ROWS)


def _read(files: list[Path]) -> Iterator[pa.Table]:
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                yield pa.Table.from_batches([batch])
