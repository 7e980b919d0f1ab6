"""Extensions of primitive elements, which JSON has beside them (`_birthDate`), in both ways a view runs."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from viewing import data_of, run

if TYPE_CHECKING:
    from collections.abc import Callable

    Values = Callable[..., list[Any]]

TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def absent(reason: str = "unknown") -> dict[str, Any]:
    return {"extension": [{"url": ABSENT, "valueCode": reason}]}


def patient(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **fields}


BORN = patient(
    birthDate="1970-01-02",
    _birthDate={"id": "b1", "extension": [{"url": TIME, "valueDateTime": "1970-01-02T03:04:05Z"}]},
)
PATIENTS = (BORN, patient(birthDate="1980"), patient(_birthDate=absent()), patient(gender="male"))
NAMES = patient(
    name=[
        {"given": [None, "Ada", "B"], "_given": [absent("masked"), None, {"id": "g"}]},
        {"given": ["C"], "_given": [None, absent("asked")]},
    ]
)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("birthDate", ["1970-01-02", "1980", None, None]),
        ("birthDate.exists()", [True, True, True, False]),
        ("birthDate.exists().not()", [False, False, False, True]),
        ("birthDate.empty()", [False, False, False, True]),
        ("birthDate.count()", [1, 1, 1, 0]),
        ("birthDate.hasValue()", [True, True, False, False]),
        ("birthDate.exists($this.hasValue())", [True, True, False, False]),
        ("birthDate.id", ["b1", None, None, None]),
        ("birthDate.extension.exists()", [True, False, True, False]),
        ("birthDate.extension.url", [TIME, None, ABSENT, None]),
        (f"birthDate.extension('{TIME}').value.ofType(dateTime)", ["1970-01-02T03:04:05Z", *[None] * 3]),
        (f"birthDate.extension('{ABSENT}').value.ofType(code)", [None, None, "unknown", None]),
        (f"birthDate.extension.where(url = '{ABSENT}').value.ofType(code)", [None, None, "unknown", None]),
        (f"birthDate.where(extension('{ABSENT}').exists()).exists()", [False, False, True, False]),
        ("birthDate.where(hasValue())", ["1970-01-02", "1980", None, None]),
        ("birthDate = '1980'", [False, True, None, None]),
        ("birthDate < @1975", [True, False, None, None]),
        ("birthDate.first()", ["1970-01-02", "1980", None, None]),
        ("birthDate.startsWith('19')", [True, True, None, None]),
        ("birthDate.exists() and gender.empty()", [True, True, True, False]),
        ("iif(birthDate.exists(), 'there', 'not')", ["there", "there", "there", "not"]),
        ("birthDate.lowBoundary(4)", ["1970", "1980", None, None]),
        ("birthDate.getResourceKey()", [None] * 4),
        ("_birthDate.extension.url", [TIME, None, ABSENT, None]),
    ],
)
def test_a_primitive_element_has_its_extensions(values: Values, path: str, wanted: list[Any]) -> None:
    assert values(path, *PATIENTS) == wanted


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("name.given", ["Ada", "B", "C"]),
        ("name.given.first()", []),
        ("name.given[1]", ["Ada"]),
        ("name.given.last()", []),
        ("name.given.count()", [5]),
        ("name.given.tail()", ["Ada", "B", "C"]),
        ("name.given.join(' ')", ["Ada B C"]),
        ("name.given.hasValue()", [False]),
        ("name.given.where($this.exists())", ["Ada", "B", "C"]),
        ("name.given.where(extension.exists()).count()", [2]),
        ("name.given.select(hasValue())", [False, True, True, True, False]),
        ("name.given.where(id = 'g')", ["B"]),
        (f"name.given.extension('{ABSENT}').value", ["masked", "asked"]),
        (f"name[0].given[0].extension('{ABSENT}').value.ofType(code)", ["masked"]),
        (f"name.select(given.last().extension('{ABSENT}').value)", ["asked"]),
    ],
)
def test_a_list_and_what_is_beside_it_are_aligned(values: Values, path: str, wanted: list[Any]) -> None:
    assert values(path, NAMES, collection=True) == [wanted]


def test_each_element_of_a_list_is_a_row_with_or_without_a_value(rows: Callable[..., list[Any]]) -> None:
    columns = [
        {"name": "given", "path": "$this"},
        {"name": "reason", "path": f"extension('{ABSENT}').value.ofType(code)"},
        {"name": "id", "path": "id"},
        {"name": "at", "path": "%rowIndex"},
        {"name": "inside", "path": "%context.extension.count()"},
    ]
    view = {"resource": "Patient", "select": [{"forEach": "name.given", "column": columns}]}
    assert [tuple(row.values()) for row in rows(view, NAMES)] == [
        (None, "masked", None, 0, 1),
        ("Ada", None, None, 1, 0),
        ("B", None, "g", 2, 0),
        ("C", None, None, 3, 0),
        (None, "asked", None, 4, 1),
    ]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("value.exists()", [True, True, True, False, True]),
        ("value.ofType(dateTime)", ["2020", None, None, None, None]),
        ("value.ofType(dateTime).exists()", [True, True, False, False, False]),
        ("value.ofType(dateTime).hasValue()", [True, False, False, False, False]),
        ("value.ofType(dateTime).extension.url", [None, ABSENT, None, None, None]),
        ("value.ofType(string).extension.url", [None, None, ABSENT, None, None]),
        ("value.extension.url", [None, ABSENT, ABSENT, None, None]),
        ("value.ofType(Quantity).value.extension.url", [None, None, None, None, ABSENT]),
        ("value.ofType(Quantity).value.exists()", [False, False, False, False, True]),
    ],
)
def test_a_choice_element_has_the_extensions_of_its_type(
    values: Values, path: str, wanted: list[Any]
) -> None:
    parts: tuple[dict[str, Any], ...] = (
        {"valueDateTime": "2020"},
        {"_valueDateTime": absent()},
        {"valueString": "a", "_valueString": absent()},
        {},
        {"valueQuantity": {"unit": "kg", "_value": absent()}},
    )
    observations = [{"resourceType": "Observation", **part} for part in parts]
    assert values(path, *observations) == wanted


def test_extensions_hold_extensions_and_others_modify(values: Values) -> None:
    inner = {
        "url": "in",
        "valueString": "x",
        "_valueString": {"extension": [{"url": "deep", "valueCode": "d"}]},
    }
    outer = [{"url": "out", "extension": [inner, {"url": "in", "valueString": "y"}]}, {"url": "out"}]
    one = patient(_gender={"extension": outer}, modifierExtension=[{"url": "not", "valueBoolean": True}])
    path = "gender.extension('out').extension('in').value"
    assert values(path, one, collection=True) == [["x", "y"]]
    assert values(f"{path}.extension('deep').value.ofType(code)", one) == ["d"]
    assert values("modifierExtension.where(url = 'not').value.ofType(boolean)", one) == [True]
    assert values("gender.extension.count()", one) == [2]


def test_a_condition_takes_an_element_without_a_value_as_not_known(rows: Callable[..., list[Any]]) -> None:
    two = [patient(id="a", active=True), patient(id="b", _active=absent()), patient(id="c")]
    for path, kept in {
        "active": ["a"],
        "active.not()": [],
        "active.exists().not()": ["c"],
        "active.empty() or active": ["a", "c"],
    }.items():
        view = {
            "resource": "Patient",
            "where": [{"path": path}],
            "select": [{"column": [{"name": "id", "path": "id"}]}],
        }
        assert [row["id"] for row in rows(view, *two)] == kept


GIVEN = st.lists(st.sampled_from(["Ada", "B", None]), max_size=3)
REASON = st.sampled_from(["masked", "asked"]).map(absent)
ID = st.sampled_from(["i", "j"]).map(lambda name: {"id": name})
BESIDE = st.one_of(REASON, ID, st.builds(lambda one, other: {**one, **other}, REASON, ID))
NAME = st.fixed_dictionaries(
    {}, optional={"given": GIVEN, "_given": st.lists(st.one_of(st.none(), BESIDE), max_size=3)}
)
PATIENT = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={
        "birthDate": st.sampled_from(["1970", "1980-01-02"]),
        "_birthDate": BESIDE,
        "name": st.lists(NAME, max_size=2),
        "deceasedBoolean": st.booleans(),
        "_deceasedBoolean": BESIDE,
    },
)
Element = tuple[Any, dict[str, Any]]


def elements(parent: dict[str, Any], name: str) -> list[Element]:
    """Return value, and what is beside it, of each primitive element `name`, as the page on JSON has it."""
    sides = [parent.get(key) for key in (name, f"_{name}")]
    pairs = zip_longest(*(side if isinstance(side, list) else [side] for side in sides))
    return [(value, beside or {}) for value, beside in pairs if (value, beside) != (None, None)]


def reasons(found: list[Element]) -> list[str]:
    return [part["valueCode"] for _, beside in found for part in beside.get("extension", [])]


def birth(resource: dict[str, Any]) -> list[Element]:
    return elements(resource, "birthDate")


def given_names(resource: dict[str, Any]) -> list[Element]:
    return [found for name in resource.get("name", []) for found in elements(name, "given")]


def deceased(resource: dict[str, Any]) -> list[Element]:
    return elements(resource, "deceasedBoolean")


#: Path -> the collection that it gives, read off the JSON without an engine.
READINGS: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "birthDate": lambda one: [value for value, _ in birth(one) if value],
    "birthDate.exists()": lambda one: [bool(birth(one))],
    "birthDate.exists().not()": lambda one: [not birth(one)],
    "birthDate.hasValue()": lambda one: [any(value for value, _ in birth(one))],
    "birthDate.id": lambda one: [beside["id"] for _, beside in birth(one) if "id" in beside],
    f"birthDate.extension('{ABSENT}').value": lambda one: reasons(birth(one)),
    "name.given": lambda one: [value for value, _ in given_names(one) if value],
    "name.given.count()": lambda one: [len(given_names(one))],
    "name.given.first()": lambda one: [value for value, _ in given_names(one)[:1] if value],
    "name.given[1]": lambda one: [value for value, _ in given_names(one)[1:2] if value],
    "name.given.last().extension.value": lambda one: reasons(given_names(one)[-1:]),
    "name.given.where(extension.exists())": lambda one: [
        value for value, beside in given_names(one) if value and "extension" in beside
    ],
    "name.given.where(hasValue().not()).extension.value": lambda one: reasons(
        [found for found in given_names(one) if found[0] is None]
    ),
    "name.given.select(extension.exists())": lambda one: [
        "extension" in beside for _, beside in given_names(one)
    ],
    "name.given.id": lambda one: [beside["id"] for _, beside in given_names(one) if "id" in beside],
    "deceased.exists()": lambda one: [bool(deceased(one))],
    "deceased.ofType(boolean)": lambda one: [value for value, _ in deceased(one) if value is not None],
    "deceased.ofType(boolean).extension.value": lambda one: reasons(deceased(one)),
    "deceased.extension.exists()": lambda one: [bool(reasons(deceased(one)))],
}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PATIENT, min_size=1, max_size=5), min_size=1, max_size=3))
def test_a_view_gives_what_a_plain_reading_gives(blocks: list[list[dict[str, Any]]]) -> None:
    columns = [
        {"name": f"v{number}", "path": path, "collection": True} for number, path in enumerate(READINGS)
    ]
    view = {"resource": "Patient", "select": [{"column": columns}]}
    wanted = [[read(one) for block in blocks for one in block] for read in READINGS.values()]
    data = [data_of(block) for block in blocks]
    for compiled in (True, False):
        found = run(view, data, compiled=compiled)
        assert isinstance(found, list)
        assert dict(zip(READINGS, found, strict=True)) == dict(zip(READINGS, wanted, strict=True))


def test_a_surprise_in_a_later_block_is_seen() -> None:
    """Of what no block had so far, only a name is known, which tells it when it comes."""
    first = data_of([patient(name=[{"given": ["A"]}], birthDate="1980", deceasedBoolean=True)])
    later = data_of([patient(name=[{"given": ["B"], "_given": [absent()]}], _birthDate={"id": "x"})])
    choice = data_of([patient(_deceasedDateTime=absent())])
    paths = ["name.given.extension.exists()", "birthDate.exists()", "deceased.exists()"]
    columns = [{"name": f"v{number}", "path": path} for number, path in enumerate(paths)]
    view = {"resource": "Patient", "select": [{"column": columns}]}
    wanted = [[False, True, False], [True, True, False], [True, False, True]]
    for compiled in (True, False):
        assert run(view, [first, later, choice], compiled=compiled) == wanted


def test_a_column_of_values_does_not_parse_what_is_beside_them(values: Values) -> None:
    """What only values are asked of stays as fast as it was."""
    from lro_notebook.views.definition import read_definition
    from lro_notebook.views.prepare import prepare

    columns = [{"name": "b", "path": "birthDate"}, {"name": "g", "path": "name.given.join(' ')"}]
    needs = prepare(read_definition({"resource": "Patient", "select": [{"column": columns}]})).needs
    assert needs.of("birthDate") is not None
    assert needs.of("_birthDate") is None
    assert values("birthDate", json.dumps(BORN)) == ["1970-01-02"]
