"""The ids and extensions of primitive elements in the interpreter: functions that views do not have too."""

from __future__ import annotations

from typing import Any

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath.interpreter import evaluate
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.values import Item

MASKED = {"extension": [{"url": "absent", "valueCode": "masked"}]}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "_gender": MASKED,
    "birthDate": "1970-06-05",
    "_birthDate": {"id": "b", "extension": [{"url": "time", "valueDateTime": "1970-06-05T10:00:00Z"}]},
    "_active": MASKED,
    "_deceasedBoolean": {"id": "d"},
    "name": [{"given": [None, "Ann", "Bea"], "_given": [MASKED, None, MASKED, {"id": "fourth"}]}],
    "_text": "no element",
    "odd": {"part": 1},
    "_odd": {"id": "beside an object"},
}


def values(path: str) -> list[Any]:
    root = Item(PATIENT)
    return [item.value for item in evaluate(parse(path), [root], Scope(root))]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("gender.exists()", [True]),
        ("gender", [None]),
        ("gender.getValue()", []),
        ("birthDate.getValue()", ["1970-06-05"]),
        ("gender.hasValue()", [False]),
        ("gender is code", [True]),
        ("gender.ofType(HumanName).exists()", [False]),
        ("gender.type().name", ["Element"]),
        ("deceased is boolean", [True]),
        ("deceased.type().name", ["boolean"]),
        ("gender.children().value", ["masked"]),
        ("birthDate.children().count()", [2]),
        ("descendants().where(url = 'time').value", ["1970-06-05T10:00:00Z"]),
        ("children().where(hasValue().not() and extension.exists()).count()", [2]),
        ("name.given.count()", [4]),
        ("name.given.distinct().count()", [4]),
        ("name.given.isDistinct()", [True]),
        ("(gender | active).count()", [1]),  # no values, and the same beside them
        ("(gender | deceased).count()", [2]),
        ("gender.intersect(active).exists()", [True]),
        ("name.given.exclude(gender).count()", [3]),
        ("name.given.union(gender).count()", [4]),
        ("name.given.repeat(extension).value.ofType(code)", ["masked"]),
        ("name.given.skip(3).id", ["fourth"]),
        ("name.given.upper()", "refused"),
        ("name.given.first().upper()", []),
        ("gender & 'x'", ["x"]),
        ("gender = 'male'", []),
        ("gender != 'male'", []),
        ("gender ~ {}", [True]),
        ("gender in ('male' | 'female')", []),
        ("('a' | 'b') contains gender", []),
        ("name.given contains 'Ann'", [True]),
        ("active.not()", []),
        ("active and true", []),
        ("active or true", [True]),
        ("iif(active, 1, 2)", [2]),
        ("name.given.allTrue()", "refused"),
        ("active.allTrue()", [True]),
        ("name.given.aggregate($total & $this, '')", ["AnnBea"]),
        ("'abc'.startsWith(gender)", []),
        ("gender.toString()", []),
        ("birthDate + 1 day", ["1970-06-06"]),
        ("-gender", []),
        ("name.given[gender]", []),
        ("text.exists()", [False]),
        ("odd.id", []),
        ("odd.part", [1]),
        ("_gender.extension.value", ["masked"]),
    ],
)
def test_elements_without_a_value_are_there_and_have_none(path: str, wanted: list[Any] | str) -> None:
    if wanted == "refused":
        with pytest.raises(ResultError):
            values(path)
    else:
        assert values(path) == wanted
