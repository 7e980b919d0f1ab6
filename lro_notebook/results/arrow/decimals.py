"""The narrowest decimal type of a column, with room for arithmetic. Pure.

The result of arithmetic has more digits than its operands: a product those of both and one more, and a whole
number counts as 19. Types of 128 bits end at 38 digits, so columns of more than 18 get 256 bits, which end
at 76.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.infer_schema import DECIMAL

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS_128 = 18
_INTEGER_DIGITS = 20  # of a whole number of 64 bits
_EXACT = Context(prec=76)
#: Arrow divides by a power of ten to take away places. With one of more than 32 bits, it is wrong for some
#: numbers near powers of two (4611686018396697470, from 38 places to 2): a safe cast refuses them, an unsafe
#: one changes them.
_STEP = 9
_SAMPLE = 32  # first values, which mostly have as many places as any


def dtype_of(whole: int, places: int) -> pa.DataType:
    """Return the decimal type with this number of digits before the point, and of places behind it."""
    precision = max(whole + places, 1)
    make = pa.decimal128 if precision <= _DIGITS_128 else pa.decimal256
    return make(precision, places)


def bounds_of(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """Return the least and the greatest number of `column`; zeros where it has none."""
    bounds: Mapping[str, Any] = pc.min_max(column).as_py()
    return (0, 0) if bounds["min"] is None else (bounds["min"], bounds["max"])


def whole_digits(number: int | Decimal) -> int:
    """Return how many digits `number` has before the point; none for a fraction of one."""
    whole = abs(int(number))
    return len(str(whole)) if whole else 0


def least_places(column: pa.ChunkedArray, whole: int, least: int = 0) -> int:
    """Return with how many places behind the point no digit of `column` is lost, `least` or more.

    `whole` is how many digits its numbers have before the point.
    """
    start = max(least, *(_places(value) for value in column.slice(0, _SAMPLE).to_pylist()), 0)
    if start >= column.type.scale or _cast(column, dtype_of(whole, start)) is not None:
        return start
    top, cut = column.type.scale, column
    while top > start:
        low = max(top - _STEP, start)
        less = _cast(cut, dtype_of(whole, low))
        if less is None:
            every = range(top)
            return bisect_left(
                every, 1, low + 1, key=lambda places: _cast(cut, dtype_of(whole, places)) is not None
            )
        top, cut = low, less
    return start


def to_decimals(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.ChunkedArray:
    """Return numbers, or text of numbers, as the decimal type `dtype`, which holds them."""
    places = dtype.scale
    if pa.types.is_string(column.type):
        column = column.cast(DECIMAL)
    if pa.types.is_integer(column.type):  # of which Arrow takes only types with room for any
        column = column.cast(pa.decimal256(_INTEGER_DIGITS + places, places))
    whole = dtype.precision - places
    while (cast := _cast(column, dtype)) is None and column.type.scale - places > _STEP:
        column = column.cast(dtype_of(whole, column.type.scale - _STEP))
    return column.cast(dtype) if cast is None else cast


def _places(value: Decimal | None) -> int:
    return 0 if value is None else max(-int(value.normalize(_EXACT).as_tuple().exponent), 0)


def _cast(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.ChunkedArray | None:
    """Return `column` as `dtype`; None if Arrow refuses it, as it also does with a few numbers that fit."""
    try:
        return column.cast(dtype)
    except pa.ArrowInvalid:
        return None
