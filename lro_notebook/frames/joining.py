"""The flat tables of blocks and files as one table: columns of the same name get one type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.frames.schema import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCALES = (0, 2, 4, 6, 9, 12, 18)


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all `tables` in their order.

    A column that one of them lacks is null there. Integers give way to fractions; types that no number
    joins become text: numbers in their shortest form, lists as JSON.
    """
    types: dict[str, pa.DataType] = {}
    for table in tables:
        for part in table.schema:
            types[part.name] = _common(types[part.name], part.type) if part.name in types else part.type
    columns = {
        name: pa.chunked_array([chunk for table in tables for chunk in _cast(table, name, kind).chunks], kind)
        for name, kind in types.items()
    }
    return rows_of(columns, sum(table.num_rows for table in tables))


def narrow_decimals(table: pa.Table) -> pa.Table:
    """Return `table` with each decimal column in the smallest of some scales that loses nothing."""
    columns = {}
    for part, column in zip(table.schema, table.columns, strict=True):
        columns[part.name] = _narrow(column) if pa.types.is_decimal(part.type) else column
    return rows_of(columns, table.num_rows)


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    for scale in _SCALES:
        try:
            return column.cast(pa.decimal128(38, scale))
        except pa.ArrowInvalid:
            continue
    return column


def _common(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if left.equals(right):
        return left
    if not (pa.types.is_boolean(left) or pa.types.is_boolean(right)):
        schemas = [pa.schema([("", kind)]) for kind in (left, right)]
        try:
            return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            pass
    return pa.string()


def _cast(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, kind)])
    return _text(table[name]) if pa.types.is_string(kind) else table[name].cast(kind, safe=False)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_nested(kind):
        values = (
            json.dumps(value, default=str) if value is not None else None for value in column.to_pylist()
        )
        return pa.chunked_array([pa.array(values, pa.string())])
    text = column.cast(pa.string())
    if pa.types.is_decimal(kind):
        text = pc.replace_substring_regex(text, r"\.?0+$", "") if kind.scale else text
    return text
