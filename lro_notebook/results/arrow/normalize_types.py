"""Tables of files that declare their types, in the few types that the rest of the package works with. Pure.

Those are text, bytes, booleans, int64, float64, decimals, dates, times, instants and local times in
microseconds, objects and lists. A type that a file declares is no guess: a time stays one, whatever
``parse_dates`` says of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.infer_schema import DECIMAL, rows_of
from lro_notebook.results.arrow.memory_pool import POOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BAD_TEXT = "text that is not valid UTF-8; what is wrong in it is shown as U+FFFD"
BAD_TIME = "a date or time out of range; it is shown as missing"

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FIRST, LAST = -62_135_596_800, 253_402_300_799  # seconds: the years 1 to 9999, which Python has
DAY = 86_400
_BIG = pa.decimal128(20, 0)  # holds what uint64 has beyond int64
_HEX = (8, 12, 16, 20)  # where the dashes of a UUID are


class Plain:
    """Brings tables to plain types.

    Parameters
    ----------
    decimals : {"float", "exact", "text"}
        What numbers become. Whole ones stay int64 in the first two, and those of binary fractions float64;
        decimals with places stay exact only in the second.

    Attributes
    ----------
    faults : dict
        Its keys are what could not be shown as it is, in fixed words.
    """

    def __init__(self, decimals: str = "float") -> None:
        self._decimals = decimals
        self.faults: dict[str, None] = {}
        self._makers: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
            (lambda dtype: isinstance(dtype, pa.BaseExtensionType), self._extension),
            (pa.types.is_dictionary, self._decoded),
            (pa.types.is_struct, self._struct),
            (lambda dtype: _is_list(dtype) or pa.types.is_map(dtype), self._list),
            (lambda dtype: dtype in _TEXTS, self._sound),
            (_is_bytes, self._bytes),
            (pa.types.is_decimal, self._decimal),
            (lambda dtype: pa.types.is_integer(dtype) or pa.types.is_floating(dtype), self._number),
            (pa.types.is_temporal, self._temporal),
        )

    def table(self, table: pa.Table) -> pa.Table:
        """Return `table` in plain types; of columns of one name, each has its own."""
        arrays = [self.array(whole(column)) for column in table.columns]
        return rows_of(dict(zip(unique(table.column_names), arrays, strict=True)), table.num_rows)

    def array(self, array: pa.Array) -> pa.Array:
        """Return `array` in a plain type."""
        return next((make(array) for fits, make in self._makers if fits(array.type)), array)

    def _extension(self, array: pa.Array) -> pa.Array:
        name, storage = getattr(array.type, "extension_name", ""), array.storage
        if name == "arrow.uuid":
            return uuids(storage)
        return storage.cast(pa.bool_()) if name == "arrow.bool8" else self.array(storage)

    def _decoded(self, array: pa.DictionaryArray) -> pa.Array:
        """Return what a dictionary stands for; its words are judged once each."""
        if pa.types.is_nested(array.type.value_type):
            return self.array(array.dictionary_decode())
        return pc.take(self.array(array.dictionary), array.indices, memory_pool=POOL)

    def _struct(self, array: pa.StructArray) -> pa.Array:
        if not array.type.num_fields:
            return array
        names = unique(part.name for part in array.type)
        parts = [self.array(part) for part in array.flatten()]
        return pa.StructArray.from_arrays(parts, names=names, mask=array.is_null())

    def _list(self, array: pa.Array) -> pa.Array:
        """Return a list with offsets of its own; the entries of a map are objects of key and value."""
        offsets, values = entries(array)
        return pa.ListArray.from_arrays(offsets, self.array(values), mask=array.is_null())

    def _sound(self, array: pa.Array) -> pa.StringArray:
        array = array if pa.types.is_string(array.type) else array.cast(pa.string())
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            self.faults[BAD_TEXT] = None
            values = array.cast(pa.binary()).to_pylist()
            texts = (None if value is None else value.decode("utf-8", "replace") for value in values)
            return pa.array(texts, pa.string())
        return array

    def _bytes(self, array: pa.Array) -> pa.BinaryArray:
        return array if pa.types.is_binary(array.type) else array.cast(pa.binary())

    def _number(self, array: pa.Array) -> pa.Array:
        if self._decimals == "text":
            return array.cast(pa.string())
        if pa.types.is_floating(array.type):
            return array.cast(pa.float64())
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            return array.cast(_BIG)

    def _decimal(self, array: pa.Array) -> pa.Array:
        dtype = array.type
        if self._decimals == "text":
            return _digits(array)
        if self._decimals == "float" and dtype.scale > 0:
            return array.cast(pa.float64())
        if dtype.scale <= 0:
            try:
                return array.cast(pa.int64())
            except pa.ArrowInvalid:  # too large: a decimal still
                pass
        if (
            dtype.scale <= DECIMAL.scale
            and dtype.precision - dtype.scale <= DECIMAL.precision - DECIMAL.scale
        ):
            wide = pa.types.is_decimal256(dtype) or dtype.precision > _WIDTH or dtype.scale < 0
            return array.cast(DECIMAL if wide else pa.decimal128(dtype.precision, dtype.scale))
        try:
            return array.cast(DECIMAL)
        except pa.ArrowInvalid:  # more digits than are held anywhere: text loses none
            return _digits(array)

    def _temporal(self, array: pa.Array) -> pa.Array:
        dtype = array.type
        if pa.types.is_timestamp(dtype):
            return self._timestamp(array)
        if pa.types.is_date(dtype):
            days = array.cast(pa.date32(), safe=False)
            return self._between(days, pa.int32(), FIRST // DAY, LAST // DAY)
        if pa.types.is_time(dtype):
            unit = UNITS[dtype.unit]
            raw = pa.int32() if pa.types.is_time32(dtype) else pa.int64()
            return self._between(array, raw, 0, DAY * unit - 1).cast(pa.time64("us"), safe=False)
        if pa.types.is_duration(dtype):
            most = LAST * UNITS[dtype.unit] if dtype.unit != "ns" else 2**63 - 1
            return self._between(array, pa.int64(), -most, most).cast(pa.duration("us"), safe=False)
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())

    def _timestamp(self, array: pa.Array) -> pa.Array:
        """Return instants in UTC, and local times without a zone, in microseconds."""
        dtype = array.type
        local = array.cast(pa.int64()).cast(pa.timestamp(dtype.unit))  # no zone has to be known
        if dtype.unit == "ns":
            local = pc.floor_temporal(local, unit="microsecond")
        else:
            unit = UNITS[dtype.unit]
            local = self._between(local, pa.int64(), FIRST * unit, (LAST + 1) * unit - 1)
        plain = local.cast(pa.timestamp("us"), safe=False)
        return plain if dtype.tz is None else plain.cast(pa.int64()).cast(pa.timestamp("us", "UTC"))

    def _between(self, array: pa.Array, raw: pa.DataType, first: int, last: int) -> pa.Array:
        return self.within(array, array.cast(raw), first, last)

    def within(self, array: pa.Array, numbers: pa.Array, first: int, last: int) -> pa.Array:
        """Return `array` without the values that no date or time of Python has, as their `numbers` say."""
        bounds = pc.min_max(numbers).as_py()
        if bounds["min"] is None or (bounds["min"] >= first and bounds["max"] <= last):
            return array
        self.faults[BAD_TIME] = None
        fits = pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last))
        return pc.if_else(fits, array, pa.scalar(None, array.type))


def entries(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return where the elements of each list are, and those that are used; maps have key and value."""
    dtype = array.type
    if pa.types.is_fixed_size_list(dtype):
        lengths = np.where(array.is_valid().to_numpy(zero_copy_only=False), dtype.list_size, 0)
        return pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32()), array.flatten()
    if not (pa.types.is_list(dtype) or pa.types.is_large_list(dtype) or pa.types.is_map(dtype)):
        array = array.cast(pa.list_(dtype.value_field))  # views of lists
    offsets = array.offsets
    start, end = (offsets[0].as_py(), offsets[-1].as_py()) if len(offsets) else (0, 0)
    if pa.types.is_map(dtype):
        parts = [array.keys.slice(start, end - start), array.items.slice(start, end - start)]
        values: pa.Array = pa.StructArray.from_arrays(parts, names=["key", "value"])
    else:
        values = array.values.slice(start, end - start)
    return pc.subtract(offsets, start).cast(pa.int32()), values


def decoded_bytes(array: pa.Array) -> int:
    """Return how many bytes the text and bytes in the dictionaries of `array` become."""
    parts = ((pc.binary_length(part.dictionary).cast(pa.int64()), part.indices) for part in _packed(array))
    return sum(pc.sum(pc.take(lengths, indices)).as_py() or 0 for lengths, indices in parts)


def longest_word(array: pa.Array) -> int:
    """Return how many bytes the longest text or bytes in the dictionaries of `array` have."""
    lengths = (pc.max(pc.binary_length(part.dictionary)).as_py() or 0 for part in _packed(array))
    return max(lengths, default=0)


def _packed(array: pa.Array) -> Iterator[pa.DictionaryArray]:
    """Yield what has a dictionary of text or bytes in `array`."""
    dtype = array.type
    if isinstance(dtype, pa.BaseExtensionType):
        yield from _packed(array.storage)
    elif pa.types.is_struct(dtype):
        for part in array.flatten():
            yield from _packed(part)
    elif _is_list(dtype) or pa.types.is_map(dtype):
        yield from _packed(entries(array)[1])
    elif pa.types.is_dictionary(dtype) and (dtype.value_type in _TEXTS or _is_bytes(dtype.value_type)):
        yield array


def uuids(array: pa.Array) -> pa.StringArray:
    """Return the text of UUIDs in 16 bytes each."""
    digits = (None if value is None else value.hex() for value in array.to_pylist())
    pairs = list(zip((0, *_HEX), (*_HEX, None), strict=True))
    texts = (each and "-".join(each[start:end] for start, end in pairs) for each in digits)
    return pa.array(texts, pa.string())


def unique(names: Iterable[str]) -> list[str]:
    """Return `names`, a second one of the same words with ``_2`` behind it."""
    found: dict[str, None] = {}
    for name in names:
        number, fresh = 1, name
        while fresh in found:
            number += 1
            fresh = f"{name}_{number}"
        found[fresh] = None
    return list(found)


_TEXTS = {pa.string(), pa.large_string(), pa.string_view()}
_WIDTH = 38  # digits that 128 bits hold


def _digits(array: pa.Array) -> pa.StringArray:
    """Return decimals as text; pyarrow 17 writes ``1.E-40``."""
    return pc.replace_substring(array.cast(pa.string()), pattern=".E", replacement="E")


def _is_list(dtype: pa.DataType) -> bool:
    kinds = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(kind(dtype) for kind in kinds)


def _is_bytes(dtype: pa.DataType) -> bool:
    return pa.types.is_fixed_size_binary(dtype) or dtype in (pa.binary(), pa.large_binary(), pa.binary_view())


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
