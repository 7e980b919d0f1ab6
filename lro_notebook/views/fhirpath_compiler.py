"""FHIRPath compiled to work on whole Arrow arrays, with no Python per row.

What it cannot give exactly it refuses (`NotCompiledError`): by the expression, when it is compiled, or by
the types that the data has, when it runs. The interpreter then takes over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.fhirpath.fhir_types import PRIMITIVES, SYSTEM, TEMPORAL, choice_keys
from lro_notebook.fhirpath.function import ITS_TYPE
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.result_types import type_of
from lro_notebook.fhirpath.syntax import (
    LOGIC,
    ORDER,
    Binary,
    Call,
    Empty,
    Expr,
    Index,
    Literal,
    Path,
    This,
    Variable,
)
from lro_notebook.views.collection import Collection, Frame, NotCompiledError
from lro_notebook.views.functions import CALLS, Plan
from lro_notebook.views.operators import arithmetic, compared, logic, truth

if TYPE_CHECKING:
    from collections.abc import Callable


def compile_path(expr: Expr) -> Plan:
    """Return `expr` as a function on arrays.

    Raises
    ------
    NotCompiledError
        It cannot be one, whatever the data is.
    """
    way = _WAYS.get(type(expr))
    if way is None:
        raise NotCompiledError("signs before paths")
    plan = way(expr)

    def once(frame: Frame) -> Collection:
        known = frame.known.get(expr)
        if known is None:
            known = frame.known[expr] = plan(frame)
        return known

    return once


def _literal(expr: Literal) -> Plan:
    kind = PRIMITIVES.get(type_of(expr) or "")
    if kind == "decimal":
        raise NotCompiledError("decimal constants as values")
    return lambda frame: Collection(len(frame.array), pa.repeat(expr.value, len(frame.array)))


def _empty(_: Empty) -> Plan:
    return lambda frame: Collection.nothing(len(frame.array))


def _this(_: This) -> Plan:
    return lambda frame: Collection(len(frame.array), frame.array, None, frame.beside)


def _variable(expr: Variable) -> Plan:
    if expr.name != "rowIndex":
        raise NotCompiledError(f"%{expr.name}")
    return lambda frame: Collection(len(frame.array), pa.array(frame.row_index))


def _path(expr: Path) -> Plan:
    source, name = compile_path(expr.source), expr.name

    def run(frame: Frame) -> Collection:
        collection = source(frame)
        return collection.children(collection.named(name))

    return run


def _of_type(expr: Call) -> Plan:
    """Compile ``value.ofType(Quantity)``: the choice element is the field valueQuantity."""
    wanted = expr.arguments[0]
    if (
        not isinstance(expr.source, Path)
        or not isinstance(wanted, str)
        or (wanted[:1].isupper() and wanted in SYSTEM)
    ):
        raise NotCompiledError(f"{expr.name}() of what is no choice element")
    source, name = compile_path(expr.source.source), expr.source.name
    keys = choice_keys(name, wanted)

    def run(frame: Frame) -> Collection:
        collection = source(frame)
        if collection.filled([name]):
            raise NotCompiledError(f"{expr.name}() of what is no choice element")
        return collection.children(collection.filled(keys))

    return run


def _index(expr: Index) -> Plan:
    source = compile_path(expr.source)
    match expr.position:
        case Literal(int(number), "Integer" | "integer" | "positiveInt" | "unsignedInt"):
            return lambda frame: source(frame).nth(number)
        case Variable("rowIndex"):
            return lambda frame: source(frame).nth(frame.row_index)
    raise NotCompiledError("an index that is an expression")


def _call(expr: Call) -> Plan:
    row = FUNCTIONS[expr.name]
    if row.gives == ITS_TYPE:
        return _of_type(expr)
    if expr.name in ("exists", "empty") and isinstance(expr.source, Path) and not expr.arguments:
        return _presence(expr.source, wanted=expr.name == "exists")
    if expr.name not in CALLS:
        raise NotCompiledError(f"{expr.name}()")
    arguments = [
        compile_path(part) if kind == "expression" and not isinstance(part, str) else part
        for kind, part in zip(row.arguments, expr.arguments, strict=False)
    ]
    return CALLS[expr.name](compile_path(expr.source), *arguments)


def _presence(path: Path, *, wanted: bool) -> Plan:
    """Compile ``path.exists()``, which a choice element may answer by values of several types."""
    source, name = compile_path(path.source), path.name

    def run(frame: Frame) -> Collection:
        collection = source(frame)
        answer = pa.repeat(False, collection.rows)  # noqa: FBT003 - the value
        for child in collection.named(name).values():
            answer = pc.or_(answer, child.present())
        return Collection(collection.rows, answer if wanted else pc.invert(answer))

    return run


def _binary(expr: Binary) -> Plan:
    sign = expr.operator
    if sign in LOGIC:
        left, right = compile_path(expr.left), compile_path(expr.right)
        return lambda frame: _result(logic(sign, truth(left(frame)), truth(right(frame))))
    if sign in ("=", "!=") or sign in ORDER:
        return _comparison(expr)
    if sign in ("+", "-", "*"):
        left, right = compile_path(expr.left), compile_path(expr.right)
        return lambda frame: _result(arithmetic(sign, left(frame), right(frame)))
    raise NotCompiledError(f"the operator {sign}")


def _result(values: pa.Array) -> Collection:
    return Collection(len(values), values)


def _comparison(expr: Binary) -> Plan:
    """Compile a comparison; texts are compared as such only if one of them is surely no date."""
    kinds = [type_of(side) for side in (expr.left, expr.right)]
    if any(kind in TEMPORAL for kind in kinds):
        raise NotCompiledError("comparing dates")
    plain = any(kind is not None and PRIMITIVES.get(kind) == "text" for kind in kinds)
    sides = [_operand(side) for side in (expr.left, expr.right)]
    return lambda frame: _result(
        compared(expr.operator, *(side(frame) for side in sides), plain=plain, rows=len(frame.array))
    )


def _operand(expr: Expr) -> Callable[[Frame], Any]:
    if isinstance(expr, Literal):
        return lambda _: expr.value
    return compile_path(expr)


_WAYS: dict[type, Callable[[Any], Plan]] = {
    Literal: _literal,
    Empty: _empty,
    This: _this,
    Variable: _variable,
    Path: _path,
    Index: _index,
    Call: _call,
    Binary: _binary,
}
