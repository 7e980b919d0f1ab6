"""The children of an element as JSON has them: one by its name, through choices of types, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.fhirpath.fhir_types import DATES, SUFFIXES
from lro_notebook.fhirpath.values import Item, exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.fhirpath.function import Items


def child_finder(name: str) -> Callable[[dict[str, Any], Items], None]:
    """Return what adds the children `name` of an element to a list; ``value`` is also ``valueQuantity``."""
    choices = {name + suffix: kind for suffix, kind in SUFFIXES.items()}
    own = "date" if name in DATES else None

    def find(parent: dict[str, Any], found: Items) -> None:
        if name in parent:
            add(parent[name], own, found)
            return
        for key, value in parent.items():
            if key in choices:
                add(value, choices[key], found)

    return find


def all_children(parent: Any) -> Items:  # noqa: ANN401 - any JSON value
    """Return all children of an element, in their order; those of a primitive, none."""
    found: Items = []
    if isinstance(parent, dict):
        for key, value in parent.items():
            if key != "resourceType" and key[:1] != "_":
                add(value, "date" if key in DATES else None, found)
    return found


def add(value: Any, kind: str | None, found: Items) -> None:  # noqa: ANN401 - any JSON value
    """Add a JSON value, or each of a list, to `found`; floats as the decimals that they stand for."""
    for part in value if isinstance(value, list) else (value,):
        if part is not None:
            found.append(Item(exact(part) if type(part) is float else part, kind))
