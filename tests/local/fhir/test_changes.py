"""Changes of FHIR resources as Google's documentation has them: ids, conditions, references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from local.conftest import Program

pytestmark = pytest.mark.service

WOMAN = {"resourceType": "Patient", "gender": "female"}
PATCH = {"Content-Type": "application/json-patch+json"}


@pytest.fixture(scope="module")
def plain(service: Program) -> str:
    """A store as `fhirStores.create` makes it."""
    return service.store("plain", version="R4") + "/fhir"


@pytest.fixture(scope="module")
def open_store(service: Program) -> str:
    """A store in which clients choose ids."""
    return service.store("open", enableUpdateCreate=True) + "/fhir"


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    said = outcome["issue"][0]["diagnostics"]
    assert all(word in said for word in words), said


def made(service: Program, url: str, **resource: Any) -> dict[str, Any]:
    created: dict[str, Any] = service.client.post(url, json=resource).raise_for_status().json()
    return created


def test_an_update_creates_nothing_unless_the_store_allows_it(
    service: Program, plain: str, open_store: str
) -> None:
    patient = {**WOMAN, "id": "mine"}
    refused(service.client.put(f"{plain}/Patient/mine", json=patient), 405, "enableUpdateCreate")
    assert service.client.get(f"{plain}/Patient/mine").status_code == 404
    answer = service.client.put(f"{open_store}/Patient/mine", json=patient)
    assert (answer.status_code, answer.headers["etag"]) == (201, 'W/"1"')
    once = {"If-None-Match": "*"}
    refused(service.client.put(f"{open_store}/Patient/mine", json=patient, headers=once), 412)


def test_references_lead_to_what_is_there(service: Program, plain: str) -> None:
    patient = made(service, f"{plain}/Patient", **WOMAN)["id"]
    seen = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    lost = {**seen, "subject": {"reference": "Patient/lost"}}
    refused(service.client.post(f"{plain}/Observation", json=lost), 400, "Patient/lost")
    nested = {
        **seen,
        "component": [
            {
                "code": {"text": "x"},
                "extension": [
                    {"url": "http://x.org/e", "valueReference": {"reference": "Device/lost/_history/3"}}
                ],
            }
        ],
    }
    refused(service.client.post(f"{plain}/Observation", json=nested), 400, "Device/lost")
    for reference in ("Patient/lost", f"Patient/{patient}/_history/2"):
        wrong = {**seen, "subject": {"reference": reference}}
        assert service.client.post(f"{plain}/Observation", json=wrong).status_code == 400
    elsewhere = {**seen, "subject": {"reference": "http://other.org/fhir/Patient/lost"}}
    made(service, f"{plain}/Observation", **elsewhere)
    observation = made(service, f"{plain}/Observation", **seen, subject={"reference": f"Patient/{patient}"})
    name = f"Observation/{observation['id']}"
    refused(service.client.delete(f"{plain}/Patient/{patient}"), 409, name)
    assert service.client.get(f"{plain}/Patient/{patient}").status_code == 200
    assert service.client.delete(f"{plain}/{name}").status_code == 200
    assert service.client.delete(f"{plain}/Patient/{patient}").status_code == 200


def test_a_store_without_integrity_checks_no_references(service: Program) -> None:
    url = service.store("loose", disableReferentialIntegrity=True, version="R4") + "/fhir"
    made(
        service, f"{url}/Basic", resourceType="Basic", code={"text": "x"}, subject={"reference": "Patient/no"}
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"gender": "lady"}, "Patient.gender"),
        ({"birthDate": "1980-02-30"}, "Patient.birthDate"),
        ({"birthDate": "30.1.1980"}, "Patient.birthDate"),
        ({"active": "true"}, "Patient.active"),
        ({"name": {"family": "Secret"}}, "Patient.name: expected a list"),
        ({"nmae": [{"family": "Secret"}]}, "no element nmae"),
        ({"communication": [{"preferred": True}]}, "Patient.communication[0].language"),
        ({"deceasedBoolean": True, "deceasedDateTime": "2026"}, "two types"),
        ({"contained": [{"resourceType": "Patiend"}]}, "Patient.contained[0]"),
        ({"managingOrganization": {"reference": "Patient/x"}}, "Organization"),
    ],
)
def test_a_resource_that_is_not_as_fhir_says_is_refused(
    service: Program, plain: str, fields: dict[str, Any], said: str
) -> None:
    answer = service.client.post(f"{plain}/Patient", json={**WOMAN, **fields})
    refused(answer, 400, said)
    assert "Secret" not in answer.text
    assert "lady" not in answer.text


def test_types_that_do_not_exist_are_refused_everywhere(service: Program, plain: str) -> None:
    refused(service.client.post(f"{plain}/Patiend", json={"resourceType": "Patiend"}), 400, "Patiend")
    uri = service.put_lines("demo-out/types.ndjson", ['{"resourceType":"Patiend","id":"a"}'])
    assert service.imported("fhirStores/plain", uri)["metadata"]["counter"] == {"failure": "1"}


def test_what_a_store_checks_can_be_switched_off(service: Program) -> None:
    config = {"disableRequiredFieldValidation": True, "disableReferenceTypeValidation": True}
    url = service.store("some-rules", version="R4", validationConfig=config) + "/fhir"
    patient = made(service, f"{url}/Patient", **WOMAN)["id"]
    made(
        service,
        f"{url}/Encounter",
        resourceType="Encounter",
        serviceProvider={"reference": f"Patient/{patient}"},
    )
    refused(service.client.post(f"{url}/Patient", json={**WOMAN, "gender": "lady"}), 400)


def test_a_conditional_create_happens_once(service: Program, plain: str) -> None:
    body = {**WOMAN, "identifier": [{"system": "http://x.org", "value": "once"}]}
    once = {"If-None-Exist": "identifier=http://x.org|once"}
    answers = [service.client.post(f"{plain}/Patient", json=body, headers=once) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].content == answers[1].content
    # Criteria in the address would be ignored, and make a Patient each time.
    where = {"identifier": "http://x.org|once"}
    refused(service.client.post(f"{plain}/Patient", json=body, params=where), 400)
    shown = {"_format": "json", "alt": "json", "$.xgafv": "2"}
    assert service.client.post(f"{plain}/Patient", json=body, params=shown, headers=once).status_code == 200
    made(service, f"{plain}/Patient", **body)
    refused(service.client.post(f"{plain}/Patient", json=body, headers=once), 412)


def test_a_conditional_update_finds_creates_and_refuses(
    service: Program, plain: str, open_store: str
) -> None:
    where = {"identifier": "http://x.org|cu"}
    body = {**WOMAN, "identifier": [{"system": "http://x.org", "value": "cu"}]}
    created = service.client.put(f"{plain}/Patient", params=where, json=body)
    assert created.status_code == 201
    updated = service.client.put(f"{plain}/Patient", params=where, json={**body, "active": True})
    assert (updated.status_code, updated.json()["id"]) == (200, created.json()["id"])
    assert updated.headers["etag"] == 'W/"2"'
    other = {**body, "id": "other"}
    refused(service.client.put(f"{plain}/Patient", params=where, json=other), 400, "another id")
    nobody = {"identifier": "nobody"}
    refused(service.client.put(f"{plain}/Patient", params=nobody, json=other), 405)
    chosen = service.client.put(f"{open_store}/Patient", params=nobody, json=other)
    assert (chosen.status_code, chosen.json()["id"]) == (201, "other")
    refused(service.client.put(f"{open_store}/Patient", params=nobody, json=other), 409)
    made(service, f"{plain}/Patient", **body)
    refused(service.client.put(f"{plain}/Patient", params=where, json=body), 412)
    refused(service.client.put(f"{plain}/Patient", json=body), 400, "search parameters")
    refused(service.client.put(f"{plain}/Patient", params={"nmae": "x"}, json=body), 400, "nmae")


def test_a_json_patch_changes_a_part_and_keeps_how_numbers_are_written(service: Program, plain: str) -> None:
    text = (
        '{"resourceType":"Observation","status":"preliminary","code":{"text":"x"},'
        '"identifier":[{"value":"patched"}],"valueQuantity":{"value":1.50}}'
    )
    created = service.client.post(f"{plain}/Observation", content=text).json()
    url = f"{plain}/Observation/{created['id']}"
    steps: list[dict[str, Any]] = [
        {"op": "test", "path": "/status", "value": "preliminary"},
        {"op": "replace", "path": "/status", "value": "final"},
    ]
    answer = service.client.patch(url, json=steps, headers=PATCH)
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.json()["status"] == "final"
    assert b'"value": 1.50' in answer.content or b'"value":1.50' in answer.content
    refused(service.client.patch(url, json=steps, headers=PATCH), 400, "operation 0")
    refused(service.client.patch(url, json=steps), 400, "Content-Type")
    away = [{"op": "remove", "path": "/status"}]
    refused(service.client.patch(url, json=away, headers=PATCH), 400, "Observation.status")
    for path in ("/id", "/resourceType", ""):
        wrong = [{"op": "replace", "path": path, "value": "x"}]
        refused(service.client.patch(url, json=wrong, headers=PATCH), 400)
    old = {**PATCH, "If-Match": 'W/"1"'}
    refused(service.client.patch(url, json=steps[1:], headers=old), 412)
    refused(service.client.patch(f"{plain}/Observation/no", json=steps, headers=PATCH), 404)
    where = {"identifier": "patched"}
    note = [{"op": "add", "path": "/note", "value": [{"text": "n"}]}]
    found = service.client.patch(f"{plain}/Observation", params=where, json=note, headers=PATCH)
    assert (found.status_code, found.json()["id"]) == (200, created["id"])
    missing = service.client.patch(f"{plain}/Observation", params={"_id": "no"}, json=note, headers=PATCH)
    refused(missing, 404)


def test_a_conditional_delete_takes_what_it_finds(service: Program, plain: str) -> None:
    for _ in range(3):
        made(service, f"{plain}/Group", resourceType="Group", type="person", actual=True)
    group = {"type": "person"}
    assert service.client.delete(f"{plain}/Group", params={**group, "_count": "1"}).status_code == 200
    assert service.client.get(f"{plain}/Group", params=group).json()["total"] == 2
    assert service.client.delete(f"{plain}/Group", params=group).status_code == 200
    assert service.client.get(f"{plain}/Group", params=group).json()["total"] == 0
    refused(service.client.delete(f"{plain}/Group"), 400, "search parameters")


def test_a_conditional_read_sends_nothing_that_the_client_has(service: Program, plain: str) -> None:
    created = service.client.post(f"{plain}/Patient", json=WOMAN)
    url = f"{plain}/Patient/{created.json()['id']}"
    for headers, status in (
        ({"If-None-Match": 'W/"1"'}, 304),
        ({"If-None-Match": 'W/"2", W/"1"'}, 304),
        ({"If-None-Match": 'W/"2"'}, 200),
        ({"If-Modified-Since": created.headers["last-modified"]}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 2015 00:00:00 GMT"}, 200),
        ({"If-None-Match": 'W/"2"', "If-Modified-Since": created.headers["last-modified"]}, 200),
    ):
        answer = service.client.get(url, headers=headers)
        assert (answer.status_code, len(answer.content) > 0) == (status, status == 200), headers


def test_a_history_is_limited_to_times(service: Program, open_store: str) -> None:
    url = f"{open_store}/Patient/times"
    stamps = []
    for active in (True, False, True):
        body = {**WOMAN, "id": "times", "active": active}
        stamps.append(service.client.put(url, json=body).json()["meta"]["lastUpdated"])

    def versions(**query: str) -> list[str]:
        entries = service.client.get(f"{url}/_history", params=query).json().get("entry", [])
        return [entry["resource"]["meta"]["versionId"] for entry in entries]

    assert versions() == ["3", "2", "1"]
    assert versions(_since=stamps[1]) == ["3", "2"]
    assert versions(_at=stamps[1]) == ["2"]
    assert versions(_at="2999") == ["3"]
    assert versions(_at="1999") == []
    refused(service.client.get(f"{url}/_history", params={"_since": "2026"}), 400)
    refused(service.client.get(f"{url}/_history", params={"_sort": "x"}), 400)
    page = service.client.get(f"{url}/_history", params={"_since": stamps[0], "_count": "2"}).json()
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    assert [
        each["resource"]["meta"]["versionId"] for each in service.client.get(following).json()["entry"]
    ] == ["1"]
    assert service.client.delete(f"{url}/$purge").json() == {}
    assert versions() == ["3"]


def test_a_binary_is_raw_data_for_those_who_want_it(service: Program, open_store: str) -> None:
    data, kind = bytes(range(256)), {"Content-Type": "application/pdf"}
    context = {"X-Security-Context": "Patient/mine"}
    made_ = service.client.put(f"{open_store}/Patient/mine", json={**WOMAN, "id": "mine"})
    assert made_.is_success
    created = service.client.post(f"{open_store}/Binary", content=data, headers={**kind, **context})
    assert (created.status_code, created.content) == (201, b"")
    url = created.headers["location"].partition("/_history")[0]
    resource = service.client.get(url).json()
    assert (resource["contentType"], resource["securityContext"]) == (
        "application/pdf",
        {"reference": "Patient/mine"},
    )
    raw = service.client.get(url, headers={"Accept": "application/pdf"})
    assert (raw.content, raw.headers["content-type"]) == (data, "application/pdf")
    assert service.client.get(f"{url}/_history/1", headers={"Accept": "application/pdf"}).content == data
    again = service.client.put(url, content=b"{}", headers=kind)
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"2"')
    assert service.client.get(url, headers={"Accept": "application/pdf"}).content == b"{}"
    as_fhir = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}
    made_ = service.client.post(f"{open_store}/Binary", json=as_fhir)
    assert made_.json()["data"] == "aGk="
    text = service.client.get(made_.headers["location"], headers={"Accept": "text/plain"})
    assert text.content == b"hi"


def test_without_versions_a_store_keeps_the_current_one_alone(service: Program) -> None:
    url = (
        service.store("unversioned", disableResourceVersioning=True, enableUpdateCreate=True)
        + "/fhir/Patient/v"
    )
    for active in (True, False):
        service.client.put(url, json={**WOMAN, "id": "v", "active": active}).raise_for_status()
    history = service.client.get(f"{url}/_history").json()["entry"]
    assert [entry["resource"]["active"] for entry in history] == [False]


def test_a_history_bundle_is_not_imported(service: Program, plain: str) -> None:
    del plain
    entry = '{"resource":{"resourceType":"Patient","id":"old"}}'
    lines = [
        f'{{"resourceType":"Bundle","type":"{kind}","entry":[{entry},{entry}]}}'
        for kind in ("history", "batch")
    ]
    uri = service.put_lines("demo-out/kinds.ndjson", lines)
    counter = service.imported("fhirStores/plain", uri, "BUNDLE")["metadata"]["counter"]
    assert counter == {"success": "2", "failure": "1"}
