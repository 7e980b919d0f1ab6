"""The functions of FHIRPath on Arrow arrays: from what works out the source to what works out the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.fhirpath import regex
from lro_notebook.fhirpath.fhir_functions import REFERENCE
from lro_notebook.fhirpath.syntax import Expr, Literal
from lro_notebook.views.collection import Collection, Frame, NotCompiledError
from lro_notebook.views.operators import truth

#: Works out an expression on the elements of a frame.
Plan: TypeAlias = Callable[[Frame], Collection]


def _where(source: Plan, condition: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame)
        return collection.where(truth(condition(collection.inner(frame.row_index))))

    return run


def _select(source: Plan, projection: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        outer = source(frame)
        inner = projection(outer.inner(frame.row_index))
        owners = outer.flat_owners()[inner.flat_owners()]
        return Collection(outer.rows, inner.flat(), owners, inner.flat_beside())

    return run


def _exists(source: Plan, condition: Plan | None = None) -> Plan:
    plan = source if condition is None else _where(source, condition)

    def run(frame: Frame) -> Collection:
        collection = plan(frame)
        return Collection(collection.rows, collection.present())

    return run


def _count(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame)
        return Collection(collection.rows, pa.array(collection.counts()))

    return run


def _not(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame)
        return Collection(collection.rows, pc.invert(truth(collection)))

    return run


def _join(source: Plan, separator: Expr | None = None) -> Plan:
    between = "" if separator is None else _text_of(separator, "join()")

    def run(frame: Frame) -> Collection:
        collection = source(frame).valued()
        values = collection.flat()
        if pa.types.is_null(values.type):
            values = values.cast(pa.string())
        if not pa.types.is_string(values.type):
            raise NotCompiledError("join() of what is no text")
        return Collection(collection.rows, pc.binary_join(collection.lists(values), between))

    return run


def _text_of(expr: Expr, what: str) -> str:
    if isinstance(expr, Literal) and isinstance(expr.value, str):
        return expr.value
    raise NotCompiledError(f"{what} with an argument that is an expression")


def _extension(source: Plan, url: Expr) -> Plan:
    wanted = _text_of(url, "extension()")

    def run(frame: Frame) -> Collection:
        collection = source(frame)
        if "extension" not in collection.fields():
            return Collection.nothing(collection.rows)
        extensions = collection.child("extension")
        if "url" not in extensions.fields():
            return Collection.nothing(collection.rows)
        flat = Collection(len(extensions.flat()), extensions.flat())
        return extensions.where(pc.equal(flat.child("url").values, wanted))

    return run


def _key(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame).valued()
        if "id" not in collection.fields():
            return Collection.nothing(collection.rows)
        return collection.child("id").valued()

    return run


def _reference_key(source: Plan, wanted: str | None = None) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame).valued()
        if "reference" not in collection.fields():
            return Collection.nothing(collection.rows)
        collection = collection.child("reference").valued()
        if not pa.types.is_string(collection.values.type):
            raise NotCompiledError("references that are no text")
        parts = pc.extract_regex(collection.values, REFERENCE)
        keys = pc.struct_field(parts, "id")
        if wanted is not None:
            fits = pc.is_in(pc.struct_field(parts, "type"), pa.array([wanted, ""]))
            keys = pc.if_else(fits, keys, pa.scalar(None, pa.string()))
        return Collection(collection.rows, keys, collection.owners)

    return run


def _has_value(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame)
        if has_parts := pa.types.is_struct(collection.values.type):
            collection.fields()  # raises for an element with and without parts
        single = pa.array((collection.counts() == 1) & (not has_parts))
        return Collection(collection.rows, pc.and_(single, collection.singles().is_valid()))

    return run


def _single(source: Plan) -> Plan:
    def run(frame: Frame) -> Collection:
        collection = source(frame)
        if collection.most() > 1:
            raise NotCompiledError("single() of several")
        return collection

    return run


def _on_text(name: str, run_on: Callable[..., pa.Array]) -> Callable[..., Plan]:
    """Return the compiler of a function on one text."""

    def compiled(source: Plan, *arguments: Expr) -> Plan:
        texts = [_text_of(argument, f"{name}()") for argument in arguments]

        def run(frame: Frame) -> Collection:
            collection = source(frame).valued()
            if not (pa.types.is_string(collection.values.type)) or collection.most() > 1:
                raise NotCompiledError(f"{name}() of what is not one text")
            return Collection(collection.rows, run_on(collection.singles(), *texts))

        return run

    return compiled


#: The functions that Arrow can work out, by their names in the registry. One takes what works out its source,
#: then its arguments: what works them out where they are evaluated on each element, else as they are.
CALLS: dict[str, Callable[..., Plan]] = {
    "contains": _on_text("contains", pc.match_substring),
    "count": _count,
    "empty": lambda source: _not(_exists(source)),
    "endsWith": _on_text("endsWith", pc.ends_with),
    "exists": _exists,
    "extension": _extension,
    "first": lambda source: lambda frame: source(frame).nth(0),
    "getReferenceKey": _reference_key,
    "getResourceKey": _key,
    "hasValue": _has_value,
    "join": _join,
    "last": lambda source: lambda frame: source(frame).last(),
    "matches": _on_text("matches", regex.search),
    "not": _not,
    "select": _select,
    "single": _single,
    "startsWith": _on_text("startsWith", pc.starts_with),
    "where": _where,
}
