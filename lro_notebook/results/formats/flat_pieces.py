"""Nested rows of any format to the flat batches that tables are made of. Opens and parses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from lro_notebook.results.arrow.batch import Batch
from lro_notebook.results.arrow.flatten import counted, flatten
from lro_notebook.results.arrow.list_levels import raised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.results.arrow.batch import BadLine, Options
    from lro_notebook.results.arrow.flatten import Flat
    from lro_notebook.results.shards import Shard


class Rows(NamedTuple):
    """A piece of a main table, flat.

    Attributes
    ----------
    size : int
        How many rows.
    flat : Flat
        They, and what was in their lists.
    seen : mapping
        Its keys are the columns that the piece has, also those that were not asked for; empty if all were.
    shape : pyarrow.StructType
        Their types before they were made flat.
    """

    size: int
    flat: Flat
    seen: Mapping[str, None]
    shape: pa.DataType


def flat_rows(table: pa.Table, name: str, options: Options, *, shape: pa.DataType | None = None) -> Rows:
    """Return the rows of a nested table as `options` ask for them; runs in any thread.

    Parameters
    ----------
    table : pyarrow.Table
        Nested: structs, and lists of 32-bit offsets.
    name : str
        The main table.
    options : Options
        Which columns, and what lists become.
    shape : pyarrow.StructType, optional
        The types, where `table` lacks lists that hold nothing.
    """
    columns = options.columns_of(name, name)
    wanted = None if columns is None else _Wanted(columns)
    flat = flatten(raised(table, options.levels), lists=options.lists, wanted=wanted)
    types = pa.struct(list(table.schema)) if shape is None else shape
    return Rows(table.num_rows, flat, wanted.seen if wanted else {}, types)


class Batches:
    """Makes batches of the pieces of one reading, in their order: counts rows, and remembers columns."""

    def __init__(self, first: Shard, options: Options) -> None:
        self._name, self._before, self._explodes = first.table, first.row, options.explodes
        self._seen: dict[str, None] = {}

    def of(self, piece: Rows, bad: Sequence[BadLine] = (), files: Sequence[tuple[Shard, int]] = ()) -> Batch:
        """Return the next piece as a batch; `files` says whose rows follow each other, and how many."""
        name, flat = self._name, piece.flat
        children = {f"{name}.{path}": counted(child, self._before) for path, child in flat.children.items()}
        self._before += piece.size
        self._seen.update(piece.seen)
        truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
        shape = piece.shape if self._explodes else None
        return Batch({name: flat.table, **children}, bad, truncated, list(self._seen), shape, files)


class _Wanted:
    """Tells which columns are asked for, and remembers which there are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = frozenset(columns)
        self.seen: dict[str, None] = {}

    def __call__(self, name: str) -> bool:
        self.seen[name] = None
        return name in self._columns
