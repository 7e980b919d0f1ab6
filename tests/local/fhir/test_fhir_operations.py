"""The operations of FHIR stores beyond import and export, over HTTP on real files."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from local.stores import body, changed_store, load, number, patient, run
from patience import GIVE_UP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.conftest import Program

pytestmark = pytest.mark.service

Lines = list[str]


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
    load(service, store, patient("1"), json.dumps(good), json.dumps(bad))
    url = f"{service.endpoint}/v1beta1/{DATASET}/{store}:configureSearch"
    for name in ("http://example.com/t", "http://example.com/none"):
        assert service.client.post(url, json={"canonicalUrls": [name]}).status_code == 400
    request = {"canonicalUrls": ["http://example.com/s"]}
    operation = run(service, f"{store}:configureSearch", request, version="v1beta1")
    assert operation["metadata"]["counter"] == {"success": "1"}
    config = service.client.get(store).json()["searchConfig"]
    assert config == {"searchParameters": [{"canonicalUrl": "http://example.com/s"}]}


def bulk_store(service: Program, name: str) -> str:
    store = f"fhirStores/{name}"
    service.store(name)
    where = {"bulkExportGcsDestination": {"uriPrefix": f"gs://demo-out/{name}"}}
    mask = {"updateMask": "bulkExportGcsDestination"}
    service.client.patch(store, params=mask, json=where).raise_for_status()
    return store


ASYNC = {"Prefer": "respond-async", "Accept": "application/fhir+json"}


def bulk(service: Program, path: str, **query: str) -> dict[str, Any]:
    """Run a bulk export and return its manifest."""
    started = service.client.get(path, headers=ASYNC, params=query)
    assert started.status_code == 202, started.text
    for _ in range(500):
        status = service.client.get(started.headers["Content-Location"])
        if status.status_code == 200:
            return dict(status.json())
        assert (status.status_code, status.headers["X-Progress"]) == (202, "in progress")
        time.sleep(0.01)
    pytest.fail("the export did not end")


def test_a_bulk_export_writes_files_and_a_manifest(service: Program) -> None:
    store = bulk_store(service, "bulk")
    load(service, store, patient("1"), patient("2"), '{"resourceType":"Observation","id":"o"}')
    manifest = bulk(service, f"{store}/fhir/$export", _type="Patient")
    assert manifest["error"] == []
    (file,) = manifest["output"]
    assert (file["type"], file["url"].startswith(service.endpoint)) == ("Patient", True)
    assert "demo-out" in file["url"]
    assert service.client.get(file["url"], headers={"Authorization": ""}).status_code == 401
    text = service.client.get(file["url"]).raise_for_status().text
    assert [json.loads(line)["id"] for line in text.splitlines()] == ["1", "2"]
    assert service.client.get(f"{store}/fhir/$export?_typeFilter=x", headers=ASYNC).status_code == 400
    assert (
        service.client.get("operations").json().get("operations", [{}])[0].get("name", "").count("fhirStores")
        == 0
    )


def test_a_group_is_exported_with_all_of_its_patients(service: Program) -> None:
    store = bulk_store(service, "group")
    member = {"entity": {"reference": "Patient/1"}}
    load(
        service,
        store,
        patient("1", managingOrganization={"reference": "Organization/x"}),
        patient("2"),
        '{"resourceType":"Organization","id":"x"}',
        '{"resourceType":"Organization","id":"y"}',
        '{"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/1"}}',
        '{"resourceType":"Observation","id":"o2","subject":{"reference":"Patient/2"}}',
        json.dumps({"resourceType": "Group", "id": "g", "member": [member]}),
    )
    path = f"{store}/fhir/Group/g/$export"
    assert service.client.get(path, headers=ASYNC).status_code == 400
    manifest = bulk(service, path, organizeOutputBy="Patient")
    found = set()
    for file in manifest["output"]:
        for line in service.client.get(file["url"]).text.splitlines():
            found.add(f"{file['type']}/{json.loads(line)['id']}")
    assert found == {"Patient/1", "Organization/x", "Observation/o1", "Group/g"}


def test_what_a_bulk_export_needs_is_asked_for(service: Program) -> None:
    store = service.store("bulk-bad")
    path = f"{store}/fhir/$export"
    assert service.client.get(path).status_code == 400
    no_folder = service.client.get(path, headers=ASYNC)
    assert no_folder.json()["resourceType"] == "OperationOutcome"
    assert "bulkExportGcsDestination" in no_folder.text
    assert (
        service.client.get(
            f"{bulk_store(service, 'bulk-b2')}/fhir/Group/x/$export",
            headers=ASYNC,
            params={"organizeOutputBy": "Patient"},
        ).status_code
        == 404
    )


def test_a_bulk_export_can_be_deleted_while_it_runs_and_not_after(service: Program) -> None:
    store = bulk_store(service, "bulk-del")
    load(service, store, *(patient(str(n)) for n in range(50)))
    service.pace(20)
    try:
        url = service.client.get(f"{store}/fhir/$export", headers=ASYNC).headers["Content-Location"]
        assert service.client.get(url).status_code == 202
        assert service.client.delete(url).status_code == 202
        deadline = time.monotonic() + GIVE_UP
        while service.client.get(url).status_code == 202:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert service.client.get(url).status_code == 404
        assert service.client.delete(url).status_code == 400
    finally:
        service.pace(None)
    assert not list((service.buckets / "demo-out").glob("bulk-del/*"))


@pytest.fixture(scope="module")
def synthea(service: Program, data: Path) -> str:
    """Real Synthea data, imported."""
    shutil.copytree(data / "synthea-10", service.buckets / "demo-out/synthea")
    store = service.store("synthea")
    operation = service.imported(store, "gs://demo-out/synthea/*.ndjson")
    assert "failure" not in operation["metadata"]["counter"]
    return store


def test_real_data_is_deidentified_into_another_store(service: Program, synthea: str) -> None:
    target = service.store("synthea-safe")
    request = {"destinationStore": f"{DATASET}/{target}", "config": {}}
    operation = run(service, f"{synthea}:deidentify", request)
    assert operation["metadata"]["counter"].keys() == {"success"}
    assert operation["response"]["@type"].endswith("deidentify.DeidentifyFhirStoreSummary")
    patients = service.client.get(f"{synthea}/fhir/Patient", params={"_count": "1000"}).json()["entry"]
    for entry in patients:
        before = entry["resource"]
        after = body(service, target, f"Patient/{before['id']}")
        assert after is not None
        text = json.dumps(after)
        assert all(part.keys() <= {"use"} for part in after["name"])
        assert before["birthDate"] not in text
        for secret in (before["name"][0]["family"], before["telecom"][0]["value"]):
            assert secret not in text
        assert before["address"][0]["line"][0] not in text
        assert after["gender"] == before["gender"]


def test_a_dataset_is_deidentified_into_a_new_one(service: Program, patients: Callable[..., Lines]) -> None:
    location = f"{service.endpoint}/v1/projects/local/locations/local/datasets"
    source = service.client.post(location, params={"datasetId": "src"}, json={"timeZone": "UTC"})
    name = source.json()["name"].rpartition("/operations")[0]
    deadline = time.monotonic() + GIVE_UP
    while not service.client.get(f"{service.endpoint}/v1/{source.json()['name']}").json().get("done"):
        assert time.monotonic() < deadline
    base = f"{service.endpoint}/v1/{name}"
    for store in ("a", "b"):
        service.client.post(
            f"{base}/fhirStores",
            params={"fhirStoreId": store},
            json={"version": "R4", "enableUpdateCreate": True},
        ).raise_for_status()
        for line in patients(3):
            identifier = json.loads(line)["id"]
            service.client.put(f"{base}/fhirStores/{store}/fhir/Patient/{identifier}", content=line)
    target = "projects/local/locations/local/datasets/safe"
    started = service.client.post(f"{base}:deidentify", json={"destinationDataset": target, "config": {}})
    while not (operation := service.client.get(f"{service.endpoint}/v1/{started.json()['name']}").json()).get(
        "done"
    ):
        assert time.monotonic() < deadline + 20
    assert operation["metadata"]["counter"] == {"success": "6"}
    assert operation["response"]["@type"].endswith("DeidentifySummary")
    copied = service.client.get(f"{service.endpoint}/v1/{target}/fhirStores").json()["fhirStores"]
    assert [store["name"].rpartition("/")[2] for store in copied] == ["a", "b"]
    taken = service.client.post(f"{base}:deidentify", json={"destinationDataset": target, "config": {}})
    assert taken.status_code == 409
    elsewhere = {"destinationDataset": "projects/x/locations/y/datasets/z", "config": {}}
    assert service.client.post(f"{base}:deidentify", json=elsewhere).status_code == 400
