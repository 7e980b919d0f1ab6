"""What FHIR stores do beyond import and export: rollback, bulk delete, history, consents, search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from local.stores import body, changed_store, load, number, patient, run

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = pytest.mark.service


def test_rollback_makes_a_store_what_it_was(service: Program) -> None:
    store, moment, _ = changed_store(service, "rb-all")
    request = {"rollbackTime": moment, "resultGcsBucket": "demo-out", "force": True}
    operation = run(service, f"{store}:rollback", request)
    assert operation["metadata"]["counter"] == {"success": "3"}
    assert operation["response"]["fhirStore"] == f"{DATASET}/{store}"
    assert (body(service, store, "Patient/updated") or {})["gender"] == "male"
    assert body(service, store, "Patient/deleted") is not None
    assert body(service, store, "Patient/created") is None
    listed = service.buckets / "demo-out/rollback_resources" / number(operation) / "success_resources.txt"
    assert listed.read_text().split() == ["Patient/created", "Patient/deleted", "Patient/updated"]
    history = service.client.get(f"{store}/fhir/Patient/updated/_history").json()
    assert len(history["entry"]) == 3


def test_a_rollback_without_force_only_lists(service: Program) -> None:
    store, moment, _ = changed_store(service, "rb-dry")
    operation = run(service, f"{store}:rollback", {"rollbackTime": moment, "resultGcsBucket": "demo-out"})
    assert operation["metadata"]["counter"] == {"success": "3"}
    assert (body(service, store, "Patient/updated") or {})["gender"] == "female"


@pytest.mark.parametrize(
    ("change", "expected"),
    [("CREATE", "Patient/created"), ("UPDATE", "Patient/updated"), ("DELETE", "Patient/deleted")],
)
def test_a_rollback_is_limited_to_a_kind_of_change(service: Program, change: str, expected: str) -> None:
    store, moment, _ = changed_store(service, f"rb-{change.lower()}")
    request = {"rollbackTime": moment, "resultGcsBucket": "demo-out", "changeType": change}
    operation = run(service, f"{store}:rollback", request)
    folder = service.buckets / "demo-out/rollback_resources" / number(operation)
    assert (folder / "success_resources.txt").read_text().split() == [expected]


def test_a_rollback_is_limited_to_operations_types_and_lists(service: Program) -> None:
    store, moment, imported = changed_store(service, "rb-some")
    base = {"rollbackTime": moment, "resultGcsBucket": "demo-out", "force": True}

    def count(**limits: Any) -> int:
        operation = run(service, f"{store}:rollback", {**base, **limits})
        return int(operation["metadata"].get("counter", {}).get("success", 0))

    assert count(type=["Observation"]) == 0
    uri = service.put_lines("demo-out/ids.txt", ["Patient/deleted"])
    assert count(inputGcsObject=uri) == 1
    assert count(filteringFields={"operationIds": [number(imported)]}) == 1
    assert count(type=["Patient"], excludeRollbacks=True) == 1
    assert count(excludeRollbacks=True) == 0


def test_what_a_rollback_cannot_do_is_refused(service: Program) -> None:
    store = service.store("rb-bad")
    for request, status in (
        ({}, 400),
        ({"rollbackTime": "2026-01-01T00:00:00Z"}, 400),
        ({"rollbackTime": "yesterday", "resultGcsBucket": "b-1"}, 400),
        (
            {
                "rollbackTime": "2026-01-01T00:00:00Z",
                "resultGcsBucket": "demo-out",
                "filteringFields": {"metadataFilter": 'tag("a") = "b"'},
            },
            501,
        ),
    ):
        assert service.client.post(f"{store}:rollback", json=request).status_code == status


def test_bulk_delete_counts_current_and_old_versions(service: Program) -> None:
    store, _, _ = changed_store(service, "bd-all")
    operation = run(service, f"{store}:bulkDelete", {"gcsDestination": {"uriPrefix": "gs://demo-out/bd"}})
    # kept, updated and created are there; updated and deleted have one old version, and there is a tombstone
    assert operation["metadata"]["counter"] == {"success": "3", "secondarySuccess": "3"}
    assert operation["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    assert service.client.get(f"{store}/fhir/Patient/kept").status_code == 404
    listed = (service.buckets / "demo-out/bd" / f"{number(operation)}_Patient").read_text().split()
    assert listed == ["Patient/created", "Patient/deleted", "Patient/kept", "Patient/updated"]


def test_bulk_delete_has_limits(service: Program) -> None:
    store, moment, _ = changed_store(service, "bd-some")
    uri = service.put_lines("demo-out/bd-ids.txt", ["Patient/created"])
    dry = run(service, f"{store}:bulkDelete", {"validateOnly": True, "until": moment})
    assert dry["metadata"]["counter"] == {"success": "1", "secondarySuccess": "2"}
    history = run(service, f"{store}:bulkDelete", {"versionConfig": "HISTORY_ONLY"})
    assert history["metadata"]["counter"] == {"secondarySuccess": "3"}
    run(service, f"{store}:bulkDelete", {"gcsSource": {"uri": uri}, "versionConfig": "CURRENT_ONLY"})
    assert service.client.get(f"{store}/fhir/Patient/created").status_code == 410
    assert body(service, store, "Patient/kept") is not None
    both = {"gcsSource": {"uri": uri}, "type": "Patient"}
    assert service.client.post(f"{store}:bulkDelete", json=both).status_code == 400


def test_a_history_goes_out_and_comes_back_as_it_was(service: Program) -> None:
    store, _, _ = changed_store(service, "hist")
    out = {"gcsDestination": {"uriPrefix": "gs://demo-out/hist"}}
    operation = run(service, f"{store}:exportHistory", out, version="v1beta1")
    assert operation["metadata"]["counter"] == {"success": "4"}
    file = service.buckets / "demo-out/hist" / f"{number(operation)}_history_Patient"
    bundles = [json.loads(line) for line in file.read_text().splitlines()]
    assert [len(bundle["entry"]) for bundle in bundles] == [1, 2, 1, 2]
    copy = service.store("hist-copy")
    source = {"gcsSource": {"uri": "gs://demo-out/hist/*"}}
    imported = run(service, f"{copy}:importHistory", source, version="v1beta1")
    assert imported["metadata"]["counter"] == {"success": "6"}
    for name in ("kept", "updated", "created", "deleted"):
        before, after = (
            service.client.get(f"{place}/fhir/Patient/{name}/_history").json()["entry"]
            for place in (store, copy)
        )
        assert [entry.get("resource") for entry in before] == [entry.get("resource") for entry in after]
    again = run(service, f"{copy}:importHistory", source, version="v1beta1")
    assert again["metadata"]["counter"] == {"failure": "6"}


def test_a_history_import_ends_after_too_many_errors(service: Program) -> None:
    plain = service.store("hist-plain", version="R4")
    refused = f"{service.endpoint}/v1beta1/{DATASET}/{plain}:importHistory"
    source = {"gcsSource": {"uri": "gs://demo-out/x"}}
    assert "enableHistoryModifications" in service.client.post(refused, json=source).text
    store = service.store("hist-bad")
    uri = service.put_lines("demo-out/hist-bad.ndjson", ["{}", "[]"])
    request = {"gcsSource": {"uri": uri}, "maxErrorCount": "1"}
    answer = service.client.post(f"{service.endpoint}/v1beta1/{DATASET}/{store}:importHistory", json=request)
    operation = service.ended(answer.json()["name"].removeprefix(f"{DATASET}/"))
    assert operation["error"]["code"] == 1
    assert operation["metadata"]["counter"] == {"failure": "2"}


@pytest.mark.parametrize("verb", ["importHistory", "exportHistory", "configureSearch"])
def test_methods_of_v1beta1_are_not_in_v1(service: Program, verb: str) -> None:
    store = "fhirStores/only-beta"
    service.client.post("fhirStores", params={"fhirStoreId": "only-beta"}, json={"version": "R4"})
    answer = service.client.post(f"{store}:{verb}", json={})
    assert answer.status_code == 404
    assert "v1beta1" in answer.json()["error"]["message"]


def test_only_what_is_newer_and_newest_of_a_history_is_exported(service: Program) -> None:
    store, moment, _ = changed_store(service, "hist-some")
    out = {"gcsDestination": {"uriPrefix": "gs://demo-out/hist-some"}, "maxResourceVersions": "1"}
    operation = run(service, f"{store}:exportHistory", {**out, "_since": moment}, version="v1beta1")
    file = service.buckets / "demo-out/hist-some" / f"{number(operation)}_history_Patient"
    entries = [json.loads(line)["entry"] for line in file.read_text().splitlines()]
    assert [len(entry) for entry in entries] == [1, 1, 1]


ADMIN = {"resourceType": "Consent", "id": "a", "status": "active", "scope": {}}


def consent(identifier: str, patient_id: str, **more: Any) -> str:
    about = {"id": identifier, "patient": {"reference": f"Patient/{patient_id}"}}
    return json.dumps({**ADMIN, **about, **more})


def test_consents_of_patients_are_checked_and_counted(service: Program) -> None:
    store = "fhirStores/consents"
    observation = '{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/1"}}'
    load(
        service,
        store,
        patient("1"),
        patient("2"),
        observation,
        consent("good", "1"),
        consent("bad", "2", status="?"),
    )
    operation = run(service, f"{store}:applyConsents", {})
    assert operation["metadata"]["counter"] == {"success": "1", "failure": "1", "secondarySuccess": "3"}
    response = {key: value for key, value in operation["response"].items() if key != "@type"}
    assert response == {"consentApplySuccess": "1", "consentApplyFailure": "1", "affectedResources": "3"}
    scope = {"patientScope": {"patientIds": ["2"]}, "validateOnly": True}
    assert run(service, f"{store}:applyConsents", scope)["metadata"]["counter"] == {"failure": "1"}


def test_admin_consents_are_put_in_force_together_or_not_at_all(service: Program) -> None:
    store = "fhirStores/admin"
    load(service, store, json.dumps(ADMIN), consent("p", "1"))
    names = [f"{DATASET}/{store}/fhir/Consent/{name}/_history/1" for name in ("a", "p", "none")]
    refused = service.client.post(f"{store}:applyAdminConsents", json={"newConsentsList": {"names": names}})
    assert refused.status_code == 400
    (detail,) = refused.json()["error"]["details"]
    assert [item["name"] for item in detail["consentErrors"]] == names[1:]
    assert "consentConfig" not in service.client.get(store).json()
    operation = run(service, f"{store}:applyAdminConsents", {"newConsentsList": {"names": names[:1]}})
    assert operation["metadata"]["counter"] == {"success": "1", "secondarySuccess": "2"}
    assert service.client.get(store).json()["consentConfig"] == {"enforcedAdminConsents": names[:1]}


def test_search_parameters_must_be_in_the_store_and_complete(service: Program) -> None:
    store = "fhirStores/search"
    good = {
        "resourceType": "SearchParameter",
        "id": "s",
        "url": "http://example.com/s",
        "code": "s",
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.gender",
    }
    bad = {"resourceType": "SearchParameter", "id": "t", "url": "http://example.com/t"}
    worse = {**good, "id": "u", "url": "http://example.com/u", "expression": "Patient.("}
    odd = {**good, "id": "v", "url": "http://example.com/v", "type": "composite"}
    load(service, store, patient("1"), *map(json.dumps, (good, bad, worse, odd)))
    url = f"{service.endpoint}/v1beta1/{DATASET}/{store}:configureSearch"
    for name in (f"http://example.com/{end}" for end in ("t", "u", "v", "none")):
        assert service.client.post(url, json={"canonicalUrls": [name]}).status_code == 400
    request = {"canonicalUrls": ["http://example.com/s"]}
    operation = run(service, f"{store}:configureSearch", request, version="v1beta1")
    assert operation["metadata"]["counter"] == {"success": "1"}
    config = service.client.get(store).json()["searchConfig"]
    assert config == {"searchParameters": [{"canonicalUrl": "http://example.com/s"}]}
