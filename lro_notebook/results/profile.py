"""What is in a table, column by column: a data dictionary, made piece by piece in little memory. Pure.

How many values are distinct is counted up to some thousand and estimated beyond: the least of many hashes
tell how dense they are. The most frequent values are those of a bounded count, without the rare ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.dates import INSTANT, Times

if TYPE_CHECKING:
    from lro_notebook.results.arrow.dates import Look
    from lro_notebook.results.table_stream import Stream

_HASHES = 4_096  # kept of a column: up to so many values the count is exact, beyond it is within some 3 %
_COUNTED, _KEPT = 8_192, 1_024  # values that are counted at once; those that stay when there are more
_TOP = 5
_LONG = 80  # characters of a value that are shown
_SPACE = float(2**64)

#: What the column of a code ends in, and the column beside it that says it in words.
_WORDS = (
    (re.compile(r"(^|[._])code$"), r"\1display"),
    (re.compile(r"(^|[._])code$"), r"\1text"),
    (re.compile(r"\.reference$"), ".display"),
    (re.compile(r"(^|[._])identifier$"), r"\1text"),
    (re.compile(r"CodeValue$"), "CodeMeaning"),
)

_VALUES = pa.list_(pa.struct([("value", pa.string()), ("text", pa.string()), ("count", pa.int64())]))
SCHEMA = pa.schema(
    [
        ("column", pa.string()),
        ("dtype", pa.string()),
        ("filled", pa.float64()),
        ("distinct", pa.int64()),
        ("estimated", pa.bool_()),
        ("top", pa.string()),
        ("first", INSTANT),
        ("last", INSTANT),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("values", _VALUES),
    ]
)


def profile(stream: Stream, look: Look | None) -> pd.DataFrame:
    """Return a row for each column; `look` tells how dates are read, by the names of columns."""
    names = stream.schema.names
    columns = [_Column(part.name, part.type) for part in stream.schema]
    words = [_beside(name, names) for name in names]
    times = Times(look) if look else Times()
    rows = 0
    for piece in stream.pieces():
        rows += piece.num_rows
        for column, beside in zip(columns, words, strict=True):
            column.add(piece[column.name], piece[beside] if beside else None, times)
    table = pa.Table.from_pylist([column.row(rows, times) for column in columns], schema=SCHEMA)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    frame.attrs["rows"] = rows
    return frame


def _beside(name: str, names: list[str]) -> str | None:
    """Return the column that has the texts of the codes in `name`."""
    told = (pattern.sub(words, name) for pattern, words in _WORDS if pattern.search(name))
    return next((one for one in told if one in names), None)


@dataclass(slots=True)
class _Column:
    """What was seen of a column."""

    name: str
    dtype: pa.DataType
    filled: int = 0
    first: Any = None
    last: Any = None
    least: float | None = None
    most: float | None = None
    hashes: np.ndarray[Any, np.dtype[np.uint64]] = field(default_factory=lambda: np.empty(0, np.uint64))
    counts: dict[Any, int] = field(default_factory=dict)
    texts: dict[Any, str] = field(default_factory=dict)
    is_key: bool = False

    def add(self, column: pa.ChunkedArray, words: pa.ChunkedArray | None, times: Times) -> None:
        """Take a piece of the column into account, and the texts of its codes."""
        self.filled += len(column) - column.null_count
        if column.null_count == len(column):
            return
        self._add_times(column, times)
        if pa.types.is_nested(self.dtype):
            return
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or _is_decimal(column.type):
            self._add_numbers(column.cast(pa.float64(), safe=False))
        coded = column.combine_chunks().dictionary_encode()
        self._add_hashes(coded.dictionary)
        if self._is_counted:
            self._count(coded, words)

    @property
    def _is_counted(self) -> bool:
        return not (self.is_key or pa.types.is_floating(self.dtype) or _is_bytes(self.dtype))

    def _add_times(self, column: pa.ChunkedArray, times: Times) -> None:
        if pa.types.is_timestamp(self.dtype) or pa.types.is_date(self.dtype):
            zone = getattr(self.dtype, "tz", None)
            found = column.cast(pa.timestamp("us", zone), safe=False)
        else:
            times.add(self.name, column)
            if times.dtype(self.name) != INSTANT:
                return
            found = pa.chunked_array([times.parsed(self.name, column)])
        ends = pc.min_max(found.cast(INSTANT)).as_py()
        self.first, self.last = _least(self.first, ends["min"]), _most(self.last, ends["max"])

    def _add_numbers(self, column: pa.ChunkedArray) -> None:
        ends = pc.min_max(column).as_py()
        self.least, self.most = _least(self.least, ends["min"]), _most(self.most, ends["max"])

    def _add_hashes(self, values: pa.Array) -> None:
        plain = values.drop_null()
        is_text = pa.types.is_string(plain.type) or pa.types.is_large_string(plain.type)
        texts = plain if is_text else pa.array(plain.to_pandas().astype(str), pa.string())
        array = texts.to_numpy(zero_copy_only=False)
        found = pd.util.hash_array(array, categorize=False)
        self.hashes = np.unique(np.concatenate([self.hashes, found]))[:_HASHES]

    def _count(self, coded: pa.DictionaryArray, words: pa.ChunkedArray | None) -> None:
        counted = np.bincount(coded.indices.drop_null().to_numpy(), minlength=len(coded.dictionary))
        values = _shown(coded.dictionary)
        for value, count in zip(values, counted.tolist(), strict=True):
            if count:
                self.counts[value] = self.counts.get(value, 0) + count
        if words is not None and not pa.types.is_nested(words.type):
            self._add_texts(coded, values, words)
        if len(self.counts) > _COUNTED:
            self._drop_rare()

    def _add_texts(self, coded: pa.DictionaryArray, values: list[Any], words: pa.ChunkedArray) -> None:
        """Keep for each value the first text that stands beside it."""
        texts = words.combine_chunks()
        there = pc.and_(coded.indices.is_valid(), texts.is_valid())
        codes = coded.indices.filter(there).to_numpy()
        unique, rows = np.unique(codes, return_index=True)
        known = texts.filter(there).take(pa.array(rows))
        for code, text in zip(unique.tolist(), _shown(known.cast(pa.string())), strict=True):
            self.texts.setdefault(values[code], text)

    def _drop_rare(self) -> None:
        kept = sorted(self.counts.items(), key=lambda item: -item[1])[:_KEPT]
        self.is_key = kept[0][1] <= 2  # noqa: PLR2004 - no value is frequent
        self.counts = {} if self.is_key else dict(kept)
        self.texts = {value: text for value, text in self.texts.items() if value in self.counts}

    def row(self, rows: int, times: Times) -> dict[str, Any]:
        """Return what a profile says of the column."""
        distinct = self._distinct()
        is_unique = self.filled > 1 and max(self.counts.values(), default=0) == 1
        top = (
            [] if is_unique else sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))[:_TOP]
        )
        is_time = pa.types.is_temporal(self.dtype) or times.dtype(self.name) == INSTANT
        values = [{"value": str(one), "text": self.texts.get(one), "count": count} for one, count in top]
        return {
            "column": self.name,
            "dtype": str(self.dtype),
            "filled": self.filled / rows if rows else None,
            "distinct": distinct,
            "estimated": len(self.hashes) >= _HASHES,
            "top": "; ".join(_told(value) for value in values) or None,
            "first": self.first if is_time else None,
            "last": self.last if is_time else None,
            "min": self.least,
            "max": self.most,
            "values": values,
        }

    def _distinct(self) -> int | None:
        if pa.types.is_nested(self.dtype) and self.filled:
            return None
        if len(self.hashes) < _HASHES:
            return len(self.hashes)
        return min(round((_HASHES - 1) * _SPACE / float(self.hashes[-1])), self.filled)


def _told(value: dict[str, Any]) -> str:
    """Return a value, its word and how often it is there; a day without a time is said as a day."""
    is_word = value["text"] in (None, value["value"])
    words = value["value"].removesuffix(" 00:00:00+00:00") if is_word else f"{value['value']} {value['text']}"
    return f"{words}: {value['count']:,}"


def _shown(values: pa.Array) -> list[Any]:
    """Return values as they are shown: of long text, the beginning."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        short = pc.utf8_slice_codeunits(values, 0, _LONG)
        is_long = pc.greater(pc.utf8_length(values), _LONG)
        values = pc.if_else(is_long, pc.binary_join_element_wise(short, "…", ""), values)
    found: list[Any] = values.to_pylist()
    return found


def _least(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else min(one, other)


def _most(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else max(one, other)


def _is_decimal(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(dtype))


def _is_bytes(dtype: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(dtype) for is_kind in kinds)
