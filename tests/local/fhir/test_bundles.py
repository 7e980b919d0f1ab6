"""Bundles that are executed: transactions, all or nothing, and batches."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from local.conftest import Program

pytestmark = pytest.mark.service

PATIENT = {"resourceType": "Patient", "gender": "female"}
SEEN = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


@pytest.fixture(scope="module")
def fhir(service: Program) -> str:
    return service.store("bundles", enableUpdateCreate=True) + "/fhir"


def entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


def execute(service: Program, fhir: str, kind: str, *entries: Any) -> httpx.Response:
    return service.client.post(fhir, json={"resourceType": "Bundle", "type": kind, "entry": entries})


def responses(answer: httpx.Response, kind: str) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", f"{kind}-response")
    listed: list[dict[str, Any]] = bundle["entry"]
    return listed


def counts(service: Program, fhir: str) -> list[int]:
    return [service.total(fhir.removesuffix("/fhir"), type_) for type_ in ("Patient", "Observation")]


def test_a_transaction_gives_what_it_creates_ids_and_references(service: Program, fhir: str) -> None:
    woman = "urn:uuid:11111111-1111-4111-8111-111111111111"
    answer = execute(
        service,
        fhir,
        "transaction",
        entry("POST", "Observation", {**SEEN, "subject": {"reference": woman}}, "urn:uuid:o"),
        entry("POST", "Patient", PATIENT, woman),
        entry(
            "PUT",
            "Observation/chosen",
            {**SEEN, "id": "chosen", "derivedFrom": [{"reference": "urn:uuid:o"}]},
        ),
    )
    first, patient, chosen = responses(answer, "transaction")
    assert [each["response"]["status"] for each in (first, patient, chosen)] == ["201 Created"] * 3
    name = patient["response"]["location"].partition("/fhir/")[2].partition("/_history")[0]
    observation = service.client.get(first["response"]["location"]).json()
    assert observation["subject"] == {"reference": name}
    derived = service.client.get(f"{fhir}/Observation/chosen").json()["derivedFrom"]
    assert derived == [{"reference": f"Observation/{observation['id']}"}]
    assert chosen["response"]["etag"] == 'W/"1"'


def test_references_by_address_and_by_criteria_are_resolved(service: Program, fhir: str) -> None:
    known = {**PATIENT, "identifier": [{"system": "http://x.org", "value": "known"}]}
    patient = service.client.post(f"{fhir}/Patient", json=known).json()["id"]
    old = "http://old.org/fhir"
    where = {"reference": "Patient?identifier=http://x.org|known"}
    answer = execute(
        service,
        fhir,
        "transaction",
        entry(
            "POST",
            "Organization",
            {"resourceType": "Organization", "name": "n", "id": "7"},
            f"{old}/Organization/7",
        ),
        entry(
            "POST",
            "Encounter",
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"code": "AMB"},
                "subject": where,
                "serviceProvider": {"reference": "Organization/7"},
            },
            f"{old}/Encounter/8",
        ),
    )
    organization, encounter = (
        service.client.get(each["response"]["location"]).json() for each in responses(answer, "transaction")
    )
    assert encounter["subject"] == {"reference": f"Patient/{patient}"}
    assert encounter["serviceProvider"] == {"reference": f"Organization/{organization['id']}"}
    wrong = {**SEEN, "subject": {"reference": "Patient?identifier=nobody"}}
    refused = execute(service, fhir, "transaction", entry("POST", "Observation", wrong))
    assert refused.status_code == 412
    assert refused.json()["issue"][0]["diagnostics"].startswith("entry[0]: no Patient meets")


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (entry("POST", "Patient", {**PATIENT, "gender": "lady"}), 400),
        (entry("POST", "Observation", {**SEEN, "subject": {"reference": "Patient/lost"}}), 400),
        (entry("PUT", "Patient/no", {**PATIENT, "id": "no"}, ifMatch='W/"3"'), 412),
        (entry("GET", "Patient/no"), 404),
        (entry("GET", "Patient?_id=1"), 400),
        (entry("POST", "Patient/_search"), 400),
        (entry("PATCH", "Patient/no", PATIENT), 400),
        (entry("HEAD", "Patient/no"), 400),
        (entry("POST", "Patient"), 400),
        ({"resource": PATIENT}, 400),
        (7, 400),
    ],
)
def test_a_transaction_that_fails_leaves_nothing(service: Program, fhir: str, bad: Any, status: int) -> None:
    before = counts(service, fhir)
    answer = execute(service, fhir, "transaction", entry("POST", "Patient", PATIENT), bad)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "lady" not in answer.text
    assert counts(service, fhir) == before


def test_the_methods_are_executed_in_the_order_of_fhir(service: Program, fhir: str) -> None:
    service.client.put(
        f"{fhir}/Group/g", json={"resourceType": "Group", "id": "g", "type": "person", "actual": True}
    )
    patient = {**PATIENT, "id": "order", "generalPractitioner": [{"reference": "Practitioner?identifier=dr"}]}
    doctor = {"resourceType": "Practitioner", "identifier": [{"value": "dr"}]}
    steps = [{"op": "add", "path": "/active", "value": True}]
    patch = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(json.dumps(steps).encode()).decode(),
    }
    answer = execute(
        service,
        fhir,
        "transaction",
        entry("GET", "Patient/order"),
        entry("PATCH", "Practitioner/other", patch),
        entry("PUT", "Patient/order", patient),
        entry("PUT", "Practitioner/other", {"resourceType": "Practitioner", "id": "other"}),
        entry("POST", "Practitioner", doctor),
        entry("DELETE", "Group/g"),
    )
    assert answer.status_code == 400  # Practitioner/other is changed twice
    service.client.put(f"{fhir}/Practitioner/other", json={"resourceType": "Practitioner", "id": "other"})
    answer = execute(
        service,
        fhir,
        "transaction",
        entry("GET", "Patient/order"),
        entry("PATCH", "Practitioner/other", patch),
        entry("PUT", "Patient/order", patient),
        entry("POST", "Practitioner", doctor),
        entry("DELETE", "Group/g"),
    )
    listed = responses(answer, "transaction")
    statuses = [each["response"]["status"] for each in listed]
    assert statuses == ["200 OK", "200 OK", "201 Created", "201 Created", "204 No Content"]
    created = listed[3]["response"]["location"].partition("/Practitioner/")[2].partition("/")[0]
    assert listed[0]["resource"]["generalPractitioner"] == [{"reference": f"Practitioner/{created}"}]
    assert service.client.get(f"{fhir}/Practitioner/other").json()["active"] is True
    assert service.client.get(f"{fhir}/Group/g").status_code == 410


def test_conditions_hold_in_a_transaction_and_what_they_find_can_be_referred_to(
    service: Program, fhir: str
) -> None:
    body = {**PATIENT, "identifier": [{"value": "cond"}]}
    two = [
        entry("POST", "Patient", body, "urn:uuid:p", ifNoneExist="identifier=cond"),
        entry(
            "PUT",
            "Basic?identifier=cond",
            {
                "resourceType": "Basic",
                "identifier": [{"value": "cond"}],
                "code": {"text": "x"},
                "subject": {"reference": "urn:uuid:p"},
            },
            "urn:uuid:b",
        ),
    ]
    statuses = []
    for _ in range(2):
        listed = responses(execute(service, fhir, "transaction", *two), "transaction")
        statuses.append([each["response"]["status"] for each in listed])
    assert statuses == [["201 Created", "201 Created"], ["200 OK", "200 OK"]]
    found = service.client.get(f"{fhir}/Basic", params={"identifier": "cond"}).json()
    assert (found["total"], found["entry"][0]["resource"]["meta"]["versionId"]) == (1, "2")
    patient = listed[0]["response"]["location"].partition("/fhir/")[2].partition("/_history")[0]
    assert found["entry"][0]["resource"]["subject"] == {"reference": patient}
    gone = [entry("DELETE", "Basic?identifier=cond"), entry("DELETE", patient)]
    assert execute(service, fhir, "transaction", gone[1]).status_code == 409
    assert execute(service, fhir, "transaction", *gone).status_code == 200


def test_a_batch_goes_on_after_an_error(service: Program, fhir: str) -> None:
    answer = execute(
        service,
        fhir,
        "batch",
        entry("GET", "Patient/none"),
        entry("POST", "Patient", {**PATIENT, "gender": "lady"}),
        entry("POST", "Patient", {**PATIENT, "multipleBirthInteger": 2}),
        entry("PUT", "Patient?_id=none", {**PATIENT, "id": "batch"}),
        entry("GET", "Patient/batch/_history"),
        entry("GET", "Patient/batch/_history/1"),
        entry("DELETE", "Patient/batch"),
    )
    listed = responses(answer, "batch")
    statuses = [each["response"]["status"][:3] for each in listed]
    assert statuses == ["404", "400", "201", "201", "200", "200", "204"]
    assert listed[0]["response"]["outcome"]["issue"][0]["code"] == "not-found"
    assert listed[4]["resource"]["type"] == "history"
    assert listed[5]["resource"]["id"] == "batch"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resourceType": "Bundle", "type": "collection"}, 400),
        ({"resourceType": "Bundle", "type": "history"}, 400),
        ({"resourceType": "Patient"}, 400),
        ([], 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400),
    ],
)
def test_other_bodies_are_refused(service: Program, fhir: str, body: Any, status: int) -> None:
    assert service.client.post(fhir, json=body).status_code == status


def test_numbers_keep_the_form_in_which_they_are_written(service: Program, fhir: str) -> None:
    text = (
        '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation"},'
        '"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        '"valueQuantity":{"value":1.50}}}]}'
    )
    (made,) = responses(service.client.post(fhir, content=text), "transaction")
    assert b'"value":1.50' in service.client.get(made["response"]["location"]).content
