"""The functions on collections: existence, filters and projections, subsets, combinations, the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.children import all_children
from lro_notebook.fhirpath.function import (
    PROJECTED,
    SAME,
    Function,
    Items,
    On,
    boolean,
    distinct,
    identity,
    one,
    truth,
    within,
)
from lro_notebook.fhirpath.values import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

#: Limit of the elements that repeat() and descendants() visit.
MAX_ELEMENTS = 100_000


def _where(items: Items, criteria: On) -> Items:
    return [item for index, item in enumerate(items) if truth(criteria([item], index))]


def _exists(items: Items, criteria: On | None = None) -> Items:
    return boolean(bool(items if criteria is None else _where(items, criteria)))


def _all(items: Items, criteria: On) -> Items:
    return boolean(len(_where(items, criteria)) == len(items))


def _select(items: Items, projection: On) -> Items:
    return [result for index, item in enumerate(items) for result in projection([item], index)]


def _iif(items: Items, criterion: On, result: On, otherwise: On | None = None) -> Items:
    if truth(criterion(items)):
        return result(items)
    return [] if otherwise is None else otherwise(items)


def _repeat(items: Items, projection: On) -> Items:
    """Return what `projection` gives on `items`, and again on its results; each value once."""
    results: Items = []
    seen: set[Hashable] = set()
    queue, visited = items, 0
    while queue:
        new: Items = []
        for index, item in enumerate(queue):
            given = projection([item], index)
            visited += len(given)
            _check_size(visited)
            for child in given:
                if (value := identity(child)) not in seen:
                    seen.add(value)
                    new.append(child)
        results += new
        queue = new
    return results


def _check_size(count: int) -> None:
    if count > MAX_ELEMENTS:
        raise ResultError(f"repeat() and descendants() visit at most {MAX_ELEMENTS} elements")


def _aggregate(items: Items, aggregator: On, init: Items | None = None) -> Items:
    total = init or []
    for index, item in enumerate(items):
        total = aggregator([item], index, total)
    return total


def _descendants(items: Items) -> Items:
    below: Items = []
    queue = items
    while queue:
        queue = [child for item in queue for child in all_children(item)]
        below += queue
        _check_size(len(below))
    return below


def _flags(name: str, decide: Callable[[list[bool]], bool]) -> Callable[[Items], Items]:
    def run(items: Items) -> Items:
        if not all(isinstance(item.value, bool) for item in items):
            raise ResultError(f"{name}() needs booleans")
        return boolean(decide([item.value for item in items]))

    return run


def _not(items: Items) -> Items:
    value = truth(items)
    return boolean(None if value is None else not value)


def _subset(items: Items, other: Items) -> Items:
    return boolean(all(within(item, other) for item in items))


def _row(
    name: str, run: Callable[..., Items], *arguments: Any, elements: bool = True, **more: Any
) -> Function:
    return Function(name, run, arguments, elements=elements, **more)


ROWS = (
    # existence
    _row("exists", _exists, "expression", min_arguments=0, gives="boolean", views=True),
    _row("all", _all, "expression", gives="boolean", views=True),
    _row("empty", lambda items: boolean(not items), gives="boolean", views=True),
    _row("not", _not, gives="boolean", views=True),
    _row("count", lambda items: [Item(len(items), "integer")], gives="integer", views=True),
    _row("allTrue", _flags("allTrue", all), gives="boolean", elements=False),
    _row("anyTrue", _flags("anyTrue", any), gives="boolean", elements=False),
    _row("allFalse", _flags("allFalse", lambda flags: not any(flags)), gives="boolean", elements=False),
    _row("anyFalse", _flags("anyFalse", lambda flags: not all(flags)), gives="boolean", elements=False),
    _row("subsetOf", _subset, "collection", gives="boolean"),
    _row("supersetOf", lambda items, other: _subset(other, items), "collection", gives="boolean"),
    _row("distinct", distinct, gives=SAME, views=True),
    _row("isDistinct", lambda items: boolean(len(distinct(items)) == len(items)), gives="boolean"),
    # filters and projections
    _row("where", _where, "expression", gives=SAME, views=True),
    _row("select", _select, "expression", gives=PROJECTED, views=True),
    _row("repeat", _repeat, "expression"),
    _row("iif", _iif, "expression", "expression", "expression", min_arguments=2, views=True),
    _row("aggregate", _aggregate, "expression", "collection", min_arguments=1),
    _row("trace", lambda items, _, __=None: items, "value", "expression", min_arguments=1, gives=SAME),
    # parts
    _row("single", lambda items: [one(items, "single()")] if items else [], gives=SAME, views=True),
    _row("first", lambda items: items[:1], gives=SAME, views=True),
    _row("last", lambda items: items[-1:], gives=SAME, views=True),
    _row("tail", lambda items: items[1:], gives=SAME, views=True),
    _row("skip", lambda items, number: items[max(number, 0) :], "value", gives=SAME, views=True),
    _row("take", lambda items, number: items[: max(number, 0)], "value", gives=SAME, views=True),
    _row(
        "intersect",
        lambda items, other: distinct([item for item in items if within(item, other)]),
        "collection",
        gives=SAME,
    ),
    _row(
        "exclude",
        lambda items, other: [item for item in items if not within(item, other)],
        "collection",
        gives=SAME,
    ),
    # combinations
    _row("union", lambda items, other: distinct([*items, *other]), "collection"),
    _row("combine", lambda items, other: [*items, *other], "collection"),
    # the tree
    _row("children", lambda items: [child for item in items for child in all_children(item)]),
    _row("descendants", _descendants),
)
