"""The functions of FHIR: types, extensions, references, bounds of values, the time now, keys of views."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.fhir_types import PRIMITIVES, SYSTEM, is_a
from lro_notebook.fhirpath.function import ITS_TYPE, Function, Items, boolean, one, valued
from lro_notebook.fhirpath.temporal import Moment, boundary
from lro_notebook.fhirpath.units import Quantity, quantity_of
from lro_notebook.fhirpath.values import Item, decimal_boundary, is_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from lro_notebook.fhirpath.scope import Scope

#: A relative reference, with or without a version; an absolute one may name a resource of another store.
#: Of a reference: its type, empty where it does not say one (``urn:uuid:…``, in Bundles), and its id.
REFERENCE = (
    r"^(?:(?P<type>[A-Za-z]+)/|urn:(?:uuid|oid):)(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?$"
)
_REFERENCE = re.compile(REFERENCE, re.ASCII)


#: Resource types that are not DomainResources.
_PLAIN = frozenset({"Binary", "Bundle", "Parameters"})
_NAMES = {bool: "Boolean", int: "Integer", str: "String"}


def is_resource(value: dict[str, Any], wanted: str) -> bool:
    """Tell whether an object is a resource of the type `wanted`, which may be Resource or DomainResource."""
    resource_type = value.get("resourceType")
    if wanted in ("Resource", "DomainResource"):
        return resource_type is not None and (wanted == "Resource" or resource_type not in _PLAIN)
    return bool(resource_type == wanted)


def is_type(item: Item, wanted: str) -> bool:
    """Tell whether `item` is of the type `wanted`; if its type is unknown, whether it can be."""
    value = item.value
    if item.type is not None and item.type not in SYSTEM:
        return is_a(item.type, wanted) or _is_system(value, wanted)
    if isinstance(value, dict):
        primitive = wanted in PRIMITIVES or wanted in SYSTEM
        return is_resource(value, wanted) if "resourceType" in value else not primitive
    if isinstance(value, Quantity):
        return wanted == "Quantity"
    if value is None:
        return wanted in PRIMITIVES
    json_type = PRIMITIVES.get(wanted)
    return _is_system(value, wanted) or (json_type is not None and _fits(value, json_type))


def _is_system(value: object, wanted: str) -> bool:
    json_type = SYSTEM.get(wanted)
    return json_type is not None and _fits(value, json_type)


def _fits(value: object, json_type: str) -> bool:
    if json_type == "boolean":
        return isinstance(value, bool)
    if json_type == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return is_number(value) if json_type == "decimal" else isinstance(value, str)


def _extension(items: Items, url: str) -> Items:
    extensions = [part for item in items for part in item.parts.get("extension") or ()]
    return [
        Item(part, "Extension") for part in extensions if isinstance(part, dict) and part.get("url") == url
    ]


def _as(items: Items, wanted: str) -> Items:
    return [item for item in items if is_type(item, wanted)]


def _is(items: Items, wanted: str) -> Items:
    return boolean(is_type(one(items, "is"), wanted)) if items else []


def _type(items: Items) -> Items:
    return [Item(dict(zip(("namespace", "name"), _type_of(item), strict=True))) for item in items]


def _type_of(item: Item) -> tuple[str, str]:
    value, type_, _ = item
    if type_ is not None:
        return ("System" if type_ in SYSTEM else "FHIR", type_)
    if isinstance(value, dict):
        return ("FHIR", str(value.get("resourceType", "Element")))
    if value is None:
        return ("FHIR", "Element")
    return ("System", "Quantity" if isinstance(value, Quantity) else _NAMES.get(type(value), "Decimal"))


def _resolve(scope: Scope, items: Items) -> Items:
    resources = []
    for item in items:
        text = item.value.get("reference") if isinstance(item.value, dict) else item.value
        resource = _resolved(scope, text) if isinstance(text, str) else None
        if resource is not None:
            resources.append(Item(resource))
    return resources


def _resolved(scope: Scope, text: str) -> dict[str, Any] | None:
    if not text.startswith("#"):
        return None if scope.resolve is None else scope.resolve(text)
    root = scope.resource.value
    if text == "#":
        return root if isinstance(root, dict) else None
    contained = root.get("contained") if isinstance(root, dict) else None
    parts = contained if isinstance(contained, list) else []
    return next((part for part in parts if isinstance(part, dict) and part.get("id") == text[1:]), None)


def _get_value(items: Items) -> Items:
    return valued(items) if len(items) == 1 and not isinstance(items[0].value, dict) else []


def _resource_key(items: Items) -> Items:
    keys = [item.value.get("id") for item in items if isinstance(item.value, dict)]
    return [Item(key, "string") for key in keys if key is not None]


def _reference_key(items: Items, wanted: str | None = None) -> Items:
    keys: Items = []
    for item in items:
        text = item.value.get("reference") if isinstance(item.value, dict) else None
        match = _REFERENCE.match(text) if isinstance(text, str) else None
        if match and (wanted is None or match["type"] in (None, wanted)):
            keys.append(Item(match["id"], "string"))
    return keys


def _with_value(quantity: Any, number: Decimal) -> Any:
    if isinstance(quantity, Quantity):
        return quantity._replace(value=number)
    return {**quantity, "value": number}


def _boundary(*, high: bool) -> Callable[..., Items]:
    name = "highBoundary" if high else "lowBoundary"

    def bound(items: Items, precision: int | None = None) -> Items:
        if not items:
            return []
        value, type_, _ = one(items, f"{name}()")
        if is_number(value):
            number = decimal_boundary(value, high=high, precision=precision)
            return [] if number is None else [Item(number, "decimal")]
        if isinstance(value, str) and Moment.of(value):
            text = boundary(value, type_ or "dateTime", high=high, precision=precision)
            return [] if text is None else [Item(text, type_)]
        quantity = quantity_of(value)
        if quantity is not None:
            number = decimal_boundary(quantity.value, high=high, precision=precision)
            return [] if number is None else [Item(_with_value(value, number), type_)]
        if not isinstance(value, dict) or "value" in value:
            raise ResultError(f"{name}() needs a number, a date or a time")
        edge = value.get("end" if high else "start")  # a Period
        return [] if edge is None else bound([Item(edge, "dateTime")], precision)

    return bound


def _moment(type_: str, start: int = 0, end: int | None = None) -> Callable[[Scope, Items], Items]:
    """Return a function that gives a part of the current time in ISO 8601."""

    def tell(scope: Scope, _: Items) -> Items:
        return [Item(scope.now.isoformat(timespec="milliseconds")[start:end], type_)]

    return tell


ROWS = (
    Function("is", _is, ("type",), gives="boolean", elements=True, views=True),
    Function("as", _as, ("type",), gives=ITS_TYPE, elements=True, views=True),
    Function("ofType", _as, ("type",), gives=ITS_TYPE, elements=True, views=True),
    Function("type", _type, elements=True),
    Function("extension", _extension, ("value",), reads=("extension", "url"), elements=True, views=True),
    Function(
        "hasValue", lambda items: boolean(bool(_get_value(items))), gives="boolean", elements=True, views=True
    ),
    Function("getValue", _get_value, elements=True),
    Function("resolve", _resolve, reads=("reference",), scoped=True),
    Function("lowBoundary", _boundary(high=False), ("value",), min_arguments=0, views=True),
    Function("highBoundary", _boundary(high=True), ("value",), min_arguments=0, views=True),
    Function("now", _moment("DateTime"), scoped=True, gives="dateTime"),
    Function("today", _moment("Date", 0, 10), scoped=True, gives="date"),
    Function("timeOfDay", _moment("Time", 11, 23), scoped=True, gives="time"),
    Function("getResourceKey", _resource_key, gives="string", reads=("id",), views=True, standard=False),
    Function(
        "getReferenceKey",
        _reference_key,
        ("type",),
        min_arguments=0,
        gives="string",
        reads=("reference",),
        views=True,
        standard=False,
    ),
)
