"""FHIRPath against what nobody meant to write: expressions and resources made at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.dialect import FHIRPATH, VIEWS
from lro_notebook.fhirpath.interpreter import evaluate
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.syntax import PathError
from lro_notebook.fhirpath.values import Item
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir.cohort_expression import ParseError, compile_expression

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from lro_notebook.fhirpath.dialect import Dialect

_TEXTS = (
    "",
    "a",
    "2020-02-30",
    "2020-01-01T10:00:00Z",
    "T",
    "Patient/1",
    "#c",
    "1e400",
    "\u017f",
    "\ud800",
    "$1",
)
_NUMBERS = (0, -1, 5.5, 2**70, 1e308, -0.0, 1e-300, 9_999_999)
_NAMES = (
    "id",
    "name",
    "given",
    "value",
    "valueQuantity",
    "code",
    "unit",
    "birthDate",
    "contained",
    "reference",
)
_ATOMS = (
    *_NAMES, "Patient", "Resource", "$this", "%resource", "%context", "{}", "true", "1", "0.1", "-1",
    "'a'", "''", "@2020-02-29", "@T23:59", "@2020-01-01T00:00:00+14:00", "4 days", "5 'mg'",
    "99999999999999999999", r"'5 \'g\''",
)  # fmt: skip
_SIGNS = (
    "+", "-", "*", "/", "div", "mod", "&", "|", "=", "!=", "~", "!~", "<", ">", "<=", ">=", "and", "or",
    "xor", "implies", "in", "contains",
)  # fmt: skip
#: What takes a pattern: a slow one is met elsewhere.
_FUNCTIONS = [name for name in FUNCTIONS if name not in ("matches", "replaceMatches")]


def _value(dice: random.Random, depth: int) -> Any:
    pick = dice.random()
    if depth == 0 or pick < 0.4:  # noqa: PLR2004 - a share
        return dice.choice((*_TEXTS, *_NUMBERS, True, False, None))
    if pick < 0.6:  # noqa: PLR2004 - a share
        return [_value(dice, depth - 1) for _ in range(dice.randrange(4))]
    return {dice.choice(_NAMES): _value(dice, depth - 1) for _ in range(dice.randrange(5))}


def _resource(dice: random.Random) -> dict[str, Any]:
    fields = {name: _value(dice, 3) for name in _NAMES if dice.random() < 0.6}  # noqa: PLR2004 - a share
    return {**fields, "resourceType": dice.choice(("Patient", "Bundle")), "id": "1"}


def _expression(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return dice.choice(_ATOMS)
    left = _expression(dice, depth - 1)
    shape = dice.randrange(5)
    if shape == 0:
        return f"({left} {dice.choice(_SIGNS)} {_expression(dice, depth - 1)})"
    if shape == 1:
        return f"({left}).{dice.choice(_NAMES)}"
    if shape == 2:  # noqa: PLR2004 - one of the shapes
        return f"({left})[{_expression(dice, 0)}]"
    row = FUNCTIONS[dice.choice(_FUNCTIONS)]
    least = len(row.arguments) if row.min_arguments is None else row.min_arguments
    kinds = row.arguments[: dice.randint(least, len(row.arguments))]
    arguments = [
        dice.choice(("Quantity", "string", "FHIR.Patient"))
        if kind == "type"
        else _expression(dice, depth - 1)
        for kind in kinds
    ]
    return f"({left}).{row.name}({', '.join(arguments)})"


def _evaluated(dice: random.Random) -> tuple[int, int]:
    """Evaluate expressions that can be read: each gives a collection, or one of two errors."""
    held, tried = 0, 3_000
    for _ in range(tried):
        root = Item(_resource(dice))
        try:
            expr = parse(_expression(dice, dice.randrange(5)))
            found = evaluate(expr, [root], Scope(root, resolve=lambda _: {"resourceType": "Patient"}))
            held += all(isinstance(item, Item) for item in found)
        except (PathError, ResultError, ArithmeticError):
            held += 1
    return tried, held


def _damaged(dice: random.Random) -> tuple[int, int]:
    """Read expressions with characters lost, doubled and swapped: each is read, or refused with its place."""
    held, tried = 0, 5_000
    for _ in range(tried):
        letters = list(_expression(dice, dice.randrange(5)))
        for _ in range(dice.randrange(1, 6)):
            place = dice.randrange(len(letters) + 1)
            letters[place : place + dice.randrange(2)] = dice.choice(
                ("", "'", "(", ")", ".", "[", "%", "`", "/*", "é")
            )
        held += all(_is_read_or_refused("".join(letters), dialect) for dialect in (FHIRPATH, VIEWS))
    return tried, held


def _is_read_or_refused(text: str, dialect: Dialect) -> bool:
    try:
        parse(text, dialect=dialect)
    except PathError as error:
        return "at character" in str(error)
    return True


def _cohorts(dice: random.Random) -> tuple[int, int]:
    """Compile expressions of cohorts: what is accepted gives resources, or a flaw in fixed words."""
    held, tried = 0, 3_000
    for _ in range(tried):
        root = Item(_resource(dice))
        try:
            compiled = compile_expression(f"Patient.where({_expression(dice, dice.randrange(4))})")
            found = compiled.select(root, Scope(root))
            held += all(resource["resourceType"] for resource in found)
        except (ServiceError, ParseError):
            held += 1
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("FHIRPath at random on resources at random", _evaluated),
    ("FHIRPath with characters lost, doubled and swapped", _damaged),
    ("cohorts of FHIRPath at random", _cohorts),
]
