"""FHIRPath on Python's JSON values, one focus at a time: exact, and the measure of the compiled way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.fhir_types import DATES, choice_type
from lro_notebook.fhirpath.functions import FUNCTIONS, LAZY, Items, boolean, distinct, one, truth
from lro_notebook.fhirpath.syntax import (
    EQUALITY,
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
    Unary,
    Variable,
)
from lro_notebook.fhirpath.values import Item, calculate, equal, is_number, ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Scope:
    """What variables stand for."""

    resource: Item
    row_index: int = 0


def evaluate(expr: Expr, items: Items, scope: Scope) -> Items:
    """Return the collection that `expr` gives on the collection `items`.

    Raises
    ------
    ResultError
        The data has several values where the expression needs one, or values of a wrong type.
    """
    return _WAYS[type(expr)](expr, items, scope)


def _literal(expr: Literal, _: Items, __: Scope) -> Items:
    return [Item(expr.value, expr.type)]


def _variable(expr: Variable, items: Items, scope: Scope) -> Items:
    if expr.name == "rowIndex":
        return [Item(scope.row_index, "integer")]
    return items if expr.name == "context" else [scope.resource]


def _path(expr: Path, items: Items, scope: Scope) -> Items:
    found: Items = []
    for item in evaluate(expr.source, items, scope):
        if isinstance(item.value, dict):
            _children(item.value, expr.name, found)
    return found


def _children(parent: dict[str, Any], name: str, found: Items) -> None:
    if name in parent:
        _add(parent[name], "date" if name in DATES else None, found)
        return
    for key, value in parent.items():
        if key.startswith(name) and (kind := choice_type(key, name)) is not None:
            _add(value, kind, found)


def _add(value: Any, kind: str | None, found: Items) -> None:  # noqa: ANN401 - any JSON value
    values = value if isinstance(value, list) else [value]
    found.extend(Item(part, kind) for part in values if part is not None)


def _index(expr: Index, items: Items, scope: Scope) -> Items:
    found = evaluate(expr.source, items, scope)
    position = evaluate(expr.position, items, scope)
    if not position:
        return []
    number = one(position, "an index").value
    if not isinstance(number, int) or isinstance(number, bool):
        raise ResultError("an index must be a whole number")
    return found[number : number + 1] if number >= 0 else []


def _call(expr: Call, items: Items, scope: Scope) -> Items:
    source = evaluate(expr.source, items, scope)
    if expr.name in LAZY:

        def on(argument: Expr, focus: Items) -> Items:
            return evaluate(argument, focus, scope)

        return LAZY[expr.name](source, expr.arguments, on)
    arguments = [
        argument if isinstance(argument, str) else _argument(expr.name, evaluate(argument, items, scope))
        for argument in expr.arguments
    ]
    if None in arguments:
        return []
    try:
        return FUNCTIONS[expr.name](source, *arguments)
    except (TypeError, re.error) as error:
        raise ResultError(f"{expr.name}() cannot take such arguments") from error


def _argument(name: str, items: Items) -> Any:  # noqa: ANN401 - any value
    return one(items, f"the argument of {name}()").value if items else None


def _unary(expr: Unary, items: Items, scope: Scope) -> Items:
    found = evaluate(expr.operand, items, scope)
    if not found:
        return []
    number = one(found, f"the sign {expr.operator}").value
    if not is_number(number):
        raise ResultError(f"the sign {expr.operator} needs a number after it")
    return [Item(-number if expr.operator == "-" else number)]


def _binary(expr: Binary, items: Items, scope: Scope) -> Items:
    left = evaluate(expr.left, items, scope)
    right = evaluate(expr.right, items, scope)
    sign = expr.operator
    if sign in LOGIC:
        return boolean(_logic(sign, truth(left), truth(right)))
    if sign in EQUALITY:
        return boolean(_equality(sign, left, right))
    if sign in _SETS:
        return _SETS[sign](left, right)
    if not left or not right:
        return []
    first, second = one(left, f"the operator {sign}"), one(right, f"the operator {sign}")
    if sign in ORDER:
        return boolean(ordered(sign, first, second))
    result = calculate(sign, first.value, second.value)
    return [] if result is None else [Item(result)]


def _within(needle: Items, hay: Items) -> Items:
    return boolean(any(equal(one(needle, "in"), item) for item in hay)) if needle else []


def _concatenated(left: Items, right: Items) -> Items:
    parts = [str(one(part, "the operator &").value) if part else "" for part in (left, right)]
    return [Item("".join(parts), "string")]


#: The operators that have an answer also where a side is empty.
_SETS: dict[str, Callable[[Items, Items], Items]] = {
    "|": lambda left, right: distinct([*left, *right]),
    "in": _within,
    "contains": lambda left, right: _within(right, left),
    "&": _concatenated,
}


def _equality(sign: str, left: Items, right: Items) -> bool | None:
    if sign in ("~", "!~"):
        same = len(left) == len(right) and all(any(_alike(item, other) for other in right) for item in left)
        return same == (sign == "~")
    if not left or not right:
        return None
    answers = [equal(first, second) for first, second in zip(left, right, strict=False)]
    result = False if len(left) != len(right) or False in answers else None if None in answers else True
    return result if result is None or sign == "=" else not result


def _alike(left: Item, right: Item) -> bool:
    if isinstance(left.value, str) and isinstance(right.value, str):
        return " ".join(left.value.split()).casefold() == " ".join(right.value.split()).casefold()
    return bool(equal(left, right))


def _logic(sign: str, left: bool | None, right: bool | None) -> bool | None:  # noqa: FBT001 - operands
    if sign == "implies":
        sign, left = "or", None if left is None else not left
    if sign == "xor":
        return None if left is None or right is None else left != right
    decisive = sign == "or"
    if decisive in (left, right):
        return decisive
    return None if left is None or right is None else not decisive


_WAYS: dict[type, Callable[[Any, Items, Scope], Items]] = {
    Literal: _literal,
    Empty: lambda *_: [],
    This: lambda _, items, __: items,
    Variable: _variable,
    Path: _path,
    Index: _index,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
}


def repeat(paths: Sequence[Expr], item: Item, scope: Scope) -> Items:
    """Return what `paths` give on `item`, and again on all that they give; each before what is below it."""
    found: Items = []
    stack = [child for path in reversed(paths) for child in reversed(evaluate(path, [item], scope))]
    while stack:
        node = stack.pop()
        found.append(node)
        stack.extend(child for path in reversed(paths) for child in reversed(evaluate(path, [node], scope)))
    return found
