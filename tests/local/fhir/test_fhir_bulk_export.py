"""Bulk exports of FHIR stores: their files and manifests, groups, what they need, how they are deleted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from local.stores import load, patient
from patience import GIVE_UP

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = pytest.mark.service


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
