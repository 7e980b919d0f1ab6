"""What belongs together, what a store can do, and what it says of resources without storing them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET

from lro_notebook.local.datasets.stores import Store
from lro_notebook.local.discovery.served import NOT_SERVED
from lro_notebook.local.fhir.interactions.capabilities import describe
from lro_notebook.local.fhir.interactions.compartments import belongs, is_within, members
from lro_notebook.local.fhir.interactions.store_settings import Settings, rules_of
from lro_notebook.local.fhir.search import parameters
from lro_notebook.local.fhir.search.query import Vocabulary
from lro_notebook.local.fhir.structure.elements import resource_types, structure

if TYPE_CHECKING:
    from local.conftest import Program


def resource(place: str, /, **fields: Any) -> dict[str, Any]:
    type_, _, identifier = place.partition("/")
    return {"resourceType": type_, "id": identifier, **fields}


def to(name: str) -> dict[str, str]:
    return {"reference": name}


def observed(name: str, when: str, code: str = "a", patient: str = "Patient/1") -> dict[str, Any]:
    coding = {"system": "http://x.org", "code": code}
    fields = {"status": "final", "code": {"coding": [coding]}, "effectiveDateTime": when}
    return resource(f"Observation/{name}", **fields, subject=to(patient), encounter=to("Encounter/1"))


RECORDS = [
    resource(
        "Patient/1", managingOrganization=to("Organization/1"), generalPractitioner=[to("Practitioner/1")]
    ),
    resource("Patient/2", link=[{"other": to("Patient/1"), "type": "seealso"}]),
    resource("Organization/1", name="n"),
    resource("Practitioner/1"),
    resource("Practitioner/2"),
    resource("Encounter/1", subject=to("Patient/1"), participant=[{"individual": to("Practitioner/2")}]),
    observed("1", "2026-03-01"),
    observed("2", "2026-04-01"),
    observed("3", "2026-05-01", "b"),
    observed("4", "2026-05-01", patient="Patient/2"),
    # Refers to the patient, but is not in its compartment by this.
    resource("Observation/5", focus=[to("Patient/1")]),
    resource("Immunization/1", patient=to("Patient/1"), occurrenceDateTime="2025"),
    resource(
        "Basic/1",
        extension=[
            {
                "url": "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter",
                "valueReference": to("Encounter/1"),
            }
        ],
    ),
]


@pytest.fixture(scope="module")
def fhir(service: Program) -> str:
    store = service.store("collections")
    service.imported(store, service.put_lines("demo-out/records.ndjson", map(json.dumps, RECORDS)))
    return f"{store}/fhir"


def found(service: Program, url: str, **query: str) -> list[str]:
    bundle = service.client.get(url, params=query or None).raise_for_status().json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    return [
        f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in bundle.get("entry", [])
    ]


@pytest.mark.service
def test_everything_of_a_patient(service: Program, fhir: str) -> None:
    url = f"{fhir}/Patient/1/$everything"
    observations = ["Observation/1", "Observation/2", "Observation/3"]
    assert found(service, url) == [
        "Patient/1",
        "Organization/1",
        "Practitioner/1",
        "Encounter/1",
        "Immunization/1",
        *observations,
        "Patient/2",
    ]
    assert found(service, url, _type="Observation,Encounter") == ["Encounter/1", *observations]
    care = {"_type": "Observation,Immunization"}
    assert found(service, url, **care, start="2026-04-01") == ["Observation/2", "Observation/3"]
    assert found(service, url, **care, end="2026-04-01") == [
        "Immunization/1",
        "Observation/1",
        "Observation/2",
    ]
    seen = service.client.get(f"{fhir}/Patient/1").json()["meta"]["lastUpdated"]
    service.client.put(f"{fhir}/Observation/2", json=observed("2", "2026-04-01")).raise_for_status()
    assert found(service, url, _since=seen) == ["Observation/2"]
    page = service.client.get(url, params={"_count": "4"}).json()
    assert (len(page["entry"]), page["total"]) == (4, 9)
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    assert found(service, following)[0] == "Immunization/1"
    for query in ({"start": "x"}, {"_since": "2026"}, {"_sort": "x"}, {"_page_token": "x"}):
        assert service.client.get(url, params=query).status_code == 400
    assert service.client.get(f"{fhir}/Patient/no/$everything").status_code == 404


@pytest.mark.service
def test_everything_of_an_encounter_and_what_refers_to_a_resource(service: Program, fhir: str) -> None:
    beta = f"{service.endpoint}/v1beta1/{DATASET}/{fhir}"
    assert service.client.get(f"{fhir}/Encounter/1/$everything").status_code == 404  # it is not in v1
    assert found(service, f"{beta}/Encounter/1/$everything") == [
        "Encounter/1", "Patient/1", "Practitioner/2", "Basic/1",
        "Observation/1", "Observation/2", "Observation/3", "Observation/4",
    ]  # fmt: skip
    assert found(service, f"{beta}/$references", target="Patient/1", _type="Observation,Patient") == [
        "Observation/1", "Observation/2", "Observation/3", "Observation/5", "Patient/2",
    ]  # fmt: skip
    text = service.client.get(f"{beta}/$references", params={"target": "Organization/1", "_summary": "text"})
    assert "managingOrganization" not in text.json()["entry"][0]["resource"]
    assert found(service, f"{beta}/$references", target="Patient/never") == []
    assert service.client.get(f"{beta}/$references").status_code == 400


@pytest.mark.service
def test_the_latest_observations_of_each_code(service: Program, fhir: str) -> None:
    assert service.client.get(f"{fhir}/Observation/$lastn").status_code == 404  # it is not in v1
    url = f"{service.endpoint}/v1beta1/{DATASET}/{fhir}/Observation/$lastn"
    query = {"patient": "Patient/1", "code": "http://x.org|a,http://x.org|b"}
    assert found(service, url, **query) == ["Observation/3", "Observation/2"]
    assert found(service, url, **query, max="2") == ["Observation/3", "Observation/2", "Observation/1"]
    for wrong in ({"code": "a"}, {"patient": "Patient/1"}, {**query, "max": "0"}, {**query, "nope": "1"}):
        assert service.client.get(url, params=wrong).status_code == 400


@pytest.mark.service
def test_validation_says_what_is_wrong_and_what_it_did_not_check(service: Program, fhir: str) -> None:
    url = f"{fhir}/Patient/$validate"
    good = service.client.post(url, json={"resourceType": "Patient", "gender": "female"})
    (issue,) = good.json()["issue"]
    assert (good.status_code, issue["severity"]) == (200, "information")
    assert "not checked" in issue["diagnostics"]
    assert issue["details"] == {"text": "success"}
    bad = service.client.post(url, json={"resourceType": "Patient", "gender": "x", "name": "Secret"})
    issues = bad.json()["issue"]
    assert [issue["severity"] for issue in issues] == ["error", "error", "information"]
    assert [issue["expression"] for issue in issues[:2]] == [["Patient.gender"], ["Patient.name"]]
    assert "Secret" not in bad.text
    assert service.client.post(url, json={"resourceType": "Basic"}).status_code == 400
    profile = {"profile": "http://x.org/p"}
    patient = {"resourceType": "Patient"}
    assert service.client.post(url, params=profile, json=patient).status_code == 400
    definition = resource("StructureDefinition/p", url="http://x.org/p")
    service.client.put(f"{fhir}/StructureDefinition/p", json=definition).raise_for_status()
    unsure = service.client.post(url, params=profile, json=patient)
    assert unsure.status_code == 200
    issues = unsure.json()["issue"]
    assert [issue["severity"] for issue in issues] == ["error", "information"]
    assert (issues[0]["code"], "details" in issues[1]) == ("not-supported", False)


@pytest.mark.service
def test_a_store_says_what_it_can_do(service: Program, fhir: str) -> None:
    del fhir
    statement = service.client.get("fhirStores/collections/fhir/metadata").json()
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    url = service.store("clean", version="R4") + "/fhir"
    created = service.client.post(f"{url}/CapabilityStatement", json={**statement, "id": "x"})
    assert created.status_code == 201, created.text
    patient = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Patient")
    assert {"name": "birthdate", "type": "date"} in patient["searchParam"]
    assert patient["updateCreate"] is True
    for each in patient["interaction"]:
        assert each["code"] in (
            "read",
            "vread",
            "update",
            "patch",
            "delete",
            "history-instance",
            "create",
            "search-type",
        )
    (plain,) = [
        each
        for each in service.client.get(f"{url}/metadata").json()["rest"][0]["resource"]
        if each["type"] == "Patient"
    ]
    assert plain["updateCreate"] is False
    assert "enforced" in plain["referencePolicy"]


def test_what_is_not_served_is_not_among_what_a_store_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        Store(1, "s"),
        "R4",
        update_creates=True,
        is_integral=True,
        parses_extensions=True,
        has_versions=True,
        takes_history=False,
        rules=rules_of({}),
    )
    for name in ("fhir.patch", "fhir.executeBundle", "fhir.Patient-everything", "fhir.conditionalDelete"):
        monkeypatch.setitem(NOT_SERVED, f"locations.datasets.fhirStores.{name}", "no")
    (rest,) = describe(settings, Vocabulary("s", {}), "http://x", "2026")["rest"]
    patient = next(each for each in rest["resource"] if each["type"] == "Patient")
    assert {"code": "patch"} not in patient["interaction"]
    assert {"code": "read"} in patient["interaction"]
    assert rest["interaction"] == [{"code": "search-system"}]
    assert patient["conditionalDelete"] == "not-supported"
    assert [each["name"] for each in patient["operation"]] == ["validate"]


def test_compartments_name_parameters_that_exist() -> None:
    for center in ("Patient", "Encounter"):
        for type_, names in members(center).items():
            assert type_ in resource_types()
            assert all(parameters.standard(type_)[name].kind == "reference" for name in names)
    assert belongs("Patient", "1", "Observation", observed("x", "2026"))
    assert not belongs("Patient", "2", "Observation", observed("x", "2026"))
    assert is_within("Organization", {}, 0, 1)


def test_every_structure_is_made_of_known_ones() -> None:
    waiting, seen = [*resource_types()], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        fields = structure(name).fields.values()
        waiting += [each.type for each in fields if not each.is_primitive and each.type != "Resource"]
    assert {"Patient.contact", "Timing.repeat", "Dosage.doseAndRate", "Extension"} <= seen
