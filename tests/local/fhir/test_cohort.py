"""executeCohort: which resources FHIRPath expressions select, and which expressions are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from local.stores import changed_store, load, number, run

from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.values import Item
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir.cohort_expression import ParseError, compile_expression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.conftest import Program

PERSON: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "gender": "female",
    "birthDate": "1960-05-20",
    "name": [{"given": ["A", "B"]}],
    "deceasedBoolean": False,
    "contained": [{"resourceType": "Organization", "id": "o"}],
}


def selected(text: str, resource: dict[str, Any]) -> list[str]:
    item = Item(resource)
    return [found["id"] for found in compile_expression(text).select(item, Scope(item))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient", True),
        ("Resource.id = 'p'", True),
        ("DomainResource.where(meta.exists())", False),
        ("Patient.active", True),
        ("Patient.active = true", True),
        ("Patient.active.not()", False),
        ("Patient.deceased", False),
        ("Patient.gender = 'female'", True),
        ("Patient.gender = 'male'", False),
        ("Patient.where(active = false)", False),
        ("Patient.where(active = false).exists()", False),
        ("Patient.where(active).exists()", True),
        ("Patient.birthDate < @1970-01-01 and Patient.active", True),
        ("Patient.birthDate < @1960 and Patient.active", False),
        ("Patient.birthDate <= today() - 65 years", True),
        ("Patient.where(name.given contains 'B' and birthDate < @1980-01-01)", True),
        ("Patient.where('C' in name.given and birthDate < @1980-01-01)", False),
        ("Patient.where(name.given = 'B')", False),  # several values never equal one
        ("Patient.name.exists()", True),
        ("Patient.name.select(given.count() > 1)", True),
        ("Patient.rank = '3'", False),
        ("Patient.gender in ('male' | 'female')", True),
        ("Patient.where(gender.matches('^fe'))", True),
        ("Patient.iif(active, $this, {})", True),
        ("Encounter.id = 'p'", False),
    ],
)
def test_true_or_the_resource_itself_selects_it(text: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert selected(text, PERSON) == (["p"] if expected else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient.birthDate.exists().not()", ["none"]),
        ("Patient.birthDate.exists()", ["born", "masked"]),
        ("Patient.birthDate.hasValue()", ["born"]),
        ("Patient.where(birthDate.hasValue().not())", ["masked", "none"]),
        ("Patient.birthDate < @2000", ["born"]),
        ("Patient.where(birthDate.extension('u').exists())", ["masked"]),
        ("Patient.active", []),
        ("Patient.active.exists()", ["masked"]),
    ],
)
def test_an_element_with_extensions_and_no_value_is_there(text: str, expected: list[str]) -> None:
    beside = {"extension": [{"url": "u", "valueCode": "masked"}]}
    born, masked, none = (
        {"resourceType": "Patient", **fields}
        for fields in (
            {"id": "born", "birthDate": "1960"},
            {"id": "masked", "_birthDate": beside, "_active": beside},
            {"id": "none"},
        )
    )
    assert [name for one in (born, masked, none) for name in selected(text, one)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Observation.where(valueQuantity.value > 5)",
        "Observation.where(value.value > 5)",
        "Observation.where(value.ofType(Quantity).value > 5)",
        "Observation.value.value > 5",
        "Observation.value > 5 'mg'",
        "(Observation.value as Quantity) > 0.005 'g'",
    ],
)
def test_numbers_are_compared_by_what_they_are_through_choices_of_types(text: str) -> None:
    found = [
        selected(text, {"resourceType": "Observation", "id": str(value), "valueQuantity": quantity})
        for value in (5, 5.5, 6)
        for quantity in [{"value": value, "unit": "mg", "code": "mg"}]
    ]
    assert found == [[], ["5.5"], ["6"]]


def test_resources_within_are_resources_too() -> None:
    assert selected("Patient.contained", PERSON) == ["o"]
    assert selected("Patient.contained.ofType(Organization)", PERSON) == ["o"]
    assert selected("Patient | Patient.contained", PERSON) == ["p", "o"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected text"),
        ("", "at character 1: the path ends too early"),
        ("patient", "start with a resource type"),
        ("1 = 1", "start with a resource type"),
        ("Patient.union(Encounter)", "Encounter and Patient"),
        ("Patient | Encounter", "Encounter and Patient"),
        ("Patient.where(", "at character 15: the path ends too early"),
        ("Patient.where(a # b)", "at character 17"),
        ("Patient.wher(active)", r"at character 9: there is no function wher\(\); did you mean where"),
        ("Patient.getResourceKey() = 'p'", r"there is no function getResourceKey\(\)"),
        ("Patient.where(%rowIndex = 0)", "the constant %rowIndex is not defined"),
        ("Patient.name", "an expression must give true or false, or resources"),
        ("Patient.name.given", "an expression must give true or false, or resources"),
        ("Patient.name.first()", "an expression must give true or false, or resources"),
        ("Patient.name[0]", "an expression must give true or false, or resources"),
        ("Patient.name.count()", "an expression must give true or false, or resources"),
        ("Patient.name.count() + 1", "an expression must give true or false, or resources"),
        ("Patient.select(name)", "an expression must give true or false, or resources"),
        ("Patient | Patient.name", "an expression must give true or false, or resources"),
        ("Patient.contained.ofType(HumanName)", "an expression must give true or false, or resources"),
        ("iif(Patient.active, Patient)", "start with a resource type"),
        ("Patient.iif(active, 'yes')", "an expression must give true or false, or resources"),
        (f"{'(' * 300}Patient{')' * 300}", "nested too deep"),
    ],
)
def test_what_is_no_expression_of_a_cohort_is_refused(text: object, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as caught:
        compile_expression(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Patient.where(name.given > 'a')", "takes one value, not 2"),
        ("Patient.children()", "gave something else"),
        ("Patient.name.select(given.exists() | given.empty())", "gave something else"),
        ("Patient.where(10.power(9999999) > 1)", "out of range"),
    ],
)
def test_what_only_the_data_shows_is_a_flaw_without_the_data(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        selected(text, PERSON)
    assert "1960" not in str(caught.value)


def cohort(
    service: Program, store: str, expressions: Sequence[object], folder: str, **more: str
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Run a cohort; return the operation, and the ids in its files by their paths, without its number."""
    listed = [
        dict(zip(KEYS, part, strict=True)) if isinstance(part, tuple) else {"fhirpathExpression": part}
        for part in expressions
    ]
    destination = {"uriPrefix": f"gs://demo-out/{folder}"}
    body = {"fhirpathQuery": {"expressions": listed}, "gcsDestination": destination, **more}
    operation = run(service, f"{store}:executeCohort", body, version="v1beta1")
    place = Path(service.buckets) / "demo-out" / folder
    files = {
        str(path.relative_to(place)).replace(f"{number(operation)}_", ""): [
            json.loads(line)["id"] for line in path.read_text().splitlines()
        ]
        for path in sorted(place.rglob(f"{number(operation)}_*"))
    }
    return operation, files


KEYS = ("label", "fhirpathExpression")


@pytest.mark.service
def test_a_cohort_is_written_by_label_and_as_it_was_at_a_time(service: Program) -> None:
    store, moment, _ = changed_store(service, "cohort")
    queries = [("women", "Patient.where(gender = 'female')"), "Patient"]
    operation, files = cohort(service, store, queries, "cohort")
    assert operation["metadata"]["counter"] == {"success": "4"}
    assert operation["response"]["fhirStore"].endswith(f"/{store}")
    assert files == {"Patient": ["created", "kept", "updated"], "women/Patient": ["updated"]}
    _, files = cohort(service, store, queries, "cohort", _at=moment)
    assert files == {"Patient": ["deleted", "kept", "updated"]}


@pytest.mark.service
def test_expressions_with_one_label_share_files_and_what_they_refer_to_is_found(service: Program) -> None:
    store = "fhirStores/cohort-care"
    team = {
        "resourceType": "CareTeam",
        "id": "t",
        "participant": [
            {"member": {"reference": name}} for name in ("Patient/a", "Practitioner/b", "Patient/x")
        ],
    }
    other = {**team, "id": "u", "participant": team["participant"][:1]}
    plain = [
        {"resourceType": "Patient", "id": "a", "active": True},
        {"resourceType": "Practitioner", "id": "b"},
    ]
    load(service, store, *map(json.dumps, (team, other, *plain)))
    operation, files = cohort(
        service,
        store,
        ["CareTeam.participant.member.resolve()", "Patient.active", ("all", "Resource.id != 'u'")],
        "care",
    )
    assert files == {
        "Patient": ["a"],
        "Practitioner": ["b"],
        "all/CareTeam": ["t"],
        "all/Patient": ["a"],
        "all/Practitioner": ["b"],
    }
    assert operation["metadata"]["counter"] == {"success": "5"}


@pytest.mark.service
def test_numbers_are_exact_and_what_is_written_is_what_was_stored(service: Program) -> None:
    store = "fhirStores/cohort-numbers"
    lines = [
        f'{{"resourceType":"Observation","id":"o{number}","valueQuantity":{{"value":{value}}}}}'
        for number, value in enumerate(("5", "5.50", "6", "5.0000000000000000001"))
    ]
    load(service, store, *lines)
    _, files = cohort(service, store, ["Observation.where(value.value > 5)"], "numbers")
    assert files == {"Observation": ["o1", "o2", "o3"]}
    (path,) = (service.buckets / "demo-out/numbers").iterdir()
    assert '"value":5.50' in path.read_text()
    _, files = cohort(service, store, ["Observation.value.value.toString() = '5.50'"], "words")
    assert files == {"Observation": ["o1"]}


@pytest.mark.service
def test_a_resource_that_has_no_answer_fails_alone(service: Program) -> None:
    store = "fhirStores/cohort-failures"
    names = [{"given": ["A", "B"]}, {"given": ["B"]}]
    load(
        service,
        store,
        *(
            json.dumps({"resourceType": "Patient", "id": f"p{n}", "name": [name]})
            for n, name in enumerate(names)
        ),
    )
    operation, files = cohort(service, store, ["Patient.where(name.given > 'A')"], "failures")
    assert files == {"Patient": ["p1"]}
    assert operation["metadata"]["counter"] == {"success": "1", "failure": "1"}


@pytest.mark.service
def test_an_expression_is_refused_before_anything_runs(service: Program) -> None:
    body = {
        "fhirpathQuery": {"expressions": [{"fhirpathExpression": "Patient.name.given"}]},
        "gcsDestination": {"uriPrefix": "gs://demo-out/refused"},
    }
    service.store("cohort-refused")
    url = f"{service.endpoint}/v1beta1/{service.client.base_url.path.partition('/v1/')[2]}"
    answer = service.client.post(f"{url}fhirStores/cohort-refused:executeCohort", json=body)
    assert answer.status_code == 400
    assert "must give true or false, or resources" in answer.json()["error"]["message"]
