"""FHIRPath on JSON values: an expression becomes a function of collections, built once and run often.

Its results are exact; those of the Arrow code that views compile must equal them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.children import child_finder
from lro_notebook.fhirpath.fhir_functions import is_resource
from lro_notebook.fhirpath.fhir_types import TEMPORAL
from lro_notebook.fhirpath.function import Argument, Items, boolean, distinct, one, truth, valued, within
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.scope import Scope
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
    Root,
    This,
    Unary,
    Variable,
    walk,
)
from lro_notebook.fhirpath.units import Quantity
from lro_notebook.fhirpath.values import Item, calculate, equal, is_number, ordered

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A compiled expression: takes the items to evaluate it on, and the scope.
Evaluator: TypeAlias = Callable[[Items, Scope], Items]


def evaluator(expr: Expr) -> Evaluator:
    """Return `expr` as a function.

    It raises ResultError if the data has several values where the expression needs one, or values of the
    wrong type, and ArithmeticError for numbers out of range.
    """
    run = _built(expr)
    if not _mentions(expr, "context"):
        return run
    return lambda items, scope: run(items, replace(scope, context=items))


def evaluate(expr: Expr, items: Items, scope: Scope) -> Items:
    """Evaluate `expr` on the collection `items`; see `evaluator`."""
    return evaluator(expr)(items, scope)


def _built(expr: Expr) -> Evaluator:
    return _BUILDERS[type(expr)](expr)


def _values(expr: Expr) -> Evaluator:
    """Return `expr` as a function that leaves out elements without a value."""
    run = _built(expr)
    if isinstance(expr, Literal) or (isinstance(expr, Binary) and expr.operator != "|"):
        return run  # these give values only
    return lambda items, scope: valued(run(items, scope))


def _mentions(expr: Expr, *names: str) -> bool:
    return any(isinstance(part, Variable) and part.name in names for part, _ in walk(expr))


def _literal(expr: Literal) -> Evaluator:
    items = [Item(expr.value, expr.type)]
    return lambda _, __: items


def _root(expr: Root) -> Evaluator:
    wanted = expr.type

    def run(items: Items, _: Scope) -> Items:
        return [
            item
            for item in items
            if item.type == wanted or (isinstance(item.value, dict) and is_resource(item.value, wanted))
        ]

    return run


_VARIABLES: dict[str, Evaluator] = {
    "rowIndex": lambda _, scope: [Item(scope.row_index, "integer")],
    "resource": lambda _, scope: [scope.resource],
    "rootResource": lambda _, scope: [scope.resource],
    "context": lambda _, scope: scope.context,
    "$index": lambda _, scope: [Item(scope.index, "integer")],
    "$total": lambda _, scope: scope.total,
}


def _path(expr: Path) -> Evaluator:
    source, find = _built(expr.source), child_finder(expr.name)

    def run(items: Items, scope: Scope) -> Items:
        found: Items = []
        for value, _, beside in source(items, scope):
            if isinstance(value, dict):
                find(value, found)
            elif beside is not None:
                find(beside, found)
        return found

    return run


def _index(expr: Index) -> Evaluator:
    source, place = _built(expr.source), _values(expr.position)

    def run(items: Items, scope: Scope) -> Items:
        elements, position = source(items, scope), place(items, scope)
        if not position:
            return []
        number = one(position, "an index").value
        if not isinstance(number, int) or isinstance(number, bool):
            raise ResultError("an index must be a whole number")
        return elements[number : number + 1] if number >= 0 else []

    return run


def _call(expr: Call) -> Evaluator:
    row = FUNCTIONS[expr.name]
    source = _built(expr.source) if row.elements else _values(expr.source)
    makers = [
        _MAKERS[how](expr.name, argument)
        for how, argument in zip(row.arguments, expr.arguments, strict=False)
    ]
    work = row.run

    def run(items: Items, scope: Scope) -> Items:
        focus = source(items, scope)
        arguments = [make(items, scope) for make in makers]
        if None in arguments:
            return []
        try:
            return work(scope, focus, *arguments) if row.scoped else work(focus, *arguments)
        except TypeError as error:
            raise ResultError(f"{expr.name}() cannot take such arguments") from error

    return run


def _value_maker(name: str, argument: Expr) -> Callable[[Items, Scope], Any]:
    run = _values(argument)

    def make(items: Items, scope: Scope) -> Any:
        given = run(items, scope)
        return one(given, f"the argument of {name}()").value if given else None

    return make


def _expression_maker(_: str, argument: Expr) -> Callable[[Items, Scope], Any]:
    run = _built(argument)
    if not _mentions(argument, "$index", "$total"):
        return lambda _, scope: lambda focus, *__: run(focus, scope)

    def make(_: Items, scope: Scope) -> Callable[..., Items]:
        def on(focus: Items, index: int = 0, total: Items | None = None) -> Items:
            return run(focus, replace(scope, index=index, total=scope.total if total is None else total))

        return on

    return make


_MAKERS: dict[Argument, Callable[[str, Any], Callable[[Items, Scope], Any]]] = {
    "value": _value_maker,
    "pattern": _value_maker,
    "collection": lambda _, argument: _built(argument),
    "expression": _expression_maker,
    "type": lambda _, name: lambda __, ___: name,
}


def _unary(expr: Unary) -> Evaluator:
    operand, sign = _values(expr.operand), expr.operator

    def run(items: Items, scope: Scope) -> Items:
        given = operand(items, scope)
        if not given:
            return []
        number, type_, _ = one(given, f"the sign {sign}")
        if isinstance(number, Quantity):
            return [Item(number._replace(value=-number.value) if sign == "-" else number, type_)]
        if not is_number(number):
            raise ResultError(f"the sign {sign} needs a number after it")
        return [Item(-number if sign == "-" else number)]

    return run


def _binary(expr: Binary) -> Evaluator:
    sign, build = expr.operator, _built if expr.operator == "|" else _values
    left, right = build(expr.left), build(expr.right)
    if sign in LOGIC:
        return _logical(sign, left, right)
    if sign in EQUALITY:
        return lambda items, scope: boolean(_equality(sign, left(items, scope), right(items, scope)))
    if sign in _SETS:
        unite = _SETS[sign]
        return lambda items, scope: unite(left(items, scope), right(items, scope))

    def run(items: Items, scope: Scope) -> Items:
        one_side, other = left(items, scope), right(items, scope)
        if not one_side or not other:
            return []
        first, second = one(one_side, f"the operator {sign}"), one(other, f"the operator {sign}")
        if sign in ORDER:
            return boolean(ordered(sign, first, second))
        result = calculate(sign, first.value, second.value)
        return [] if result is None else [Item(result, _result_type(result, first))]

    return run


def _logical(sign: str, left: Evaluator, right: Evaluator) -> Evaluator:
    decided = {"and": False, "or": True}.get(sign)  # the left side that decides alone

    def run(items: Items, scope: Scope) -> Items:
        first = truth(left(items, scope))
        if first is not None and first == decided:
            return boolean(first)
        return boolean(_logic(sign, first, truth(right(items, scope))))

    return run


def _result_type(result: object, first: Item) -> str | None:
    """Return the type of a result of arithmetic; a date plus a duration keeps its type."""
    if isinstance(result, Quantity):
        return "Quantity"
    return first.type if isinstance(result, str) and first.type in TEMPORAL else None


def _in(needle: Items, hay: Items) -> Items:
    return boolean(within(one(needle, "in"), hay)) if needle else []


def _concatenated(left: Items, right: Items) -> Items:
    parts = [str(one(part, "the operator &").value) if part else "" for part in (left, right)]
    return [Item("".join(parts), "string")]


#: The operators that have a result even if one side is empty.
_SETS: dict[str, Callable[[Items, Items], Items]] = {
    "|": lambda left, right: distinct([*left, *right]),
    "in": _in,
    "contains": lambda left, right: _in(right, left),
    "&": _concatenated,
}


def _equality(sign: str, left: Items, right: Items) -> bool | None:
    if sign in ("~", "!~"):
        same = len(left) == len(right) and all(any(_alike(item, other) for other in right) for item in left)
        return same == (sign == "~")
    if not left or not right:
        return None
    if len(left) == len(right) == 1:
        result = equal(left[0], right[0])
        return result if result is None or sign == "=" else not result
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


_BUILDERS: dict[type, Callable[[Any], Evaluator]] = {
    Literal: _literal,
    Empty: lambda _: lambda __, ___: [],
    This: lambda _: lambda items, __: items,
    Root: _root,
    Variable: lambda expr: _VARIABLES[expr.name],
    Path: _path,
    Index: _index,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
}


def repeat(paths: Sequence[Evaluator], item: Item, scope: Scope) -> Items:
    """Return what `paths` give on `item`, and again on their results, parents before children.

    An element that several paths lead to is returned once; otherwise each level would double those below it.
    """
    found: Items = []
    seen: set[int] = set()
    stack = [item]
    while stack:
        node = stack.pop()
        if isinstance(node.value, dict):
            if id(node.value) in seen:
                continue
            seen.add(id(node.value))
        if node is not item:
            found.append(node)
        stack.extend(child for path in reversed(paths) for child in reversed(path([node], scope)))
    return found
