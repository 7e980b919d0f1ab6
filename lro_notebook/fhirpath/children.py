"""The children of an element in JSON: by name, with choice elements, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.fhirpath.fhir_types import DATES, SUFFIXES
from lro_notebook.fhirpath.values import Item, exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.fhirpath.function import Items


def child_finder(name: str) -> Callable[[dict[str, Any], Items], None]:
    """Return a function that adds an element's children `name` to a list; ``value`` may be ``valueCode``."""
    choices = {name + suffix: type_ for suffix, type_ in SUFFIXES.items()}
    own = "date" if name in DATES else None

    def find(parent: dict[str, Any], children: Items) -> None:
        if name in parent:
            add(parent[name], own, children)
            return
        for key, value in parent.items():
            if key in choices:
                add(value, choices[key], children)

    return find


def all_children(parent: Any) -> Items:
    """Return all children of an element in their order; a primitive has none."""
    children: Items = []
    if isinstance(parent, dict):
        for key, value in parent.items():
            if key != "resourceType" and key[:1] != "_":
                add(value, "date" if key in DATES else None, children)
    return children


def add(value: Any, type_: str | None, children: Items) -> None:
    """Add a JSON value, or each value of a list, to `children`; floats become exact decimals."""
    for part in value if isinstance(value, list) else (value,):
        if part is not None:
            children.append(Item(exact(part) if type(part) is float else part, type_))
