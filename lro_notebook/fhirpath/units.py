"""Quantities: numbers with a unit, converted between units of the same dimension.

A small part of UCUM: the atoms in `_ATOMS` with metric prefixes, their products, quotients and powers.
Other units are compared as text. Calendar years and months have no fixed length, so they convert only to
each other; ``1 year = 1 'a'`` has no result.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

_EXACT = Context(prec=60)
_PREFIXES = {
    "k": 3,
    "h": 2,
    "da": 1,
    "d": -1,
    "c": -2,
    "m": -3,
    "u": -6,
    "µ": -6,
    "n": -9,
    "p": -12,
    "f": -15,
}
#: Unit -> its size in a basic unit, and whether it takes metric prefixes.
_ATOMS: dict[str, tuple[str, str, bool]] = {
    "s": ("s", "1", True),
    "min": ("s", "60", False),
    "h": ("s", "3600", False),
    "d": ("s", "86400", False),
    "wk": ("s", "604800", False),
    "mo": ("s", "2629800", False),
    "a": ("s", "31557600", False),
    "g": ("g", "1", True),
    "t": ("g", "1000000", True),
    "[lb_av]": ("g", "453.59237", False),
    "[oz_av]": ("g", "28.349523125", False),
    "m": ("m", "1", True),
    "[in_i]": ("m", "0.0254", False),
    "[ft_i]": ("m", "0.3048", False),
    "L": ("L", "1", True),
    "l": ("L", "1", True),
    "mol": ("mol", "1", True),
    "eq": ("eq", "1", True),
    "U": ("U", "1", True),
    "[IU]": ("[IU]", "1", True),
    "[iU]": ("[IU]", "1", True),
    "Pa": ("Pa", "1", True),
    "m[Hg]": ("Pa", "133322.387415", True),
    "bar": ("Pa", "100000", True),
    "J": ("J", "1", True),
    "cal": ("J", "4.184", True),
    "%": ("1", "0.01", False),
    "1": ("1", "1", False),
}
#: FHIRPath's words for calendar durations -> basic unit, and how many of it.
_CALENDAR: dict[str, tuple[str, int]] = {
    "year": ("month", 12),
    "month": ("month", 1),
    "week": ("s", 604_800),
    "day": ("s", 86_400),
    "hour": ("s", 3_600),
    "minute": ("s", 60),
    "second": ("s", 1),
}
_TERM = re.compile(r"([./]?)((?:\[[^][]*\]|[^\W\d_]|%)+|1)(-?\d{1,2})?")
CALENDAR_WORDS = frozenset({*_CALENDAR, "millisecond", *(f"{word}s" for word in (*_CALENDAR, "millisecond"))})


class Quantity(NamedTuple):
    """A number with a unit: a UCUM code, or for calendar durations a word such as ``year``."""

    value: Decimal
    unit: str = "1"
    calendar: bool = False


def quantity_of(value: object) -> Quantity | None:
    """Return `value` as a quantity; it may be one, a number, or a FHIR Quantity in JSON. None otherwise."""
    if isinstance(value, Quantity):
        return value
    number: Any = value
    unit: Any = "1"
    if isinstance(value, dict):
        number, unit = value.get("value"), value.get("code") or value.get("unit") or "1"
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal) or not isinstance(unit, str):
        return None
    return Quantity(Decimal(repr(number)) if isinstance(number, float) else Decimal(number), unit)


def calendar(value: Decimal, word: str) -> Quantity:
    """Return a calendar duration such as ``4 days``."""
    word = word.removesuffix("s")
    if word == "millisecond":
        return Quantity(_EXACT.divide(value, Decimal(1000)), "second", calendar=True)
    return Quantity(value, word, calendar=True)


def in_basic_units(quantity: Quantity) -> tuple[Decimal, str]:
    """Return `quantity` as a number of basic units, and the name of that unit."""
    if quantity.calendar:
        name, size = _CALENDAR[quantity.unit]
        return _EXACT.multiply(quantity.value, Decimal(size)), name
    factor, name = _sized(quantity.unit)
    return _EXACT.multiply(quantity.value, factor), name


@lru_cache(maxsize=1024)
def _sized(unit: str) -> tuple[Decimal, str]:
    """Return the size of a unit in basic units, and their name; an unknown unit is its own basic unit."""
    factor, powers, place = Decimal(1), dict[str, int](), 0
    for match in _TERM.finditer(unit):
        sized = _atom(match[2])
        joined = bool(match[1]) if place else match[1] != "."  # "/min" begins with a slash
        if sized is None or match.start() != place or not joined:
            break
        place = match.end()
        power = int(match[3] or 1) * (-1 if match[1] == "/" else 1)
        factor = _EXACT.multiply(factor, _EXACT.power(sized[0], power))
        powers[sized[1]] = powers.get(sized[1], 0) + power
    if place != len(unit) or not unit:
        return Decimal(1), f"{{{unit}}}"
    kept = sorted((name, power) for name, power in powers.items() if power and name != "1")
    return factor, ".".join(f"{name}{power if power != 1 else ''}" for name, power in kept) or "1"


def _atom(text: str) -> tuple[Decimal, str] | None:
    if text in _ATOMS:
        name, size, _ = _ATOMS[text]
        return Decimal(size), name
    for prefix, exponent in _PREFIXES.items():
        found = _ATOMS.get(text.removeprefix(prefix)) if text.startswith(prefix) else None
        if found is not None and found[2]:
            return _EXACT.scaleb(Decimal(found[1]), exponent), found[0]
    return None
