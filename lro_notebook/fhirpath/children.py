"""The children of an element in JSON: by name, with choice elements, or all of them.

The id and the extensions of a primitive element ``name`` are beside it, under ``_name``; those of a list in a
list, aligned with it by position.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from lro_notebook.fhirpath.fhir_types import DATES, PRIMITIVES, SUFFIXES
from lro_notebook.fhirpath.values import Item, exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.fhirpath.function import Items


def child_finder(name: str) -> Callable[[dict[str, Any], Items], None]:
    """Return a function that adds an element's children `name` to a list; ``value`` may be ``valueCode``."""
    own, beside = "date" if name in DATES else None, f"_{name}"
    choices = {name + suffix: (name + suffix, type_) for suffix, type_ in SUFFIXES.items()}
    choices |= {f"_{key}": (key, type_) for key, type_ in choices.values() if type_ in PRIMITIVES}

    def find(parent: dict[str, Any], children: Items) -> None:
        if name in parent or beside in parent:
            add(parent.get(name), parent.get(beside), own, children)
            return
        for key in parent:
            if key in choices:
                plain, type_ = choices[key]
                add(parent.get(plain), parent.get(f"_{plain}"), type_, children)
                return

    return find


def all_children(parent: Item) -> Items:
    """Return all children of an element in their order; those of a primitive are its id and extensions."""
    children: Items = []
    parts = parent.parts
    for key, value in parts.items():
        if key[:1] != "_":
            if key != "resourceType":
                add(value, parts.get(f"_{key}"), "date" if key in DATES else None, children)
        elif key[1:] not in parts:
            add(None, value, "date" if key[1:] in DATES else None, children)
    return children


def add(value: Any, beside: Any, type_: str | None, children: Items) -> None:
    """Add a JSON value, or each value of a list, to `children`; floats become exact decimals.

    What is `beside` goes with it; without a value, that alone makes an element.
    """
    values = value if isinstance(value, list) else (value,)
    if beside is None:
        for part in values:
            if part is not None:
                children.append(Item(exact(part) if type(part) is float else part, type_))
        return
    for part, more in zip_longest(values, beside if isinstance(beside, list) else (beside,)):
        own = more if isinstance(more, dict) and not isinstance(part, dict | list) else None
        if part is not None or own is not None:
            children.append(Item(exact(part), type_, own))
