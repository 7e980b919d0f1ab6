"""The FHIRPath functions of views, on collections of Python's JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.fhir_types import PRIMITIVES, SYSTEM, is_a
from lro_notebook.fhirpath.temporal import Moment, boundary
from lro_notebook.fhirpath.values import Item, decimal_boundary, equal, is_number

Items: TypeAlias = list[Item]
#: Evaluates an argument on a focus.
On: TypeAlias = Callable[[Any, Items], Items]

#: A relative reference, with or without a version. Absolute ones name what may be in another store.
REFERENCE = r"^(?P<type>[A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$"
_REFERENCE = re.compile(REFERENCE, re.ASCII)


def one(items: Items, what: str) -> Item:
    """Return the single element of `items`."""
    if len(items) > 1:
        raise ResultError(f"{what} takes one value, not {len(items)}; .first() or an index picks one")
    return items[0]


def truth(items: Items) -> bool | None:
    """Return the one Boolean of `items`; any other single value is true, as FHIRPath has it."""
    if not items:
        return None
    value = one(items, "a condition").value
    return value if isinstance(value, bool) else True


def boolean(value: bool | None) -> Items:  # noqa: FBT001 - it is the value
    """Return `value` as a collection, empty where it is not known."""
    return [] if value is None else [Item(value, "boolean")]


def distinct(items: Items) -> Items:
    """Return `items` without those that equal an earlier one."""
    found: Items = []
    for item in items:
        if not any(equal(item, other) for other in found):
            found.append(item)
    return found


def is_type(item: Item, wanted: str) -> bool:
    """Tell whether `item` is of the type `wanted`; what is not known of it counts for it."""
    value = item.value
    if item.type is not None and item.type not in SYSTEM:
        return is_a(item.type, wanted) or _is_system(value, wanted)
    if isinstance(value, dict):
        primitive = wanted in PRIMITIVES or wanted in SYSTEM
        return wanted == value["resourceType"] if "resourceType" in value else not primitive
    kind = PRIMITIVES.get(wanted)
    return _is_system(value, wanted) or (kind is not None and _fits(value, kind))


def _is_system(value: object, wanted: str) -> bool:
    kind = SYSTEM.get(wanted)
    return kind is not None and _fits(value, kind)


def _fits(value: object, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return is_number(value) if kind == "decimal" else isinstance(value, str)


def _where(items: Items, arguments: Sequence[Any], on: On) -> Items:
    return [item for item in items if truth(on(arguments[0], [item]))]


def _exists(items: Items, arguments: Sequence[Any], on: On) -> Items:
    return boolean(bool(_where(items, arguments, on) if arguments else items))


def _all(items: Items, arguments: Sequence[Any], on: On) -> Items:
    return boolean(len(_where(items, arguments, on)) == len(items))


def _select(items: Items, arguments: Sequence[Any], on: On) -> Items:
    return [found for item in items for found in on(arguments[0], [item])]


def _iif(items: Items, arguments: Sequence[Any], on: On) -> Items:
    if truth(on(arguments[0], items)):
        return on(arguments[1], items)
    return on(arguments[2], items) if len(arguments) > 2 else []  # noqa: PLR2004 - the else part


#: The functions that evaluate their arguments on each element by themselves.
LAZY: dict[str, Callable[[Items, Sequence[Any], On], Items]] = {
    "all": _all,
    "exists": _exists,
    "iif": _iif,
    "select": _select,
    "where": _where,
}


def _extension(items: Items, url: str) -> Items:
    found = [
        part for item in items if isinstance(item.value, dict) for part in item.value.get("extension") or ()
    ]
    return [Item(part, "Extension") for part in found if isinstance(part, dict) and part.get("url") == url]


def _as(items: Items, wanted: str) -> Items:
    return [item for item in items if is_type(item, wanted)]


def _is(items: Items, wanted: str) -> Items:
    return boolean(is_type(one(items, "is"), wanted)) if items else []


def _join(items: Items, separator: str = "") -> Items:
    texts = [item.value for item in items]
    if not all(isinstance(text, str) for text in texts):
        raise ResultError("join() needs text")
    return [Item(separator.join(texts), "string")]


def _not(items: Items) -> Items:
    value = truth(items)
    return boolean(None if value is None else not value)


def _resource_key(items: Items) -> Items:
    keys = [item.value.get("id") for item in items if isinstance(item.value, dict)]
    return [Item(key, "string") for key in keys if key is not None]


def _reference_key(items: Items, wanted: str | None = None) -> Items:
    found: Items = []
    for item in items:
        text = item.value.get("reference") if isinstance(item.value, dict) else None
        match = _REFERENCE.match(text) if isinstance(text, str) else None
        if match and wanted in (None, match["type"]):
            found.append(Item(match["id"], "string"))
    return found


def _boundary(*, high: bool) -> Callable[..., Items]:
    name = "highBoundary" if high else "lowBoundary"

    def bound(items: Items, precision: int | None = None) -> Items:
        if not items:
            return []
        value, kind = one(items, f"{name}()")
        if is_number(value):
            number = decimal_boundary(value, high=high, precision=precision)
            return [] if number is None else [Item(number, "decimal")]
        if isinstance(value, str) and Moment.of(value):
            text = boundary(value, kind or "dateTime", high=high, precision=precision)
            return [] if text is None else [Item(text, kind)]
        if not isinstance(value, dict):
            raise ResultError(f"{name}() needs a number, a date or a time")
        if "value" in value:  # a Quantity
            number = decimal_boundary(value["value"], high=high, precision=precision)
            return [] if number is None else [Item({**value, "value": number}, kind)]
        edge = value.get("end" if high else "start")  # a Period
        return [] if edge is None else bound([Item(edge, "dateTime")], precision)

    return bound


def _text(name: str, change: Callable[..., Any]) -> Callable[..., Items]:
    """Return a function on one text, or on nothing, as one on collections."""

    def run(items: Items, *arguments: Any) -> Items:  # noqa: ANN401 - as the change takes them
        if not items:
            return []
        value = one(items, f"{name}()").value
        if not isinstance(value, str):
            raise ResultError(f"{name}() needs text")
        result = change(value, *arguments)
        return [] if result is None else [Item(result, "boolean" if isinstance(result, bool) else None)]

    return run


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


def _to_string(items: Items) -> Items:
    if not items:
        return []
    value = one(items, "toString()").value
    if isinstance(value, dict):
        return []
    return [Item(str(value).lower() if isinstance(value, bool) else str(value), "string")]


def _to_number(kind: type[int | Decimal], pattern: str) -> Callable[[Items], Items]:
    def convert(items: Items) -> Items:
        if not items:
            return []
        value = one(items, "a conversion").value
        if isinstance(value, bool) or (isinstance(value, int) and kind is Decimal):
            return [Item(kind(value))]
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            return []
        try:
            return [Item(kind(value))] if isinstance(value, str | kind) else []
        except InvalidOperation:
            return []

    return convert


#: The functions whose arguments are values, or types.
FUNCTIONS: dict[str, Callable[..., Items]] = {
    "as": _as,
    "count": lambda items: [Item(len(items), "integer")],
    "contains": _text("contains", lambda text, part: part in text),
    "distinct": distinct,
    "empty": lambda items: boolean(not items),
    "endsWith": _text("endsWith", str.endswith),
    "extension": _extension,
    "first": lambda items: items[:1],
    "getReferenceKey": _reference_key,
    "getResourceKey": _resource_key,
    "hasValue": lambda items: boolean(len(items) == 1 and not isinstance(items[0].value, dict)),
    "highBoundary": _boundary(high=True),
    "is": _is,
    "join": _join,
    "last": lambda items: items[-1:],
    "length": _text("length", len),
    "lowBoundary": _boundary(high=False),
    "lower": _text("lower", str.lower),
    "matches": _text("matches", lambda text, pattern: re.search(pattern, text, re.DOTALL) is not None),
    "not": _not,
    "ofType": _as,
    "replace": _text("replace", str.replace),
    "single": lambda items: [one(items, "single()")] if items else [],
    "skip": lambda items, number: items[max(number, 0) :],
    "startsWith": _text("startsWith", str.startswith),
    "substring": _text("substring", _substring),
    "tail": lambda items: items[1:],
    "take": lambda items, number: items[: max(number, 0)],
    "toDecimal": _to_number(Decimal, r"[+-]?\d+(\.\d+)?"),
    "toInteger": _to_number(int, r"[+-]?\d+"),
    "toString": _to_string,
    "trim": _text("trim", str.strip),
    "upper": _text("upper", str.upper),
}
