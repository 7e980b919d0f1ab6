"""Flat tables of blocks and files as one: columns of the same name get one type, and no value is lost."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.schema import DECIMAL, cast, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.results.arrow.dates import Times

_SAFE = 2**53  # a double holds the integers up to this one
_PLACES = 18  # decimals of at most 20 digits before the point and as many behind it fit 128 bits
_SCALES = (2, 4, 6, 9, 12, _PLACES)
_INTEGER, _LONG_INTEGER = pa.decimal128(38, 0), pa.decimal256(76, 0)
_EMPTY = pa.string()
#: The keys of a dotted path, with the dot before each but the first.
_PARTS = re.compile(r"(?:^|\.)(?:[^.\\]|\\.)*", re.DOTALL)


def together(names: Iterable[str]) -> list[str]:
    """Return dotted paths in their order, each with those that begin alike, shorter ones first."""
    tree: dict[str | None, Any] = {}
    for name in names:
        node = tree
        for part in _PARTS.findall(name) or [""]:
            node = node.setdefault(part, {})
        node[None] = name
    found, stack = [], [tree]
    while stack:
        node = stack.pop()
        if None in node:
            found.append(node.pop(None))
        stack.extend(reversed(node.values()))
    return found


class Columns:
    """The columns that many tables have together: `add` them all, then `fit` each.

    A column that a table lacks is null there. Integers give way to fractions where a double holds them;
    types that no number joins become text: numbers in their shortest form, lists as JSON. Decimals get
    the smallest of some scales that loses nothing.

    Parameters
    ----------
    times : Times, optional
        Which columns of text become times; none by default.
    """

    def __init__(self, *, times: Times | None = None) -> None:
        self._times = times
        self._types: dict[str, pa.DataType] = {}
        self._order: list[str] = []
        self._long: set[str] = set()

    def add(self, table: pa.Table) -> None:
        """Take the columns of `table` into account."""
        for part, column in zip(table.schema, table.columns, strict=True):
            name, dtype = part.name, part.type
            if pa.types.is_decimal(dtype):
                dtype = _narrow(column, self._types.get(name))
            elif pa.types.is_int64(dtype) and name not in self._long and not _is_safe(column):
                self._long.add(name)
            if self._times is not None:
                self._times.add(name, column)
            self._types[name] = _common(self._types[name], dtype) if name in self._types else dtype

    def __len__(self) -> int:
        return len(self._types)

    def types(self) -> dict[str, pa.DataType]:
        """Return name and type of each column.

        They are in the order in which they were first seen, those of one object or list together: it does not
        depend on the pieces in which tables come.
        """
        if len(self._order) < len(self._types):
            self._order = together(self._types)
        return {name: self._settled(name, self._types[name]) for name in self._order}

    def fit(self, table: pa.Table, names: Iterable[str] | None = None) -> pa.Table:
        """Return `table` with the columns `names`, in their common types; all columns by default."""
        return _fitted(table, self.types(), names, self._times)

    def unparsed_dates(self) -> dict[str, int]:
        """Return, for each column of times that stays text, how many of its values are no times."""
        return {} if self._times is None else self._times.unparsed()

    def draft(self, table: pa.Table, names: Iterable[str] | None = None) -> pa.Table:
        """Return `table` with the columns so far, in types from which a cast gives each value back."""
        there = {part.name: part.type for part in table.schema}
        types = {
            name: there[name] if name in there and not self._gives_back(name, there[name]) else dtype
            for name, dtype in self._types.items()
        }
        return _fitted(table, types, names)

    def _gives_back(self, name: str, dtype: pa.DataType) -> bool:
        """Tell whether a cast from the type of column `name` so far gives back what was of `dtype`."""
        known = self._types[name]
        if pa.types.is_decimal(known):
            return bool(pa.types.is_decimal(dtype) or pa.types.is_int64(dtype))
        return bool(pa.types.is_floating(known) and pa.types.is_int64(dtype) and name not in self._long)

    def _settled(self, name: str, dtype: pa.DataType) -> pa.DataType:
        if pa.types.is_floating(dtype) and name in self._long:
            return pa.string()
        times = self._times.dtype(name) if self._times is not None and pa.types.is_string(dtype) else None
        return dtype if times is None else times


def stack(
    tables: Sequence[pa.Table], columns: Columns | None = None, names: Iterable[str] | None = None
) -> pa.Table:
    """Return the rows of all `tables` in their order; `columns` has seen all of them."""
    if columns is None:
        columns = Columns()
        for table in tables:
            columns.add(table)
    fitted = [columns.fit(table, names) for table in tables] or [columns.fit(rows_of({}, 0), names)]
    whole = pa.concat_tables(fitted)
    return whole if whole.num_columns else rows_of({}, sum(table.num_rows for table in tables))


def _narrow(column: pa.ChunkedArray, known: pa.DataType | None) -> pa.DataType:
    """Return the decimal type of least scale that holds `column`; those of 128 bits join without loss.

    That is `known`, the type of other tables, if it will do.
    """
    if known is not None and pa.types.is_decimal(known) and _fits(column, known):
        return known
    widest = pa.decimal128(38, _PLACES)
    if not _fits(column, widest):
        return _LONG_INTEGER if _fits(column, _LONG_INTEGER) else DECIMAL
    if _fits(column, _INTEGER):
        return _INTEGER
    dtypes = (pa.decimal128(38, scale) for scale in _SCALES)
    return next((dtype for dtype in dtypes if _fits(column, dtype)), widest)


def _fits(column: pa.ChunkedArray, dtype: pa.DataType) -> bool:
    try:
        column.cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True


def _is_safe(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()
    return bounds["min"] is None or (bounds["min"] >= -_SAFE and bounds["max"] <= _SAFE)


def _common(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if left.equals(right):
        return left
    if pa.types.is_decimal(left) or pa.types.is_decimal(right):
        return _common_decimal(left, right)
    if not (pa.types.is_boolean(left) or pa.types.is_boolean(right)):
        schemas = [pa.schema([("", dtype)]) for dtype in (left, right)]
        try:
            return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            pass
    return pa.string()


def _common_decimal(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    left, right = (_INTEGER if pa.types.is_integer(dtype) else dtype for dtype in (left, right))
    if not (pa.types.is_decimal(left) and pa.types.is_decimal(right)):
        return pa.string()
    scale = max(left.scale, right.scale)
    if left.precision == right.precision == _INTEGER.precision:
        return pa.decimal128(_INTEGER.precision, scale)
    return DECIMAL if scale else _LONG_INTEGER


def _fitted(
    table: pa.Table,
    types: Mapping[str, pa.DataType],
    names: Iterable[str] | None,
    times: Times | None = None,
) -> pa.Table:
    dtypes = types if names is None else {name: types.get(name, _EMPTY) for name in names}
    there = dict(zip(table.column_names, table.columns, strict=True))
    if times is not None:
        for name in there.keys() & dtypes.keys():
            if pa.types.is_string(there[name].type) and pa.types.is_temporal(dtypes[name]):
                there[name] = pa.chunked_array([times.parsed(name, there[name])])
    columns = {name: _column(there.get(name), dtype, table.num_rows) for name, dtype in dtypes.items()}
    return rows_of(columns, table.num_rows)


def _column(column: pa.ChunkedArray | None, dtype: pa.DataType, rows: int) -> pa.ChunkedArray:
    if column is None or (pa.types.is_temporal(dtype) and column.null_count == rows):
        return pa.chunked_array([pa.nulls(rows, dtype)])
    if column.type.equals(dtype):
        return column
    if pa.types.is_string(dtype):
        return _text(column)
    return pa.chunked_array([cast(chunk, dtype) for chunk in column.chunks], dtype)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    dtype = column.type
    if pa.types.is_nested(dtype):
        values = (
            json.dumps(value, default=str) if value is not None else None for value in column.to_pylist()
        )
        return pa.chunked_array([pa.array(values, pa.string())])
    text = column.cast(pa.string())
    if pa.types.is_decimal(dtype):
        text = pc.replace_substring_regex(text, r"\.?0+$", "") if dtype.scale else text
    return text
