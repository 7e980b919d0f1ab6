"""The expressions of search parameters as functions of resources.

Most are plain paths, which are walked without the FHIRPath engine; the engine evaluates the others.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.fhirpath.fhir_types import SUFFIXES, choice_keys
from lro_notebook.fhirpath.interpreter import evaluator
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.syntax import Binary, Call, Expr, Literal, Path, Root, This
from lro_notebook.fhirpath.values import Item
from lro_notebook.local.fhir.search.parameters import EVERY_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

#: JSON values to JSON values.
_Step: TypeAlias = "Callable[[list[Any]], list[Any]]"
#: Values of a search parameter in a resource, each with the system that its codes are of, if that is known.
Found: TypeAlias = "list[tuple[Any, str]]"
_NAME = r"([A-Z][A-Za-z]{0,63})/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?"
_RELATIVE, _ABSOLUTE = re.compile(_NAME), re.compile(rf".+/{_NAME}")


@lru_cache(maxsize=4096)
def walker(expression: str, type_: str, systems: tuple[str, ...] = ()) -> Callable[[Any], Found]:
    """Return a function from a resource of a type to the values that `expression` has in it.

    Raises
    ------
    ConfigError
        The expression is not FHIRPath.
    """
    parts = _parts(parse(expression))
    known = systems if len(systems) == len(parts) else ("-",) * len(parts)
    runs = [
        (_run(part), "" if system == "-" else system)
        for part, system in zip(parts, known, strict=True)
        if _concerns(part, type_)
    ]
    if len(runs) == 1:
        ((only, its_system),) = runs
        return lambda resource: [(value, its_system) for value in only([resource])]
    return lambda resource: [(value, system) for run, system in runs for value in run([resource])]


def problem_of(expression: str) -> str | None:
    """Return why an expression cannot be evaluated, None if it can."""
    try:
        walker(expression, "Resource")
    except ConfigError as error:
        return str(error)
    return None


def target_of(reference: object) -> tuple[str, str] | None:
    """Return type and id that a literal reference ends in; None if it has none."""
    if not isinstance(reference, str):
        return None
    match = (_ABSOLUTE if ":" in reference else _RELATIVE).fullmatch(reference)
    return None if match is None else (match[1], match[2])


def _parts(expr: Expr) -> list[Expr]:
    """Return the parts of a union, from left to right."""
    return [*_parts(expr.left), *_parts(expr.right)] if _is_union(expr) else [expr]  # type: ignore[union-attr]


def _is_union(expr: Expr) -> bool:
    return isinstance(expr, Binary) and expr.operator == "|"


def _concerns(expr: Expr, type_: str) -> bool:
    """Tell whether a part of an expression starts at a type; one that starts at none concerns all."""
    while True:
        match expr:
            case Root(name):
                return name == type_ or name in EVERY_TYPE
            case Path(source, _) | Call(source, _, _):
                expr = source
            case Binary(_, left, _):
                expr = left
            case _:
                return True


def _run(expr: Expr) -> _Step:
    return _simple(expr) or _evaluated(expr)


def _simple(expr: Expr) -> _Step | None:
    """Return `expr` as steps through JSON, or None if it is more than a path."""
    match expr:
        case Root(_) | This():
            return lambda values: values
        case Call(Path(source, name), "as" | "ofType", (str(wanted),)):
            return _then(_simple(source), _choice(name, wanted))
        case Path(source, name):
            return _then(_simple(source), _child(name))
        case Call(source, "where", (Call(Call(This(), "resolve", ()), "is", (str(wanted),)),)):
            return _then(_simple(source), lambda values: [each for each in values if _leads_to(each, wanted)])
        case Call(source, "where", (Binary("=", Path(This(), name), Literal(str(text), _)),)):
            return _then(
                _simple(source),
                lambda values: [each for each in values if isinstance(each, dict) and each.get(name) == text],
            )
    return None


def _then(first: _Step | None, second: _Step) -> _Step | None:
    return None if first is None else lambda values: second(first(values))


def _child(name: str) -> _Step:
    choices = frozenset(name + suffix for suffix in SUFFIXES)

    def step(values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for parent in values:
            if type(parent) is dict:
                value = parent.get(name)
                if value is None:
                    value = next((parent[key] for key in parent if key in choices), None)
                _add(value, found)
        return found

    return step


def _choice(name: str, wanted: str) -> _Step:
    keys = (*choice_keys(name, wanted), name)

    def step(values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for parent in values:
            if type(parent) is dict:
                _add(next((parent[key] for key in keys if key in parent), None), found)
        return found

    return step


def _add(value: Any, found: list[Any]) -> None:
    if type(value) is list:
        found.extend(part for part in value if part is not None)
    elif value is not None:
        found.append(value)


def _leads_to(reference: Any, wanted: str) -> bool:
    if not isinstance(reference, dict):
        return False
    target = target_of(reference.get("reference"))
    return (reference.get("type") if target is None else target[0]) == wanted


def _evaluated(expr: Expr) -> _Step:
    """Return `expr` as the engine evaluates it; where it fails on a resource, it has no value there."""
    run = evaluator(expr)

    def step(values: list[Any]) -> list[Any]:
        item = Item(values[0])
        try:
            items = run([item], Scope(item, resolve=_resolved))
        except (ResultError, ArithmeticError, RecursionError):
            return []
        return [found.value for found in items if found.value is not None]

    return step


def _resolved(reference: str) -> dict[str, Any] | None:
    """Return as much of a referenced resource as its reference tells: its type and its id."""
    target = target_of(reference)
    return None if target is None else {"resourceType": target[0], "id": target[1]}
