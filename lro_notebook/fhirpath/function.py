"""A row of the registry of functions, and what all functions are written with."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.temporal import Moment
from lro_notebook.fhirpath.units import Quantity
from lro_notebook.fhirpath.values import Item, equal

Items: TypeAlias = list[Item]
#: Evaluates an argument: on a focus, at its position in the collection, with the ``$total`` so far.
On: TypeAlias = Callable[..., Items]
#: What a function makes of an argument: its one value (without one, the call gives nothing), all that it
#: gives, an expression to evaluate on each element, or the name of a type. A pattern is a value that is a
#: regular expression: a constant one is checked when it is read.
Argument: TypeAlias = Literal["value", "pattern", "collection", "expression", "type"]

#: What a result is: what the function was called on or elements of it, those of its argument's type, or
#: what its argument gives.
SAME, ITS_TYPE, PROJECTED = "(same)", "(type)", "(projected)"


@dataclass(frozen=True, slots=True)
class Function:
    """A function: all that parser, interpreter and views know of it.

    Attributes
    ----------
    run : callable
        Takes the collection and the arguments; returns the collection that the call gives.
    arguments : tuple
        What it makes of each argument.
    least : int, optional
        How many arguments there must be; all of them by default.
    gives : str, optional
        FHIR type of the result, or `SAME`, `ITS_TYPE`, `PROJECTED`; None where only the data says.
    reads : tuple of str
        The field that it reads of each element, and a field below that.
    scoped : bool
        `run` takes the `Scope` first.
    views : bool
        SQL on FHIR lets views call it.
    standard : bool
        FHIRPath or FHIR has it; if not, only views can call it.
    """

    name: str
    run: Callable[..., Items]
    arguments: tuple[Argument, ...] = ()
    least: int | None = None
    gives: str | None = None
    reads: tuple[str, ...] = ()
    scoped: bool = False
    views: bool = False
    standard: bool = True

    def takes(self, count: int) -> bool:
        """Tell whether it can be called with this number of arguments."""
        return (len(self.arguments) if self.least is None else self.least) <= count <= len(self.arguments)

    @property
    def count(self) -> str:
        """How many arguments it takes, in words."""
        most = len(self.arguments)
        return str(most) if self.least in (None, most) else f"{self.least} to {most}"


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
    seen: set[Hashable] = set()
    for item in items:
        value = key(item.value)
        if value in seen or (_has_other_forms(item.value) and within(item, found)):
            continue
        seen.add(value)
        found.append(item)
    return found


def key(value: Any) -> Hashable:  # noqa: ANN401 - any JSON value
    """Return what is the same for values that are the same, in one form."""
    if isinstance(value, dict):
        return frozenset((name, key(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(map(key, value))
    return (isinstance(value, bool), value)


def _has_other_forms(value: object) -> bool:
    """Tell whether what is written in another way can equal `value`: ``10:00Z`` and ``11:00+01:00``."""
    return isinstance(value, Quantity) or (isinstance(value, str) and Moment.of(value) is not None)


def within(item: Item, items: Items) -> bool:
    """Tell whether one of `items` equals `item`."""
    return any(equal(item, other) for other in items)
