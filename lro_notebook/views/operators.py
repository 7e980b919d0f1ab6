"""The operators of FHIRPath on Arrow arrays. Null is the empty collection, so logic has three values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.infer_schema import DECIMAL
from lro_notebook.views.collection import Collection, NotCompiledError

_COMPARED = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_DIGITS = 15  # of a decimal that a double holds exactly enough to compare with


def truth(collection: Collection) -> pa.Array:
    """Return the Boolean of each row; any other single value counts as true."""
    collection = collection.valued()
    if collection.most() > 1:
        raise NotCompiledError("a condition with several values")
    values = collection.singles()
    if pa.types.is_boolean(values.type):
        return values
    if pa.types.is_null(values.type):
        return values.cast(pa.bool_())
    return pc.if_else(values.is_valid(), True, None)  # noqa: FBT003 - the value


def logic(sign: str, left: pa.Array, right: pa.Array) -> pa.Array:
    """Return ``left and right`` and the like."""
    if sign == "and":
        return pc.and_kleene(left, right)
    if sign == "xor":
        return pc.xor(left, right)
    return pc.or_kleene(pc.invert(left) if sign == "implies" else left, right)


def compared(sign: str, left: Any, right: Any, *, plain: bool, rows: int) -> pa.Array:
    """Return ``left = right`` and the like, of collections or constants.

    `plain` says that text is text, and no date.
    """
    several = None
    sides = []
    for side, other in ((left, right), (right, left)):
        if not isinstance(side, Collection):
            sides.append(side)
            continue
        values = side.valued()
        if values.most() > 1:
            if sign not in ("=", "!=") or isinstance(other, Collection):
                raise NotCompiledError("comparing several values")
            several = pa.array(values.counts() > 1)
        sides.append(values.singles())
    answer = _answers(sign, sides, plain=plain, rows=rows)
    return (
        answer if several is None else pc.if_else(several, sign == "!=", answer)
    )  # one is never equal to several


def _answers(sign: str, sides: list[Any], *, plain: bool, rows: int) -> pa.Array:
    kinds = [_kind(side) for side in sides]
    if None in kinds or (kinds[0] == kinds[1] == "boolean" and sign not in ("=", "!=")):
        return pa.nulls(rows, pa.bool_())
    if kinds[0] != kinds[1]:
        known = _valid(sides[0], rows), _valid(sides[1], rows)
        differ = pa.scalar(sign == "!=" if sign in ("=", "!=") else None, pa.bool_())
        return pc.if_else(pc.and_(*known), differ, pa.scalar(None, pa.bool_()))
    if kinds[0] == "parts" or (kinds[0] == "text" and not plain):
        raise NotCompiledError("comparing what may be dates" if kinds[0] == "text" else "comparing elements")
    if kinds[0] == "number":
        sides = _numbers(sides)
    answer = _COMPARED[sign](*sides)
    return pa.repeat(answer, rows) if isinstance(answer, pa.Scalar) else answer


def _valid(side: Any, rows: int) -> pa.Array:
    return side.is_valid() if isinstance(side, pa.Array) else pa.repeat(True, rows)  # noqa: FBT003 - the value


def _kind(side: Any) -> str | None:
    kind = side.type if isinstance(side, pa.Array) else None
    if kind is None:
        return "boolean" if isinstance(side, bool) else "text" if isinstance(side, str) else "number"
    if pa.types.is_null(kind):
        return None
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_string(kind):
        return "text"
    return "parts" if pa.types.is_nested(kind) else "number"


def _numbers(sides: list[Any]) -> list[Any]:
    """Return `sides` as numbers that Arrow compares with each other exactly."""
    types = [side.type for side in sides if isinstance(side, pa.Array)]
    wanted = DECIMAL if any(map(pa.types.is_decimal, types)) else pa.float64()
    if all(map(pa.types.is_integer, types)) and not any(isinstance(side, Decimal) for side in sides):
        return [side if isinstance(side, pa.Array) else _constant(side, pa.int64()) for side in sides]
    return [side.cast(wanted) if isinstance(side, pa.Array) else _constant(side, wanted) for side in sides]


def _constant(value: int | Decimal, wanted: pa.DataType) -> pa.Scalar:
    if wanted == pa.float64() and len(Decimal(value).as_tuple().digits) > _DIGITS:
        raise NotCompiledError("a constant with many digits")
    try:
        return pa.scalar(float(value) if wanted == pa.float64() else value, wanted)
    except (pa.ArrowInvalid, OverflowError) as error:
        raise NotCompiledError("a constant with many digits") from error


def arithmetic(sign: str, left: Collection, right: Collection) -> pa.Array:
    """Return ``left + right`` and the like of whole numbers, and of text with ``+``."""
    left, right = left.valued(), right.valued()
    if left.most() > 1 or right.most() > 1:
        raise NotCompiledError("arithmetic with several values")
    one, other = left.singles(), right.singles()
    if pa.types.is_null(one.type) or pa.types.is_null(other.type):
        return pa.nulls(len(one))
    if sign == "+" and pa.types.is_string(one.type) and pa.types.is_string(other.type):
        return pc.binary_join_element_wise(one, other, "")
    if not (pa.types.is_int64(one.type) and pa.types.is_int64(other.type)):
        raise NotCompiledError("arithmetic with fractions")
    try:
        return {"+": pc.add_checked, "-": pc.subtract_checked, "*": pc.multiply_checked}[sign](one, other)
    except pa.ArrowInvalid as error:
        raise NotCompiledError("numbers past 64 bits") from error
