"""The FHIR type of the result of an expression, as far as the expression alone determines it."""

from __future__ import annotations

from lro_notebook.fhirpath.fhir_types import SYSTEM
from lro_notebook.fhirpath.function import ITS_TYPE, PROJECTED, SAME
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import EQUALITY, LOGIC, ORDER, Binary, Call, Expr, Index, Literal, Variable

_SYSTEM = {name: name[0].lower() + name[1:] for name in SYSTEM}
_BOOLEAN = LOGIC | EQUALITY | ORDER | {"in", "contains"}


def type_of(expr: Expr) -> str | None:
    """Return the FHIR type of the result of `expr`; None if it depends on the data."""
    name: str | None = None
    match expr:
        case Literal(_, str(literal)):
            name = _SYSTEM.get(literal, literal)
        case Variable("rowIndex" | "$index"):
            name = "integer"
        case Binary(operator) if operator in _BOOLEAN:
            name = "boolean"
        case Binary(operator, left, right) if operator == "&" or "string" in (type_of(left), type_of(right)):
            name = "string"
        case Index(source, _):
            name = type_of(source)
        case Call():
            name = _type_of_call(expr)
    return name


def _type_of_call(expr: Call) -> str | None:
    gives = FUNCTIONS[expr.name].gives
    if gives == ITS_TYPE:
        wanted = str(expr.arguments[0])
        return _SYSTEM.get(wanted, wanted)
    return type_of(expr.source) if gives == SAME else None if gives == PROJECTED else gives
