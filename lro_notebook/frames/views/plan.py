"""FHIRPath compiled to work on whole Arrow arrays, with no Python per row.

What it cannot give exactly it refuses (`NotCompiledError`): by the expression, when it is compiled, or by
the types that the data has, when it runs. The interpreter then takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.frames.schema import SCALAR
from lro_notebook.frames.views.collection import Collection, Frame, NotCompiledError
from lro_notebook.frames.views.fhirtypes import PRIMITIVES, SYSTEM, TEMPORAL, choice_keys, choice_type
from lro_notebook.frames.views.functions import REFERENCE
from lro_notebook.frames.views.operators import arithmetic, compared, logic, truth
from lro_notebook.frames.views.syntax import (
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
    type_of,
)

Plan: TypeAlias = Callable[[Frame], Collection]


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
        found = frame.known.get(expr)
        if found is None:
            found = frame.known[expr] = plan(frame)
        return found

    return once


def _literal(expr: Literal) -> Plan:
    kind = PRIMITIVES.get(type_of(expr) or "")
    if kind == "decimal":
        raise NotCompiledError("decimal constants as values")
    return lambda frame: Collection(len(frame.array), pa.repeat(expr.value, len(frame.array)))


def _empty(_: Empty) -> Plan:
    return lambda frame: Collection.nothing(len(frame.array))


def _this(_: This) -> Plan:
    return lambda frame: Collection(len(frame.array), frame.array)


def _variable(expr: Variable) -> Plan:
    if expr.name != "rowIndex":
        raise NotCompiledError(f"%{expr.name}")
    return lambda frame: Collection(len(frame.array), pa.array(frame.row_index))


def _path(expr: Path) -> Plan:
    source, name = compile_path(expr.source), expr.name

    def run(frame: Frame) -> Collection:
        found = source(frame)
        return found.children(_named(found, name))

    return run


def _named(found: Collection, name: str) -> list[str]:
    """Return `name`, or the fields that the choice element `name` has, if `found` has values there."""
    plain = _filled(found, [name])
    typed = _filled(found, [key for key in _fields(found) if choice_type(key, name)])
    if plain and typed:
        raise NotCompiledError(f"{name} beside a choice of types")
    return plain or typed


def _filled(found: Collection, names: Iterable[str]) -> list[str]:
    """Return which of the `names` are fields of `found` with a value."""
    fields = _fields(found)
    there = [name for name in names if name in fields]
    return [name for name in there if (values := found.child(name).values).null_count < len(values)]


def _fields(found: Collection) -> list[str]:
    kind = found.values.type
    if not pa.types.is_struct(kind):
        return []
    names = [part.name for part in kind]
    if SCALAR in names:
        raise NotCompiledError("an element with and without parts")
    return names


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
        found = source(frame)
        if _filled(found, [name]):
            raise NotCompiledError(f"{expr.name}() of what is no choice element")
        return found.children(_filled(found, keys))

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
    if expr.name in ("ofType", "as"):
        return _of_type(expr)
    if expr.name in ("exists", "empty") and isinstance(expr.source, Path) and not expr.arguments:
        return _presence(expr.source, wanted=expr.name == "exists")
    if expr.name not in _FUNCTIONS:
        raise NotCompiledError(f"{expr.name}()")
    return _FUNCTIONS[expr.name](compile_path(expr.source), *expr.arguments)


def _inner(found: Collection, frame: Frame) -> Frame:
    """Return the elements of `found` as rows of their own."""
    return Frame(found.flat(), frame.row_index[found.flat_owners()])


def _where(source: Plan, criterion: Expr) -> Plan:
    condition = compile_path(criterion)

    def run(frame: Frame) -> Collection:
        found = source(frame)
        return found.where(truth(condition(_inner(found, frame))))

    return run


def _select(source: Plan, projection: Expr) -> Plan:
    plan = compile_path(projection)

    def run(frame: Frame) -> Collection:
        outer = source(frame)
        inner = plan(_inner(outer, frame))
        return Collection(outer.rows, inner.flat(), outer.flat_owners()[inner.flat_owners()])

    return run


def _exists(source: Plan, criterion: Expr | None = None) -> Plan:
    plan = source if criterion is None else _where(source, criterion)

    def run(frame: Frame) -> Collection:
        found = plan(frame)
        return Collection(found.rows, _present(found))

    return run


def _present(found: Collection) -> pa.Array:
    return found.values.is_valid() if found.owners is None else pa.array(found.counts() > 0)


def _presence(path: Path, *, wanted: bool) -> Plan:
    """Compile ``path.exists()``, which a choice element may answer by values of several types."""
    source, name = compile_path(path.source), path.name

    def run(frame: Frame) -> Collection:
        found = source(frame)
        answer = pa.repeat(False, found.rows)  # noqa: FBT003 - the value
        for key in _named(found, name):
            answer = pc.or_(answer, _present(found.child(key)))
        return Collection(found.rows, answer if wanted else pc.invert(answer))

    return run


def _count(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        found = source(frame)
        return Collection(found.rows, pa.array(found.counts()))

    return run


def _not(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        found = source(frame)
        return Collection(found.rows, pc.invert(truth(found)))

    return run


def _join(source: Plan, separator: Expr | None = None) -> Plan:
    between = "" if separator is None else _text_of(separator, "join()")

    def run(frame: Frame) -> Collection:
        found = source(frame)
        values = found.flat()
        if pa.types.is_null(values.type):
            values = values.cast(pa.string())
        if not pa.types.is_string(values.type):
            raise NotCompiledError("join() of what is no text")
        return Collection(found.rows, pc.binary_join(found.lists(values), between))

    return run


def _text_of(expr: Expr, what: str) -> str:
    if isinstance(expr, Literal) and isinstance(expr.value, str):
        return expr.value
    raise NotCompiledError(f"{what} with an argument that is an expression")


def _extension(source: Plan, url: Expr) -> Plan:
    wanted = _text_of(url, "extension()")

    def run(frame: Frame) -> Collection:
        found = source(frame)
        if "extension" not in _fields(found):
            return Collection.nothing(found.rows)
        extensions = found.child("extension")
        if "url" not in _fields(extensions):
            return Collection.nothing(found.rows)
        flat = Collection(len(extensions.flat()), extensions.flat())
        return extensions.where(pc.equal(flat.child("url").values, wanted))

    return run


def _key(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        found = source(frame)
        return found.child("id") if "id" in _fields(found) else Collection.nothing(found.rows)

    return run


def _reference_key(source: Plan, wanted: str | None = None) -> Plan:
    def run(frame: Frame) -> Collection:
        found = source(frame)
        if "reference" not in _fields(found):
            return Collection.nothing(found.rows)
        found = found.child("reference")
        if not pa.types.is_string(found.values.type):
            raise NotCompiledError("references that are no text")
        parts = pc.extract_regex(found.values, REFERENCE)
        keys = pc.struct_field(parts, "id")
        if wanted is not None:
            same = pc.equal(pc.struct_field(parts, "type"), wanted)
            keys = pc.if_else(same, keys, pa.scalar(None, pa.string()))
        return Collection(found.rows, keys, found.owners)

    return run


def _single(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        found = source(frame)
        if found.most() > 1:
            raise NotCompiledError("single() of several")
        return found

    return run


def _on_text(name: str, run_on: Callable[..., pa.Array]) -> Callable[..., Plan]:
    """Return the compiler of a function on one text."""

    def compiled(source: Plan, *arguments: Expr) -> Plan:
        texts = [_text_of(argument, f"{name}()") for argument in arguments]

        def run(frame: Frame) -> Collection:
            found = source(frame)
            if not (pa.types.is_string(found.values.type)) or found.most() > 1:
                raise NotCompiledError(f"{name}() of what is not one text")
            return Collection(found.rows, run_on(found.singles(), *texts))

        return run

    return compiled


_FUNCTIONS: dict[str, Callable[..., Plan]] = {
    "contains": _on_text("contains", pc.match_substring),
    "count": _count,
    "empty": lambda source: _not(_exists(source)),
    "endsWith": _on_text("endsWith", pc.ends_with),
    "exists": _exists,
    "extension": _extension,
    "first": lambda source: lambda frame: source(frame).nth(0),
    "getReferenceKey": _reference_key,
    "getResourceKey": _key,
    "join": _join,
    "last": lambda source: lambda frame: source(frame).last(),
    "not": _not,
    "select": _select,
    "single": _single,
    "startsWith": _on_text("startsWith", pc.starts_with),
    "where": _where,
}


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
