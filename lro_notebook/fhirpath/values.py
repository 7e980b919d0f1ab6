"""Single values in FHIRPath: equality, order, arithmetic, bounds of numbers.

None stands for the empty collection: the result is unknown, or not defined for these types.
"""

from __future__ import annotations

import operator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.fhirpath.date_arithmetic import add_duration
from lro_notebook.fhirpath.fhir_types import TEMPORAL
from lro_notebook.fhirpath.temporal import compare, looks_like_moment
from lro_notebook.fhirpath.units import Quantity, in_basic_units, quantity_of

if TYPE_CHECKING:
    from collections.abc import Callable

#: Default and maximum number of decimal places of a bound.
DEFAULT_PLACES, MAX_PLACES = 8, 31

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXACT = Context(prec=80)
_QUOTIENT = Context(prec=28)


class Item(NamedTuple):
    """An element of a collection.

    Attributes
    ----------
    value : Any
        Its JSON value; None for a primitive element that has but an id or extensions.
    type : str, optional
        Its type, if known.
    beside : dict, optional
        The id and the extensions of a primitive element, which JSON has beside it: ``_birthDate``.
    """

    value: Any
    type: str | None = None
    beside: dict[str, Any] | None = None

    @property
    def parts(self) -> dict[str, Any]:
        """What holds its children; empty for a primitive without an id and extensions."""
        return self.value if isinstance(self.value, dict) else self.beside or {}


def is_number(value: object) -> bool:
    """Tell whether `value` is an integer or a decimal; booleans are neither."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def exact(number: Any) -> Any:
    """Return a float as the decimal that it is written as; other values unchanged."""
    return Decimal(repr(number)) if type(number) is float else number


def _temporal(left: Item, right: Item) -> bool:
    """Tell whether to compare two texts as dates: by their type if known, or else by their form."""
    known = [item.type for item in (left, right) if item.type is not None]
    if any(name in TEMPORAL for name in known):
        return all(name in TEMPORAL for name in known)
    return not known and looks_like_moment(left.value) and looks_like_moment(right.value)


def equal(left: Item, right: Item) -> bool | None:
    """Return ``left = right``; elements without a value are equal if what is beside them is."""
    one, other = left.value, right.value
    if one is None or other is None:
        return one is other and left.beside == right.beside
    if isinstance(one, str) and isinstance(other, str):
        if one == other or not _temporal(left, right):
            return one == other
        order = compare(one, other)
        return None if order is None else order == 0
    if is_number(one) and is_number(other):
        return bool(one == other)
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        pair = _quantities(one, other)
        return None if pair is None else pair[0] == pair[1]
    return type(one) is type(other) and bool(one == other)


def _quantities(one: object, other: object) -> tuple[Decimal, Decimal] | None:
    """Return both as numbers in the same unit; None if their units differ in dimension."""
    left, right = quantity_of(one), quantity_of(other)
    if left is None or right is None:
        return None
    (first, unit), (second, same) = in_basic_units(left), in_basic_units(right)
    return (first, second) if unit == same else None


def ordered(sign: str, left: Item, right: Item) -> bool | None:
    """Return ``left < right`` and the like; None for values without an order."""
    one, other = left.value, right.value
    if is_number(one) and is_number(other):
        return _ORDERS[sign](one, other)
    if isinstance(one, str) and isinstance(other, str):
        if not _temporal(left, right):
            return _ORDERS[sign](one, other)
        order = compare(one, other)
        return None if order is None else _ORDERS[sign](order, 0)
    if isinstance(one, Quantity | dict) and isinstance(other, Quantity | dict):
        pair = _quantities(one, other)
        return None if pair is None else _ORDERS[sign](*pair)
    return None


def calculate(sign: str, one: Any, other: Any) -> Any:
    """Return the result of an arithmetic operator; None if there is none, as in division by zero."""
    if sign == "+" and isinstance(one, str) and isinstance(other, str):
        return one + other
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        return _calculate_quantity(sign, one, other)
    if not (is_number(one) and is_number(other)):
        return None
    if sign in ("/", "div", "mod"):
        return _divide(sign, one, other) if other else None
    exact = {"+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply}[sign](Decimal(one), Decimal(other))
    return int(exact) if isinstance(one, int) and isinstance(other, int) else exact


def _calculate_quantity(sign: str, one: Any, other: Any) -> Any:
    """Return a quantity, or a date or time plus or minus a duration."""
    if isinstance(one, str):
        amount = {"+": other.value, "-": -other.value}.get(sign)
        return None if amount is None else add_duration(one, amount, other.unit)
    left, right = quantity_of(one), quantity_of(other)
    if left is None or right is None:
        return None
    if sign in ("*", "/") and "1" in (left.unit, right.unit)[sign == "/" :]:
        number = calculate(sign, left.value, right.value)
        unit = right if left.unit == "1" else left
        return None if number is None else unit._replace(value=Decimal(number))
    pair = _quantities(left, right)
    if sign == "/" and pair is not None:
        number = calculate(sign, *pair)
        return None if number is None else Quantity(number)
    if sign in ("+", "-") and (left.unit, left.calendar) == (right.unit, right.calendar):
        return left._replace(value=calculate(sign, left.value, right.value))
    return None


def _divide(sign: str, one: int | Decimal, other: int | Decimal) -> int | Decimal:
    if sign == "/":
        return _QUOTIENT.divide(Decimal(one), Decimal(other))
    whole = _EXACT.divide_int(Decimal(one), Decimal(other))
    if sign == "div":
        return int(whole)
    rest = _EXACT.subtract(Decimal(one), _EXACT.multiply(whole, Decimal(other)))
    return int(rest) if isinstance(one, int) and isinstance(other, int) else rest


def decimal_boundary(number: int | Decimal, *, high: bool, precision: int | None = None) -> Decimal | None:
    """Return the smallest or largest number that rounds to `number` at the precision it was written with.

    `precision` is the number of decimal places of the result; returns None if it is out of range.
    """
    places = DEFAULT_PLACES if precision is None else precision
    if not 0 <= places <= MAX_PLACES:
        return None
    value = Decimal(number)
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb(min(int(exponent), 0) - 1)
    bound = _EXACT.add(value, half if high else -half)
    rounding = ROUND_CEILING if high else ROUND_FLOOR
    return bound.quantize(Decimal(1).scaleb(-places), rounding=rounding, context=_EXACT)
