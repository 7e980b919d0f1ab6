"""How many lists are around the values of each path, and tables brought to the same number of them. Pure.

A path may hold an object in one piece of a table and a list of such in another. The pieces are one table
only if both are lists: so what stands beside lists becomes a list of one, as inside a piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lro_notebook.results.arrow.infer_schema import SCALAR, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Levels:
    """The lists that the pieces of a table have.

    Attributes
    ----------
    most : dict
        Dotted path -> the largest number of lists around its values.
    uneven : bool
        Whether a path has fewer in some piece, or lists of nothing, which are no columns.
    """

    def __init__(self) -> None:
        self.most: dict[str, int] = {}
        self.uneven = False
        self._is_bare: dict[str, bool] = {}

    def add(self, dtype: pa.DataType) -> None:
        """Take a piece with the struct type `dtype` into account."""
        for path, item, count in _paths(dtype):
            bare = count > 0 and pa.types.is_null(item)
            before = self.most.setdefault(path, count)
            was_bare = self._is_bare.setdefault(path, bare)
            self.uneven = self.uneven or before != count or was_bare != bare
            self.most[path] = max(before, count)


def holds_bare_lists(dtype: pa.DataType) -> bool:
    """Tell whether there are lists in `dtype` in which no value was seen."""
    return any(count > 0 and pa.types.is_null(item) for _, item, count in _paths(dtype))


def _paths(dtype: pa.DataType) -> Iterator[tuple[str, pa.DataType, int]]:
    """Yield each path in a struct type, what the lists at it hold, and how many they are."""
    stack: list[tuple[str | None, pa.DataType]] = [(None, dtype)]
    while stack:
        path, outer = stack.pop()
        item, count = _item(outer)
        if path is not None:
            yield path, item, count
        stack.extend((path_of(path, part.name), part.type) for part in _fields(item))


def raised(table: pa.Table, levels: Mapping[str, int]) -> pa.Table:
    """Return `table` with as many lists around each path as `levels` says; null stays null.

    Columns of lists and objects in which it has nothing are left out: other pieces have them.
    """
    if not levels:
        return table
    nested = [name for name in table.column_names if pa.types.is_nested(table.schema.field(name).type)]
    table = table.drop_columns([name for name in nested if table[name].null_count == table.num_rows])
    for number, name in enumerate(table.column_names):
        column = table.column(number)
        path = path_of(None, name)
        if _needs(column.type, path, levels):
            table = table.set_column(number, name, _raised(column.combine_chunks(), path, levels))
    return table


def _needs(dtype: pa.DataType, path: str | None, levels: Mapping[str, int]) -> bool:
    """Tell whether something in `dtype` has too few lists around it."""
    item, count = _item(dtype)
    if path is not None and count < levels.get(path, 0):
        return True
    return any(_needs(part.type, path_of(path, part.name), levels) for part in _fields(item))


def _raised(array: pa.Array, path: str | None, levels: Mapping[str, int], *, inside: int = 0) -> pa.Array:
    """Return `array`, which `inside` lists of the same path hold, with lists enough around its values."""
    dtype = array.type
    if pa.types.is_list(dtype):
        values = _raised(array.values, path, levels, inside=inside + 1)
        offsets = pa.array(array.offsets.to_numpy())  # a copy: a mask wants offsets that are no slice
        return pa.ListArray.from_arrays(offsets, values, mask=array.is_null())
    if dtype.num_fields:
        names = [part.name for part in dtype]
        children = array.flatten()  # null where the object is; what its own fields have there is anything
        parts = [
            part if name == SCALAR else _raised(part, path_of(path, name), levels)
            for name, part in zip(names, children, strict=True)
        ]
        array = pa.StructArray.from_arrays(parts, names=names, mask=array.is_null())
    missing = 0 if path is None else max(levels.get(path, 0) - inside, 0)
    for _ in range(missing):
        array = _lists_of_one(array)
    return array


def _lists_of_one(array: pa.Array) -> pa.Array:
    there = array.is_valid()
    offsets = np.concatenate(([0], np.cumsum(there.to_numpy(zero_copy_only=False), dtype=np.int32)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), array.filter(there), mask=array.is_null())


def _item(dtype: pa.DataType) -> tuple[pa.DataType, int]:
    """Return what the lists of `dtype` hold, and how many lists are around it."""
    count = 0
    while pa.types.is_list(dtype):
        dtype, count = dtype.value_type, count + 1
    return dtype, count


def _fields(dtype: pa.DataType) -> Iterator[pa.Field]:
    """Yield the fields of a struct but the scalars beside them, which have its path."""
    if pa.types.is_struct(dtype):
        yield from (part for part in dtype if part.name != SCALAR)
