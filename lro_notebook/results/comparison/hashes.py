"""The values of columns as numbers that are the same for the same value, and say nothing of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.dates import INSTANT, PARTIAL
from lro_notebook.results.arrow.unify import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lro_notebook.results.table_stream import Stream

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]
    #: From values of one type to text that can be compared.
    Words = Callable[[pa.ChunkedArray], pa.ChunkedArray]

#: The hash of what is not there.
NOTHING = np.uint64(0)
_BETWEEN = "\x1f"


def hashes_of(text: pa.ChunkedArray, salt: str) -> Hashes:
    """Return a hash of each text, 0 where there is none; `salt` has 16 characters."""
    coded = text.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    values = coded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    found = pd.util.hash_array(values, hash_key=salt, categorize=False).astype(np.uint64)
    found = np.append(np.maximum(found, np.uint64(1)), NOTHING)
    hashes: Hashes = found[coded.indices.fill_null(len(values)).to_numpy()]
    return hashes


def words(own: pa.DataType, other: pa.DataType | None) -> Words:
    """Return what makes text of values of the type `own`, as of those of the type `other` the same."""
    if other is None or own.equals(other):
        return _text
    if _is_time(own) or _is_time(other):
        return _times if _is_time(own) and _is_time(other) else _times_or_text
    if _is_number(own) and _is_number(other):
        return lambda column: text_of(column.cast(pa.float64(), safe=False))
    return _text


def columns_of(stream: Stream, names: Sequence[str], told: Sequence[Words], salt: str) -> list[Hashes]:
    """Return the hashes of some columns of a table."""
    parts: list[list[Hashes]] = [[] for _ in names]
    for piece in stream.only(names).pieces():
        for part, name, text in zip(parts, names, told, strict=True):
            part.append(hashes_of(text(piece[name]), salt))
    return [np.concatenate(part) if part else np.empty(0, np.uint64) for part in parts]


def together(stream: Stream, names: Sequence[str], salt: str) -> Hashes:
    """Return one hash for the values of several columns in each row, 0 where one of them is not there."""
    parts: list[Hashes] = []
    for piece in stream.only(names).pieces():
        columns = [_text(piece[name]) for name in names]
        text = columns[0]
        if len(columns) > 1:
            text = pc.binary_join_element_wise(*columns, _BETWEEN)
        parts.append(hashes_of(text, salt))
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return text_of(column)


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return text_of(column.cast(INSTANT, safe=False))


def _times_or_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return times as such, also those that are text on one side."""
    if _is_time(column.type):
        return _times(column)
    text = _text(column)
    return pc.coalesce(text_of(pa.chunked_array([PARTIAL(text)])), text)


def _is_time(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))


def _is_number(dtype: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(dtype) for is_kind in kinds)
