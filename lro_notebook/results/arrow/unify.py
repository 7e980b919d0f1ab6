"""Flat tables of blocks and files as one: columns of the same name get one type, and no value is lost."""

from __future__ import annotations

import base64
import json
import re
from datetime import date, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.casting import read_text
from lro_notebook.results.arrow.decimals import bounds_of, dtype_of, least_places, to_decimals, whole_digits
from lro_notebook.results.arrow.infer_schema import cast, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.results.arrow.dates import Times

_SAFE = 2**53  # a double holds the integers up to this one
_EMPTY, _NOTHING = pa.string(), pa.null()
#: The zeros that end the digits of a decimal, before an exponent too; RE2.
_NEEDLESS = r"(?:(\.\d*[1-9])0+|\.0*)(E|$)"
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
    the narrowest type that loses nothing.

    Columns of tables without types (CSV) are text, unless each value in all of the tables is a number or a
    truth value.

    Parameters
    ----------
    times : Times, optional
        Which columns of text become times; none by default.
    decimals : str
        What text of fractions becomes in tables without types; see `casting.read_text`.
    """

    def __init__(self, *, times: Times | None = None, decimals: str = "float") -> None:
        self._times, self._decimals = times, decimals
        self._nested = False
        self._types: dict[str, pa.DataType] = {}
        self._order: list[str] = []
        self._long: set[str] = set()
        self._whole: dict[str, int] = {}  # digits before the point

    def add(self, table: pa.Table, *, typed: bool = True) -> None:
        """Take the columns of `table` into account; all of them are text unless it is `typed`."""
        self._nested |= typed
        for part, given in zip(table.schema, table.columns, strict=True):
            name = part.name
            column = given if typed else self._read(name, given)
            dtype = column.type
            if pa.types.is_decimal(dtype) or pa.types.is_integer(dtype):
                dtype = self._measured(name, column)
            if self._times is not None:
                self._times.add(name, column)
            known = self._types.get(name)
            dtype = dtype if known is None else _common(known, dtype)
            self._types[name] = (
                dtype_of(self._whole[name], dtype.scale) if pa.types.is_decimal(dtype) else dtype
            )

    def _measured(self, name: str, column: pa.ChunkedArray) -> pa.DataType:
        """Take the digits of `column` into account; return its type, with so many places as it needs."""
        low, high = bounds_of(column)
        whole = max(self._whole.get(name, 0), whole_digits(low), whole_digits(high))
        self._whole[name] = whole
        if not pa.types.is_decimal(column.type):
            if low < -_SAFE or high > _SAFE:
                self._long.add(name)
            return column.type
        known = self._types.get(name)
        least = known.scale if known is not None and pa.types.is_decimal(known) else 0
        return dtype_of(whole, least_places(column, whole, least))

    def __len__(self) -> int:
        return len(self._types)

    def types(self) -> dict[str, pa.DataType]:
        """Return name and type of each column.

        They are in the order in which they were first seen, those of one object or list together: it does not
        depend on the pieces in which tables come.
        """
        if len(self._order) < len(self._types):
            self._order = together(self._types) if self._nested else list(self._types)
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
            name: there[name]
            if name in there and not self._gives_back(name, there[name])
            else _or_text(dtype)
            for name, dtype in self._types.items()
        }
        return _fitted(table, types, names)

    def _gives_back(self, name: str, dtype: pa.DataType) -> bool:
        """Tell whether a cast from the type of column `name` so far gives back what was of `dtype`."""
        known = self._types[name]
        if pa.types.is_decimal(known):
            return bool(pa.types.is_decimal(dtype) or pa.types.is_int64(dtype))
        if pa.types.is_string(dtype):  # of tables without types, whose text it would be again
            return bool(pa.types.is_int64(known) or pa.types.is_boolean(known))
        return bool(pa.types.is_floating(known) and pa.types.is_int64(dtype) and name not in self._long)

    def _read(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return what `column`, a text, may be: nulls where it has no value."""
        if column.null_count == len(column):
            return pa.chunked_array([pa.nulls(len(column))])
        known = self._types.get(name, _NOTHING)
        return column if pa.types.is_string(known) else read_text(column, self._decimals)

    def _settled(self, name: str, dtype: pa.DataType) -> pa.DataType:
        if pa.types.is_floating(dtype) and name in self._long:
            return pa.string()
        times = self._times.dtype(name) if self._times is not None and pa.types.is_string(dtype) else None
        return _or_text(dtype) if times is None else times


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


def _or_text(dtype: pa.DataType) -> pa.DataType:
    """Return the type of a column, text where it has no value yet."""
    return _EMPTY if pa.types.is_null(dtype) else dtype


def _common(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if left.equals(right) or pa.types.is_null(right):
        return left
    if pa.types.is_null(left):
        return right
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
    """Return the one of more places, of two types of which whole numbers or decimals are the only ones."""
    if not all(pa.types.is_decimal(dtype) or pa.types.is_integer(dtype) for dtype in (left, right)):
        return pa.string()
    return max((left, right), key=lambda dtype: dtype.scale if pa.types.is_decimal(dtype) else -1)


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
    if pa.types.is_decimal(dtype):
        return to_decimals(column, dtype)
    if pa.types.is_string(dtype):
        return text_of(column)
    return pa.chunked_array([cast(chunk, dtype) for chunk in column.chunks], dtype)


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values of a column as text: lists and objects as JSON, times as ISO 8601 has them."""
    dtype = column.type
    if pa.types.is_nested(dtype):
        values = (
            json.dumps(value, default=_word) if value is not None else None for value in column.to_pylist()
        )
        return pa.chunked_array([pa.array(values, pa.string())])
    if pa.types.is_binary(dtype):
        words = [None if value is None else _word(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(words, pa.string())])
    text = column.cast(pa.string())
    if pa.types.is_timestamp(dtype):
        return pc.replace_substring(text, " ", "T")
    if pa.types.is_decimal(dtype):
        return pc.replace_substring_regex(text, _NEEDLESS, r"\1\2") if dtype.scale else text
    return text


def _word(value: object) -> str:
    """Return what JSON says for a value of a type that it lacks: bytes in base64, times as ISO 8601 does."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, date | time) else str(value)
