"""The syntax tree of a FHIRPath expression, and `PathError`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from lro_notebook.fhirpath.units import Quantity

LOGIC = frozenset({"and", "or", "xor", "implies"})
EQUALITY = frozenset({"=", "!=", "~", "!~"})
#: Characters of a long expression that a message shows on each side of an error.
_AROUND = 200
ORDER = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `type` is a type of FHIR or, with a capital letter, of FHIRPath."""

    value: str | int | bool | Decimal | Quantity
    type: str


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty collection, ``{}``."""


@dataclass(frozen=True, slots=True)
class This:
    """The item that an expression is evaluated on, ``$this``."""


@dataclass(frozen=True, slots=True)
class Root:
    """The item that an expression is evaluated on, if it has this type: ``Patient`` in ``Patient.name``."""

    type: str


@dataclass(frozen=True, slots=True)
class Variable:
    """``%rowIndex``, ``%resource``, ``$index`` and the like, known only at run time."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """The children `name` of `source`."""

    source: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """One element of `source` by its position."""

    source: Expr
    position: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function called on `source`; the name of a type among `arguments` is a `str`."""

    source: Expr
    name: str
    arguments: tuple[Expr | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign before a number."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions."""

    operator: str
    left: Expr
    right: Expr


Expr: TypeAlias = Literal | Empty | This | Root | Variable | Path | Index | Call | Unary | Binary


class PathError(ConfigError):
    """A FHIRPath expression cannot be parsed, or uses something that does not exist."""

    def __init__(self, text: str, position: int, what: str) -> None:
        super().__init__(f"FHIRPath {_shown(text, position)}, at character {position + 1}: {what}")


def _shown(text: str, position: int) -> str:
    """Return `text` in quotes; if it is long, the part around `position`."""
    start, end = max(position - _AROUND, 0), position + _AROUND
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return repr(f"{before}{text[start:end]}{after}")


def parts(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct children of `expr`, from left to right."""
    match expr:
        case Path(source, _):
            return (source,)
        case Index(source, position):
            return (source, position)
        case Call(source, _, arguments):
            return (source, *(part for part in arguments if not isinstance(part, str)))
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
    return ()


def walk(expr: Expr) -> Iterator[tuple[Expr, int]]:
    """Yield `expr` and its descendants, from left to right, each with its depth."""
    stack = [(expr, 1)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((part, depth + 1) for part in reversed(parts(node)))
