"""The functions on a number; abs() also takes a Quantity, which keeps its unit."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.function import SAME, Function, Items, one
from lro_notebook.fhirpath.units import Quantity
from lro_notebook.fhirpath.values import MAX_PLACES, Item, is_number

if TYPE_CHECKING:
    from collections.abc import Callable

_CONTEXT = Context(prec=28)
_EXACT = Context(prec=80)
_INT64 = range(-(2**63), 2**63)


def _on_number(name: str, change: Callable[..., Any], *, quantities: bool = False) -> Callable[..., Items]:
    """Return a function of one number as a function of collections."""

    def run(items: Items, *arguments: Any) -> Items:
        if not items:
            return []
        value, type_, _ = one(items, f"{name}()")
        if quantities and isinstance(value, Quantity):
            return [Item(value._replace(value=Decimal(change(value.value, *arguments))), type_)]
        if not all(is_number(number) for number in (value, *arguments)):
            raise ResultError(f"{name}() needs a number")
        result = change(value, *arguments)
        return [] if result is None else [Item(result)]

    return run


def _whole(rounding: str) -> Callable[[int | Decimal], int]:
    return lambda number: int(_EXACT.quantize(Decimal(number).to_integral_value(rounding), Decimal(1)))


def _round(number: int | Decimal, precision: int | Decimal = 0) -> Decimal:
    if not isinstance(precision, int) or not 0 <= precision <= MAX_PLACES:
        raise ResultError(f"round() takes a precision of 0 to {MAX_PLACES}")
    return Decimal(number).quantize(Decimal(1).scaleb(-precision), ROUND_HALF_UP, _EXACT)


def _log(number: int | Decimal, base: int | Decimal) -> Decimal | None:
    top, bottom = _ln(number), _ln(base)
    return None if top is None or not bottom else _CONTEXT.divide(top, bottom)


def _ln(number: int | Decimal) -> Decimal | None:
    return _CONTEXT.ln(Decimal(number)) if number > 0 else None


def _power(number: int | Decimal, exponent: int | Decimal) -> int | Decimal | None:
    base, power = Decimal(number), Decimal(exponent)
    if (base < 0 and power != power.to_integral_value()) or (not base and power < 0):
        return None
    result = _CONTEXT.power(base, power) if base or power else Decimal(1)
    whole = isinstance(number, int) and isinstance(exponent, int) and exponent >= 0
    return int(result) if whole and _INT64[0] <= result <= _INT64[-1] else result


def _sqrt(number: int | Decimal) -> Decimal | None:
    return _CONTEXT.sqrt(Decimal(number)) if number >= 0 else None


def _row(name: str, change: Callable[..., Any], *arguments: Any, **more: Any) -> Function:
    return Function(name, _on_number(name, change, quantities=name == "abs"), arguments, **more)


ROWS = (
    _row("abs", abs, gives=SAME),
    _row("ceiling", _whole(ROUND_CEILING), gives="integer"),
    _row("floor", _whole(ROUND_FLOOR), gives="integer"),
    _row("truncate", _whole(ROUND_DOWN), gives="integer"),
    _row("round", _round, "value", min_arguments=0, gives="decimal"),
    _row("exp", lambda number: _CONTEXT.exp(Decimal(number)), gives="decimal"),
    _row("ln", _ln, gives="decimal"),
    _row("log", _log, "value", gives="decimal"),
    _row("power", _power, "value"),
    _row("sqrt", _sqrt, gives="decimal"),
)
