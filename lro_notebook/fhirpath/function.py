"""`Function`, a row of the registry, and what the functions share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.temporal import Moment
from lro_notebook.fhirpath.units import Quantity
from lro_notebook.fhirpath.values import Item, equal

Items: TypeAlias = list[Item]
#: Evaluates an argument on a focus, with its index in the collection and the ``$total`` so far.
On: TypeAlias = Callable[..., Items]
#: How a function takes an argument: as a single value (if it is empty, so is the result), as a collection,
#: as an expression to evaluate on each element, or as the name of a type. A pattern is a value that is a
#: regular expression; a constant pattern is checked by the parser.
Argument: TypeAlias = Literal["value", "pattern", "collection", "expression", "type"]

#: Types of results: that of the input, that which the argument names, or that which the argument gives.
SAME, ITS_TYPE, PROJECTED = "(same)", "(type)", "(projected)"


@dataclass(frozen=True, slots=True)
class Function:
    """A function: all that the parser, the interpreter and views know about it.

    Attributes
    ----------
    run : callable
        Takes the collection and the arguments; returns the resulting collection.
    arguments : tuple
        How it takes each argument.
    min_arguments : int, optional
        How many arguments it needs; all by default.
    gives : str, optional
        FHIR type of the result, or `SAME`, `ITS_TYPE`, `PROJECTED`; None if it depends on the data.
    reads : tuple of str
        The field that it reads of each element, and a field below that.
    elements : bool
        `run` takes elements without a value too, which have but an id or extensions; others never see them.
    scoped : bool
        `run` takes the `Scope` first.
    views : bool
        Views can call it.
    standard : bool
        FHIRPath or FHIR defines it; otherwise only views can call it.
    """

    name: str
    run: Callable[..., Items]
    arguments: tuple[Argument, ...] = ()
    min_arguments: int | None = None
    gives: str | None = None
    reads: tuple[str, ...] = ()
    elements: bool = False
    scoped: bool = False
    views: bool = False
    standard: bool = True

    def takes(self, count: int) -> bool:
        """Tell whether it accepts this number of arguments."""
        return (
            (len(self.arguments) if self.min_arguments is None else self.min_arguments)
            <= count
            <= len(self.arguments)
        )

    @property
    def count(self) -> str:
        """How many arguments it takes, in words."""
        maximum = len(self.arguments)
        return str(maximum) if self.min_arguments in (None, maximum) else f"{self.min_arguments} to {maximum}"


def valued(items: Items) -> Items:
    """Return the elements that have a value; primitive ones may have but an id or extensions."""
    if len(items) == 1:  # as most are
        return items if items[0].value is not None else []
    return [item for item in items if item.value is not None]


def one(items: Items, what: str) -> Item:
    """Return the single element of `items`."""
    if len(items) > 1:
        raise ResultError(f"{what} takes one value, not {len(items)}; .first() or an index picks one")
    return items[0]


def truth(items: Items) -> bool | None:
    """Return the boolean in `items`; any other single value is true, as FHIRPath defines."""
    items = valued(items)
    if not items:
        return None
    value = one(items, "a condition").value
    return value if isinstance(value, bool) else True


def boolean(value: bool | None) -> Items:  # noqa: FBT001 - it is the value
    """Return `value` as a collection; empty if it is unknown."""
    return [] if value is None else [Item(value, "boolean")]


def distinct(items: Items) -> Items:
    """Return `items` without those that equal an earlier one."""
    kept: Items = []
    seen: set[Hashable] = set()
    for item in items:
        value = identity(item)
        if value in seen or (_has_other_forms(item.value) and within(item, kept)):
            continue
        seen.add(value)
        kept.append(item)
    return kept


def identity(item: Item) -> Hashable:
    """Return the `key` of an element: of its value, or of what is beside it where it has none."""
    return key(item.beside if item.value is None else item.value)


def key(value: Any) -> Hashable:
    """Return a hashable value, the same for equal values of the same form."""
    if isinstance(value, dict):
        return frozenset((name, key(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(map(key, value))
    return (isinstance(value, bool), value)


def _has_other_forms(value: object) -> bool:
    """Tell whether another form can equal `value`, as ``11:00+01:00`` equals ``10:00Z``."""
    return isinstance(value, Quantity) or (isinstance(value, str) and Moment.of(value) is not None)


def within(item: Item, items: Items) -> bool:
    """Tell whether one of `items` equals `item`."""
    return any(equal(item, other) for other in items)
