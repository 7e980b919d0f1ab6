"""JSON and UUIDs, which pyarrow gives as bytes before 19 and 21, though the file says what they are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.results.arrow.infer_schema import rows_of
from lro_notebook.results.arrow.normalize_types import entries, uuids, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lro_notebook.results.arrow.normalize_types import Plain

_TEXTS = ("JSON", "UUID")


def kinds_of(parquet: Any) -> list[str]:
    """Return JSON or UUID for each leaf of a `ParquetFile` that is one; empty text for the others."""
    kinds = (parquet.schema.column(leaf).logical_type.type for leaf in range(parquet.metadata.num_columns))
    return [kind if kind in _TEXTS else "" for kind in kinds]


def with_texts(table: pa.Table, kinds: Sequence[str], plain: Plain) -> pa.Table:
    """Return a table in plain types with the text of its leaves that are JSON or UUIDs, as `kinds` says."""
    if not any(kinds):
        return table
    left = iter(kinds)
    arrays = [_with_text(whole(column), left, plain) for column in table.columns]
    return rows_of(dict(zip(table.column_names, arrays, strict=True)), table.num_rows)


def _with_text(array: pa.Array, kinds: Iterator[str], plain: Plain) -> pa.Array:
    dtype = array.type
    if pa.types.is_struct(dtype):
        parts = [_with_text(part, kinds, plain) for part in array.flatten()]
        return pa.StructArray.from_arrays(parts, names=[part.name for part in dtype], mask=array.is_null())
    if pa.types.is_list(dtype):
        offsets, values = entries(array)
        return pa.ListArray.from_arrays(offsets, _with_text(values, kinds, plain), mask=array.is_null())
    kind = next(kinds, "")
    if not kind or not pa.types.is_binary(dtype):
        return array
    return uuids(array) if kind == "UUID" else plain.array(array.cast(pa.string(), safe=False))
