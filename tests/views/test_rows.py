"""The rows of a view: unnesting, products, unions, recursion, row numbers, and what is in no row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from viewing import interpreted

from lro_notebook.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = Callable[..., list[dict[str, Any]]]

PATIENTS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "active": True,
        "name": [{"family": "A", "given": ["a", "b"]}, {"family": "B", "given": ["c"]}],
        "contact": [
            {"telecom": [{"system": "phone"}, {"system": "email"}]},
            {"telecom": [{"system": "fax"}], "gender": "other"},
        ],
    },
    {"resourceType": "Patient", "id": "p2", "name": [{"family": "C"}]},
    {"resourceType": "Patient", "id": "p3", "active": False},
]
INDEX = {"name": "n", "path": "%rowIndex", "type": "integer"}
ID = {"column": [{"name": "id", "path": "id", "type": "id"}]}


def column(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "path": path, **more}


def view(*selects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resource": "Patient", "select": list(selects), **more}


def tuples(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]


def test_row_index_counts_within_each_element(rows: Rows) -> None:
    found = rows(
        view(ID, {"forEach": "name", "column": [INDEX, column("family", "family")]}),
        *PATIENTS,
    )
    assert tuples(found) == [("p1", 0, "A"), ("p1", 1, "B"), ("p2", 0, "C")]


def test_row_index_is_zero_at_the_top_and_for_a_row_of_nulls(rows: Rows) -> None:
    inner = {"forEachOrNull": "contact", "column": [column("m", "%rowIndex"), column("g", "gender.exists()")]}
    found = rows(view({"column": [INDEX]}, inner), *PATIENTS)
    assert tuples(found) == [(0, 0, False), (0, 1, True), (0, 0, None), (0, 0, None)]


def test_nested_row_indexes_do_not_mix(rows: Rows) -> None:
    inner = {"forEach": "telecom", "column": [column("m", "%rowIndex"), column("s", "system")]}
    found = rows(view({"forEach": "contact", "column": [INDEX], "select": [inner]}), *PATIENTS)
    assert tuples(found) == [(0, 0, "phone"), (0, 1, "email"), (1, 0, "fax")]


def test_parts_of_a_union_have_the_row_index_around_them_or_their_own(rows: Rows) -> None:
    union = [
        {"forEach": "given", "column": [column("m", "%rowIndex"), column("v", "$this")]},
        {"column": [column("m", "%rowIndex"), column("v", "family")]},
    ]
    found = rows(view({"forEach": "name", "column": [INDEX], "select": [{"unionAll": union}]}), *PATIENTS)
    assert tuples(found) == [(0, 0, "a"), (0, 1, "b"), (0, 0, "A"), (1, 0, "c"), (1, 1, "B"), (0, 0, "C")]


def test_row_index_can_be_used_in_paths(rows: Rows) -> None:
    found = rows(
        view(
            {"forEach": "name", "column": [column("v", "given[%rowIndex]"), column("odd", "%rowIndex = 1")]}
        ),
        *PATIENTS[:2],
    )
    assert tuples(found) == [("a", False), (None, True), (None, False)]


ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "id": "q",
    "item": [
        {"linkId": "1", "item": [{"linkId": "1.1", "answer": [{"valueInteger": 4}]}, {"linkId": "1.2"}]},
        {
            "linkId": "2",
            "answer": [{"valueString": "x", "item": [{"linkId": "2.1", "item": [{"linkId": "2.1.1"}]}]}],
        },
    ],
}


def test_repeat_goes_to_every_depth_parents_first(rows: Rows) -> None:
    select = {
        "repeat": ["item", "answer.item"],
        "column": [
            column("link", "linkId"),
            INDEX,
            column("v", "answer.value.ofType(integer)", type="integer"),
        ],
    }
    definition = {"resource": "QuestionnaireResponse", "select": [ID, select]}
    bare = {"resourceType": "QuestionnaireResponse", "id": "r"}
    found = tuples(rows(definition, ANSWERS, bare))
    assert [row[1] for row in found] == ["1", "1.1", "1.2", "2", "2.1", "2.1.1"]
    assert [row[2] for row in found] == [0, 1, 2, 3, 4, 5]
    assert [row[3] for row in found] == [None, 4, None, None, None, None]


def test_repeat_can_hold_and_be_in_other_selections(rows: Rows) -> None:
    inner = {"forEachOrNull": "answer", "column": [column("v", "value.ofType(string)")]}
    select = {"repeat": ["item"], "column": [column("link", "linkId")], "select": [inner]}
    union = {"unionAll": [select, {"column": [column("link", "id"), column("v", "'root'")]}]}
    found = rows({"resource": "QuestionnaireResponse", "select": [union]}, ANSWERS)
    assert tuples(found) == [("1", None), ("1.1", None), ("1.2", None), ("2", "x"), ("q", "root")]


def test_repeat_below_a_foreach_starts_at_its_element(rows: Rows) -> None:
    select = {
        "forEach": "item.where(linkId = '1')",
        "select": [{"repeat": ["item"], "column": [column("l", "linkId")]}],
    }
    found = rows({"resource": "QuestionnaireResponse", "select": [select]}, ANSWERS)
    assert tuples(found) == [("1.1",), ("1.2",)]


def test_siblings_are_multiplied_and_a_selection_without_rows_leaves_none(rows: Rows) -> None:
    names = {"forEach": "name", "column": [column("family", "family")]}
    contacts = {"forEach": "contact", "column": [column("tel", "telecom.count()")]}
    assert tuples(rows(view(names, contacts), *PATIENTS)) == [("A", 2), ("B", 2), ("A", 1), ("B", 1)]


def test_null_rows_come_from_a_missing_element_and_not_from_what_is_within(rows: Rows) -> None:
    inner = {"forEach": "given", "column": [column("v", "$this")]}
    found = rows(
        view(ID, {"forEachOrNull": "name", "column": [column("f", "family")], "select": [inner]}), *PATIENTS
    )
    assert tuples(found) == [("p1", "A", "a"), ("p1", "A", "b"), ("p1", "B", "c"), ("p3", None, None)]


def test_a_constant_column_in_a_null_row_is_null(rows: Rows) -> None:
    found = rows(view(ID, {"forEachOrNull": "contact", "column": [column("c", "'x'")]}), *PATIENTS[1:])
    assert tuples(found) == [("p2", None), ("p3", None)]


def test_conditions_must_all_be_true_and_be_booleans(rows: Rows) -> None:
    found = rows(view(ID, where=[{"path": "active"}, {"path": "name.exists()"}]), *PATIENTS)
    assert tuples(found) == [("p1",)]
    for path in ("name.family", "name", "name.given", "id"):
        with pytest.raises(ResultError, match="is not true or false for every resource"):
            rows(view(ID, where=[{"path": path}]), *PATIENTS)


def test_conditions_hold_for_all_that_follows(rows: Rows) -> None:
    select = {"forEach": "name", "column": [column("f", "family.upper()"), column("r", "%resource.id")]}
    found = rows(view(select, where=[{"path": "id != 'p1'"}]), *PATIENTS)
    assert tuples(found) == [("C", "p2")]


def test_resources_of_another_type_are_left_out(store: Callable[..., Any]) -> None:
    results = store(PATIENTS)
    path = Path(results.scan(view(ID))._shards[0].path)
    path.write_text('{"resourceType":"Device","id":"d"}\n{"id":"untyped"}\n' + path.read_text())
    assert results.view(view(ID))["id"].tolist() == ["untyped", "p1", "p2", "p3"]
    assert interpreted(results.scan(view(ID)))["id"].tolist() == ["untyped", "p1", "p2", "p3"]


def test_collections_are_lists_and_never_null_outside_of_null_rows(rows: Rows) -> None:
    both = [
        column("given", "name.given", collection=True),
        column("upper", "name.given.select(upper())", collection=True),
    ]
    found = rows(view({"column": both}), *PATIENTS)
    assert tuples(found) == [(["a", "b", "c"], ["A", "B", "C"]), ([], []), ([], [])]


def test_a_collection_of_one_is_a_list(rows: Rows) -> None:
    found = rows(view({"column": [column("f", "name.family", collection=True, type="string")]}), PATIENTS[1])
    assert tuples(found) == [(["C"],)]


def test_a_union_of_no_and_some_rows_keeps_types(rows: Rows) -> None:
    union = [
        {"forEach": "photo", "column": [column("v", "size")]},
        {"forEach": "name", "column": [column("v", "given.count()")]},
    ]
    assert tuples(rows(view(ID, {"unionAll": union}), *PATIENTS)) == [("p1", 2), ("p1", 1), ("p2", 0)]


@pytest.mark.parametrize("path", ["name.given.where($this = %c)", "name.given.where(%c = $this)"])
def test_constants_of_text_types(path: str, rows: Rows) -> None:
    for key in ("String", "Code", "Id", "Uri", "Url", "Canonical", "Oid", "Uuid", "Base64Binary"):
        found = rows(
            view(
                {"forEach": path, "column": [column("v", "$this")]},
                constant=[{"name": "c", f"value{key}": "b"}],
            ),
            PATIENTS[0],
        )
        assert [row["v"] for row in found][-1:] == ["b"]


@pytest.mark.parametrize(
    ("key", "constant", "element", "value", "other"),
    [
        ("Integer", 5, "valueInteger", 5, 6),
        ("PositiveInt", 5, "valuePositiveInt", 5, 6),
        ("UnsignedInt", 5, "valueUnsignedInt", 5, 6),
        ("Integer64", "5", "valueInteger", 5, 6),
        ("Integer64", 5, "valueInteger", 5, 6),
        ("Decimal", 1.5, "valueDecimal", 1.5, 1.25),
        ("Boolean", False, "valueBoolean", False, True),
        ("Date", "2020-01-02", "valueDate", "2020-01-02", "2020-01-03"),
        (
            "DateTime",
            "2020-01-02T10:00:00Z",
            "valueDateTime",
            "2020-01-02T11:00:00+01:00",
            "2020-01-02T10:00:01Z",
        ),
        (
            "Instant",
            "2020-01-02T10:00:00.000Z",
            "valueInstant",
            "2020-01-02T10:00:00.000Z",
            "2020-01-02T10:00:00.001Z",
        ),
        ("Time", "10:00:00", "valueTime", "10:00:00", "10:00:01"),
        ("Base64Binary", "aGk=", "valueBase64Binary", "aGk=", "aGl="),
        ("Markdown", None, None, None, None),
    ],
)
def test_constants_of_other_types(  # noqa: PLR0917 - a table
    key: str, constant: object, element: str | None, value: object, other: object, rows: Rows
) -> None:
    if element is None:
        with pytest.raises(ValueError, match="primitive type"):
            rows(view(ID, constant=[{"name": "c", f"value{key}": "x"}]), PATIENTS[0])
        return
    kind = element.removeprefix("value")
    kind = kind[0].lower() + kind[1:]
    definition = {
        "resource": "Observation",
        "constant": [{"name": "c", f"value{key}": constant}],
        "select": [{"column": [column("same", f"extension.value.ofType({kind}) = %c", type="boolean")]}],
    }
    resources = [
        {"resourceType": "Observation", "extension": [{"url": "u", element: item}]} for item in (value, other)
    ]
    found = rows(definition, *resources, {"resourceType": "Observation"})
    assert tuples(found) == [(True,), (False,), (None,)]


def test_a_constant_can_be_a_column(rows: Rows) -> None:
    constants: list[dict[str, Any]] = [
        {"name": "d", "valueDecimal": 1.5},
        {"name": "s", "valueDate": "2020"},
        {"name": "b", "valueBoolean": True},
    ]
    columns = [column(constant["name"], f"%{constant['name']}") for constant in constants]
    assert tuples(rows(view({"column": columns}, constant=constants), PATIENTS[0])) == [(1.5, "2020", True)]


def test_faults_in_conditions_and_selections_say_where_they_are(rows: Rows) -> None:
    for more, message in (
        ({"where": [{"path": "name.given.single().exists()"}]}, r"the condition 'name.given.single\(\)"),
        (
            {"select": [{"forEach": "name.given.single()", **ID}]},
            r"\[0\].forEach: single\(\) takes one value",
        ),
        ({"select": [{"repeat": ["name[id]"], **ID}]}, r"select\[0\].repeat: an index must be"),
    ):
        with pytest.raises(ResultError, match=message):
            rows({**view(ID), **more}, PATIENTS[0])
