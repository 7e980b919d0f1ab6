"""Nested Arrow tables, as FHIR resources parse into, to flat ones: dotted columns, no Python per row.

Structs become dotted columns, lists their first element, with one take per leaf. The later elements
stay with ``lists="nested"`` (the list columns as they are) and ``lists="explode"`` (child tables).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.infer_schema import escape, path_of, rows_of
from lro_notebook.results.arrow.memory_pool import POOL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The column of the elements that are not objects, in the child table of a list.
VALUE = "value"
#: The column of the position of an element in its list.
INDEX = "index"
#: The first column of a child table where rows have no key: the position of the row.
ROW = "row"

_ONE = {"min": 1, "max": 1}
_NONE = pa.scalar(0, pa.int32())


@dataclass(slots=True)
class Flat:
    """A flat table.

    Attributes
    ----------
    table : pyarrow.Table
        One row per row of the input.
    truncated : dict
        Path of a list -> in how many rows the list that is shown had more than the one element.
    children : dict
        Path of a list -> table of its elements, for ``lists="explode"``.
    """

    table: pa.Table
    truncated: dict[str, int] = field(default_factory=dict)
    children: dict[str, pa.Table] = field(default_factory=dict)


def flatten(
    table: pa.Table,
    *,
    lists: str = "first",
    wanted: Callable[[str], bool] | None = None,
    key: str = "id",
    offset: int = 0,
) -> Flat:
    """Return `table` with dotted columns.

    Parameters
    ----------
    table : pyarrow.Table
        Nested; a key that itself holds a dot is written with a backslash before it.
    lists : {"first", "nested", "explode"}
        What lists become. ``explode`` gives, besides the first elements, a table per list: the `key` of the
        row (``row``, its position, where it has none), the ``index`` of the element, its columns.
        The tables of inner lists have ``{list}.index`` for the positions in the outer ones too.
    wanted : callable, optional
        Tells which columns to build; all by default.
    key : str
        The column that identifies a row.
    offset : int
        Position of the first row, for ``row``; `counted` sets it afterwards.
    """
    keys: dict[str, pa.Array] = {}
    if lists == "explode":
        has_key = key in table.column_names and pa.types.is_string(table.schema.field(key).type)
        rows = pa.array(np.arange(offset, offset + table.num_rows))
        keys = {key: _whole(table[key])} if has_key else {ROW: rows}
    walk = _Walk(lists, keys, wanted)
    for name in table.column_names:
        walk.visit(_whole(table[name]), escape(name), None)
    return Flat(rows_of(walk.columns, table.num_rows), walk.truncated, walk.children)


def counted(child: pa.Table, before: int) -> pa.Table:
    """Return a child table of a piece that has so many rows `before` it, with them counted in ``row``."""
    if not before or child.column_names[:1] != [ROW]:
        return child
    return child.set_column(0, ROW, pc.add(child.column(0), before))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks(memory_pool=POOL)


def _taken(array: pa.Array, index: pa.Array) -> pa.Array:
    """Return the values of `array` at positions that are all in it, or null."""
    return pc.take(array, index, boundscheck=False, memory_pool=POOL)


def _elements(array: pa.ListArray) -> pa.Array:
    """Return the elements of all lists.

    Without nulls they are one piece; `flatten` takes the longer for them the deeper their type nests, and so
    does ``pyarrow.compute.list_value_length``.
    """
    if array.null_count or not len(array):
        return array.flatten()
    first, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
    return array.values.slice(first, end - first)


class _Walk:
    """One descent through the columns of a table.

    `keys` are aligned with its rows and go with its lists into their tables; `inside` is the path of the
    list whose elements the rows are.
    """

    def __init__(
        self,
        lists: str,
        keys: Mapping[str, pa.Array],
        wanted: Callable[[str], bool] | None = None,
        inside: str = "",
    ) -> None:
        self._lists, self._keys, self._wanted, self._inside = lists, keys, wanted, inside
        self.columns: dict[str, pa.Array] = {}
        self.truncated: dict[str, int] = {}
        self.children: dict[str, pa.Table] = {}

    def visit(
        self, array: pa.Array, path: str | None, index: pa.Array | None, *, inner: bool = False
    ) -> bool:
        """Add the columns below `path`; return whether there are any.

        `index` holds, per row, the position of its value in `array`, null where it has none; without
        it they are aligned. Positions are composed on the way down, so each leaf is taken once. `inner` says
        that `array` is inside a list, whose own table has the lists below it.
        """
        if pa.types.is_struct(array.type):
            parts = zip(array.type, array.flatten(), strict=True)
            added = [self.visit(part, path_of(path, place.name), index, inner=inner) for place, part in parts]
            return any(added)
        if pa.types.is_list(array.type) and self._lists != "nested":
            return self._visit_list(array, VALUE if path is None else path, index, inner=inner)
        name = VALUE if path is None else path
        if pa.types.is_null(array.type) and (inner or path is None):  # of a list of nothing: no column
            return False
        if self._wanted is not None and not self._wanted(name):
            return False
        # An element's own "id" stands beside that of its resource.
        while self._inside and (name in self._keys or name in self.columns):
            name += "_"
        self.columns[name] = array if index is None else _taken(array, index)
        return True

    def _visit_list(self, array: pa.ListArray, path: str, index: pa.Array | None, *, inner: bool) -> bool:
        starts, ends = array.offsets.slice(0, len(array)), array.offsets.slice(1)
        lengths = pc.subtract(ends, starts)
        if array.null_count:
            lengths = pc.if_else(array.is_valid(), lengths, _NONE)
        if self._lists == "explode" and not inner:
            self._explode(array, lengths, path)
        if len(array) and pc.min_max(lengths).as_py() == _ONE:  # most are: the elements are the rows
            return self.visit(_elements(array), path, index, inner=True)
        first = pc.if_else(pc.greater(lengths, 0), starts, pa.scalar(None, starts.type))
        added = self.visit(array.values, path, first if index is None else _taken(first, index), inner=True)
        if added and self._lists == "first":
            shown = lengths if index is None else _taken(lengths, index)
            rows = pc.sum(pc.greater(shown, 1)).as_py() or 0
            if rows:
                self.truncated[path] = max(rows, self.truncated.get(path, 0))
        return added

    def _explode(self, array: pa.ListArray, lengths: pa.Array, path: str) -> None:
        parents = pc.list_parent_indices(array)
        elements = _elements(array)
        starts = pc.subtract(pc.cumulative_sum(lengths), lengths)
        position = pc.subtract(pa.array(np.arange(len(elements))), _taken(starts, parents).cast(pa.int64()))
        outer = {INDEX: f"{self._inside}.{INDEX}"}
        keys = {outer.get(name, name): _taken(key, parents) for name, key in self._keys.items()}
        keys[INDEX] = position
        walk = _Walk(self._lists, keys, inside=f"{self._inside}.{path}" if self._inside else path)
        walk.visit(elements, None, None)
        self.children[path] = rows_of({**keys, **walk.columns}, len(elements))
        self.children.update({f"{path}.{inner}": table for inner, table in walk.children.items()})
