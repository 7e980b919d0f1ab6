"""The functions that convert a value to another type, and those that tell whether that is possible."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from lro_notebook.fhirpath.function import Function, Items, boolean, one
from lro_notebook.fhirpath.temporal import Moment
from lro_notebook.fhirpath.units import CALENDAR_WORDS, Quantity, calendar, in_basic_units, quantity_of
from lro_notebook.fhirpath.values import Item, calculate, is_number

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE, _FALSE = ({"true", "t", "yes", "y", "1", "1.0"}, {"false", "f", "no", "n", "0", "0.0"})
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-z]+))?", re.ASCII)


def _to_string(items: Items) -> Items:
    if not items:
        return []
    value = one(items, "toString()").value
    if isinstance(value, Quantity):
        unit = value.unit if value.calendar else f"'{value.unit}'"
        return [Item(f"{value.value:f} {unit}", "string")]
    if isinstance(value, dict):
        return []
    return [Item(str(value).lower() if isinstance(value, bool) else str(value), "string")]


def _to_number(number_type: type[int | Decimal], pattern: str) -> Callable[[Items], Items]:
    def convert(items: Items) -> Items:
        if not items:
            return []
        value = one(items, "a conversion").value
        if isinstance(value, bool) or (isinstance(value, int) and number_type is Decimal):
            return [Item(number_type(value))]
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            return []
        try:
            return [Item(number_type(value))] if isinstance(value, str | number_type) else []
        except (InvalidOperation, ValueError):  # more digits than a number can have
            return []

    return convert


def _to_boolean(items: Items) -> Items:
    if not items:
        return []
    value = one(items, "toBoolean()").value
    word = value.lower() if isinstance(value, str) else value
    if isinstance(word, bool) or (is_number(word) and word in (0, 1)):
        return boolean(bool(word))
    return boolean(True if word in _TRUE else False if word in _FALSE else None)


def _to_moment(type_: str) -> Callable[[Items], Items]:
    def convert(items: Items) -> Items:
        if not items:
            return []
        value = one(items, "a conversion").value
        moment = Moment.of(value) if isinstance(value, str) else None
        if moment is None or moment.is_time != (type_ == "Time"):
            return []
        return [Item(value.partition("T")[0] if type_ == "Date" else value, type_)]

    return convert


def _to_quantity(items: Items, unit: str | None = None) -> Items:
    if not items:
        return []
    value = one(items, "toQuantity()").value
    quantity = _read_quantity(value) if isinstance(value, str) else quantity_of(_number_of(value))
    if quantity is None:
        return []
    if unit is None:
        return [Item(quantity, "Quantity")]
    wanted = calendar(Decimal(1), unit) if unit in CALENDAR_WORDS else Quantity(Decimal(1), unit)
    (number, measured), (size, same) = in_basic_units(quantity), in_basic_units(wanted)
    if measured != same:
        return []
    return [Item(wanted._replace(value=calculate("/", number, size)), "Quantity")]


def _number_of(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _read_quantity(text: str) -> Quantity | None:
    match = _QUANTITY.fullmatch(text)
    if match is None or (match[3] and match[3] not in CALENDAR_WORDS):
        return None
    number = Decimal(match[1])
    return calendar(number, match[3]) if match[3] else Quantity(number, match[2] or "1")


def _converts(row: Function) -> Function:
    """Return the ``convertsTo…()`` row of a conversion."""

    def run(items: Items, *arguments: Any) -> Items:
        return boolean(bool(row.run(items, *arguments)) if items else None)

    return Function(
        f"convertsT{row.name[1:]}", run, row.arguments, min_arguments=row.min_arguments, gives="boolean"
    )


_TO = (
    Function("toBoolean", _to_boolean, gives="boolean"),
    Function("toInteger", _to_number(int, r"[+-]?\d+"), gives="integer", views=True),
    Function("toDecimal", _to_number(Decimal, r"[+-]?\d+(\.\d+)?"), gives="decimal", views=True),
    Function("toString", _to_string, gives="string", views=True),
    Function("toDate", _to_moment("Date"), gives="date"),
    Function("toDateTime", _to_moment("DateTime"), gives="dateTime"),
    Function("toTime", _to_moment("Time"), gives="time"),
    Function("toQuantity", _to_quantity, ("value",), min_arguments=0, gives="Quantity"),
)
ROWS = (*_TO, *map(_converts, _TO))
