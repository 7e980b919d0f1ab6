"""The FHIRPath expressions of a cohort, checked before it starts: what each begins with and can give.

In the API an expression starts with a resource type (or Resource, or DomainResource). It gives true or false,
which selects the resource that it is evaluated on or not; or it gives resources, which are selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.fhirpath.fhir_types import PRIMITIVES, RESOURCES, SUFFIXES, SYSTEM, can_be_boolean
from lro_notebook.fhirpath.function import SAME, valued
from lro_notebook.fhirpath.interpreter import Evaluator, evaluator
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.result_types import type_of
from lro_notebook.fhirpath.syntax import Binary, Call, Expr, Index, Literal, Path, Root, Unary, parts, walk
from lro_notebook.local.core.resource_names import is_resource_type
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    from lro_notebook.fhirpath.scope import Scope
    from lro_notebook.fhirpath.values import Item

#: Names that stand for resources of every type.
EVERY_TYPE = frozenset({"Resource", "DomainResource"})
_FIELD = "fhirpathExpression"
_ELEMENTS = frozenset({*PRIMITIVES, *SYSTEM, *SUFFIXES.values()})
#: The functions whose result depends on how a number was written.
_NEED_DIGITS = frozenset({"highBoundary", "lowBoundary", "toString"})
_ONLY = "a cohort consists of resources, so an expression must give true or false, or resources"


class ParseError(Exception):
    """An expression fails on a resource; the message holds none of its content."""


class Expression(NamedTuple):
    """A compiled expression.

    Attributes
    ----------
    type : str
        The type of resources to evaluate it on, or one of `EVERY_TYPE`.
    label : str
        The folder of its results.
    resolves : bool
        Whether it may give other resources than the one that it is evaluated on.
    exact : bool
        Whether it needs numbers with all their digits.
    """

    type: str
    label: str
    run: Evaluator
    resolves: bool
    exact: bool

    def select(self, base: Item, scope: Scope) -> list[dict[str, Any]]:
        """Return the resources that it selects on `base`; raise `ParseError` if it gives anything else."""
        try:
            items = self.run([base], scope)
        except ResultError as error:
            raise ParseError(str(error)) from error
        except (ArithmeticError, RecursionError) as error:
            raise ParseError("a number is out of range, or an element nested too deep") from error
        values = [item.value for item in valued(items)]
        if len(values) == 1 and isinstance(values[0], bool):
            return [base.value] if values[0] else []
        if not all(isinstance(value, dict) and "resourceType" in value for value in values):
            raise ParseError(f"{_ONLY}, and this one gave something else")
        return values


def compile_expression(text: object, label: str = "") -> Expression:
    """Return a compiled expression; raise if it is not FHIRPath or cannot give resources."""
    text = request_fields.expression(text, _FIELD, "Patient.where(gender = 'female')")
    try:
        expr = parse(text)
    except ConfigError as error:
        raise invalid_argument(f"{_FIELD}: {error}") from error
    type_ = _base(expr)
    if not _may_select(expr):
        raise invalid_argument(
            f"{_FIELD} {_shown(text)}: {_ONLY}; this one gives other elements, "
            "so end it with a test such as .exists()"
        )
    calls = {part.name for part, _ in walk(expr) if isinstance(part, Call)}
    others = bool(calls & {"resolve"}) or any(
        isinstance(part, Path) and part.name in RESOURCES for part, _ in walk(expr)
    )
    return Expression(type_, label, evaluator(expr), others, bool(calls & _NEED_DIGITS))


def _shown(text: str) -> str:
    return repr(text if len(text) < 100 else f"{text[:100]}…")  # noqa: PLR2004 - enough to find it again


def _base(expr: Expr) -> str:
    """Return the type that `expr` starts with, the same in all its parts."""
    first = expr
    while below := parts(first):
        first = below[0]
    if not isinstance(first, Root) or not is_resource_type(first.type):
        raise invalid_argument(
            f"{_FIELD}: start with a resource type, such as Patient.where(gender = 'female')"
        )
    for part, _ in walk(expr):
        if isinstance(part, Root) and part.type != first.type:
            raise invalid_argument(
                f"{_FIELD}: {part.type} and {first.type}; an expression starts from one resource type, "
                "and reaches others with resolve()"
            )
    return first.type


def _may_select(expr: Expr) -> bool:
    """Tell whether `expr` can give true or false, or resources, as far as that is known without data."""
    match expr:
        case Path(_, name):
            return name in RESOURCES or can_be_boolean(name)
        case Index(source, _):
            return _may_select(source)
        case Binary("|", left, right):
            return _may_select(left) and _may_select(right)
        case Call():
            return _call_may_select(expr)
    return type_of(expr) == "boolean" if isinstance(expr, Literal | Binary | Unary) else True


def _call_may_select(call: Call) -> bool:
    gives = FUNCTIONS[call.name].gives
    match call:
        case Call(_, "select", (projection,)) if not isinstance(projection, str):
            return _may_select(projection)
        case Call(_, "iif", (_, *results)):
            return all(_may_select(result) for result in results if not isinstance(result, str))
        case Call(source, "union" | "combine", (other,)) if not isinstance(other, str):
            return _may_select(source) and _may_select(other)
        case Call(_, "ofType" | "as", (str(wanted),)):
            return wanted in ("boolean", "Boolean") or wanted not in _ELEMENTS
    return _may_select(call.source) if gives == SAME else gives in (None, "boolean")
