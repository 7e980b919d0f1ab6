"""The syntax tree of a FHIRPath expression, and the errors of one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lro_notebook.errors import ConfigError
from lro_notebook.fhirpath.fhir_types import SYSTEM

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `type` is the name of its type in FHIR or, with a capital, in FHIRPath."""

    value: str | int | bool | Decimal
    type: str


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty collection, ``{}``."""


@dataclass(frozen=True, slots=True)
class This:
    """What an expression is evaluated on, ``$this``."""


@dataclass(frozen=True, slots=True)
class Variable:
    """``%rowIndex``, ``%resource`` and the like: what is known only when the view runs."""

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
    """A function on `source`; a type that it takes is a `str` among its `arguments`."""

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


Expr: TypeAlias = Literal | Empty | This | Variable | Path | Index | Call | Unary | Binary


class PathError(ConfigError):
    """A FHIRPath expression cannot be read, or asks for what views do not have."""

    def __init__(self, text: str, position: int, what: str) -> None:
        super().__init__(f"FHIRPath {text!r}, at character {position + 1}: {what}")


#: The functions that views can call -> the least and the most number of arguments.
FUNCTIONS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("all", "as", "contains", "endsWith", "extension", "is", "matches", "ofType"), (1, 1)),
    **dict.fromkeys(("select", "skip", "startsWith", "take", "where"), (1, 1)),
    **dict.fromkeys(("count", "distinct", "empty", "first", "getResourceKey", "hasValue", "last"), (0, 0)),
    **dict.fromkeys(("length", "lower", "not", "single", "tail", "toDecimal", "toInteger"), (0, 0)),
    **dict.fromkeys(("toString", "trim", "upper"), (0, 0)),
    **dict.fromkeys(("exists", "getReferenceKey", "highBoundary", "join", "lowBoundary"), (0, 1)),
    "iif": (2, 3),
    "replace": (2, 2),
    "substring": (1, 2),
}
#: The functions whose argument is a type.
TYPED = frozenset({"as", "getReferenceKey", "is", "ofType"})
_RESULTS = {
    **dict.fromkeys(
        ("all", "contains", "empty", "endsWith", "exists", "hasValue", "is", "matches"), "boolean"
    ),
    **dict.fromkeys(("not", "startsWith"), "boolean"),
    **dict.fromkeys(("count", "length", "toInteger"), "integer"),
    "toDecimal": "decimal",
    **dict.fromkeys(("getReferenceKey", "getResourceKey", "join", "lower", "replace", "substring"), "string"),
    **dict.fromkeys(("toString", "trim", "upper"), "string"),
}
_SAME = frozenset({"distinct", "first", "last", "single", "skip", "tail", "take", "where"})
_SYSTEM = {name: name[0].lower() + name[1:] for name in SYSTEM}
LOGIC = frozenset({"and", "or", "xor", "implies"})
EQUALITY = frozenset({"=", "!=", "~", "!~"})
ORDER = frozenset({"<", "<=", ">", ">="})


def type_of(expr: Expr) -> str | None:
    """Return the FHIR type of what `expr` gives, where the expression alone says."""
    kind: str | None = None
    match expr:
        case Literal(_, str(name)):
            kind = _SYSTEM.get(name, name)
        case Variable("rowIndex"):
            kind = "integer"
        case Binary(operator) if operator in LOGIC | EQUALITY | ORDER | {"in", "contains"}:
            kind = "boolean"
        case Binary(operator, left, right) if operator == "&" or "string" in (type_of(left), type_of(right)):
            kind = "string"
        case Index(source, _):
            kind = type_of(source)
        case Call():
            kind = _type_of_call(expr)
    return kind


def _type_of_call(expr: Call) -> str | None:
    if expr.name in ("ofType", "as"):
        wanted = str(expr.arguments[0])
        return _SYSTEM.get(wanted, wanted)
    return type_of(expr.source) if expr.name in _SAME else _RESULTS.get(expr.name)
