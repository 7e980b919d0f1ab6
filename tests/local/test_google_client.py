"""Google's own Python client drives the service unchanged."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from local.googles import client, discovery
from patience import GIVE_UP

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

# httplib2 calls functions of pyparsing under names that pyparsing has deprecated.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_LOCATION = "projects/local/locations/local"


def _result(operations: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + GIVE_UP
    while time.monotonic() < deadline:
        operation: dict[str, Any] = operations.get(name=name).execute()
        if operation.get("done"):
            return operation
        time.sleep(0.02)
    pytest.fail(f"{name} did not end")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_whole_path(service: Program, patients: Callable[..., list[str]], version: str) -> None:
    api = client(service, "healthcare", version)
    datasets = api.projects().locations().datasets()
    dataset = f"{_LOCATION}/datasets/google-{version}"
    started = datasets.create(
        parent=_LOCATION, datasetId=f"google-{version}", body={"timeZone": "UTC"}
    ).execute()
    created = _result(datasets.operations(), started["name"])
    assert created["response"]["name"] == dataset
    assert datasets.get(name=dataset).execute() == {"name": dataset, "timeZone": "UTC"}
    assert dataset in [item["name"] for item in datasets.list(parent=_LOCATION).execute()["datasets"]]

    stores = datasets.fhirStores()
    store = stores.create(parent=dataset, fhirStoreId="s", body={"version": "R4"}).execute()["name"]
    uri = service.put_lines(f"demo-out/{version}.ndjson", patients(40))
    body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": uri}}
    started = stores.import_(name=store, body=body).execute()
    assert list(started) == ["name"]
    assert _result(datasets.operations(), started["name"])["metadata"]["counter"] == {"success": "40"}
    body = {"gcsDestination": {"uriPrefix": f"gs://demo-out/{version}"}, "_type": "Patient"}
    exported = _result(datasets.operations(), stores.export(name=store, body=body).execute()["name"])
    assert exported["response"]["@type"].endswith(f"{version}.fhir.rest.ExportResourcesResponse")
    assert len(list((service.buckets / "demo-out" / version).iterdir())) == 1

    names, request = [], datasets.operations().list(name=dataset, pageSize=2)
    while request is not None:
        page = request.execute()
        names += [item["name"] for item in page["operations"]]
        request = datasets.operations().list_next(request, page)
    assert len(names) == 3
    assert names[0] == exported["name"]
    assert datasets.operations().cancel(name=names[0], body={}).execute() == {}

    fhir = stores.fhir()
    assert fhir.read(name=f"{store}/fhir/Patient/p1").execute()["id"] == "p1"
    made = fhir.create(parent=store, type="Patient", body={"resourceType": "Patient"}).execute()
    assert len(fhir.history(name=f"{store}/fhir/Patient/{made['id']}").execute()["entry"]) == 1
    fhir.delete(name=f"{store}/fhir/Patient/{made['id']}").execute()
    metrics = stores.getFHIRStoreMetrics(name=store).execute()
    size = int(metrics["metrics"][0].pop("structuredStorageSizeBytes"))
    deleted = int(metrics["metrics"][0].pop("versionedStorageSizeBytes"))
    assert metrics == {"name": store, "metrics": [{"resourceType": "Patient", "count": "40"}]}
    assert size > deleted > 0
    with pytest.raises(discovery.HttpError) as caught:
        stores.get(name=f"{dataset}/fhirStores/none").execute()
    assert caught.value.status_code == 404
    assert "fhirStores/none" in caught.value.reason
    assert stores.delete(name=store).execute() == {}
    assert datasets.delete(name=dataset).execute() == {}
    api.close()


def _bodies(dataset: str) -> dict[str, dict[str, Any]]:
    """Return method -> body for a store ``s`` in a dataset."""
    store, folder = f"{dataset}/fhirStores/s", {"uriPrefix": "gs://demo-out/google"}
    source = {"gcsSource": {"uri": "gs://demo-out/google-in.ndjson"}}
    return {
        "import_": {"contentStructure": "RESOURCE", **source},
        "export": {"gcsDestination": folder},
        "exportHistory": {"gcsDestination": folder},
        "importHistory": {"contentStructure": "RESOURCE", **source},
        "deidentify": {"destinationStore": f"{dataset}/fhirStores/t", "config": {}},
        "applyConsents": {"validateOnly": True},
        "applyAdminConsents": {"newConsentsList": {"names": []}},
        "configureSearch": {"canonicalUrls": []},
        "executeCohort": {
            "fhirpathQuery": {"expressions": [{"fhirpathExpression": "Patient"}]},
            "gcsDestination": folder,
        },
        "rollback": {"rollbackTime": "2020-01-01T00:00:00Z", "resultGcsBucket": "demo-out"},
        "bulkDelete": {"validateOnly": True},
        "store": {"name": store},
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_every_operation_of_fhir_stores_and_datasets(service: Program, version: str) -> None:
    api = client(service, "healthcare", version)
    datasets = api.projects().locations().datasets()
    stores = datasets.fhirStores()
    dataset = f"{_LOCATION}/datasets/every-{version}"
    create = datasets.create(parent=_LOCATION, datasetId=f"every-{version}", body={}).execute()
    _result(datasets.operations(), create["name"])
    where = {"bulkExportGcsDestination": {"uriPrefix": f"gs://demo-out/bulk-{version}"}}
    history = {} if version == "v1" else {"enableHistoryModifications": True}
    for name in ("s", "t"):
        stores.create(parent=dataset, fhirStoreId=name, body={"version": "R4", **history}).execute()
    stored = stores.patch(
        name=f"{dataset}/fhirStores/s", updateMask="bulkExportGcsDestination", body=where
    ).execute()
    assert stored["bulkExportGcsDestination"] == where["bulkExportGcsDestination"]
    stamp = {"versionId": "1", "lastUpdated": "2020-01-01T00:00:00Z"}
    line = json.dumps({"resourceType": "Patient", "id": "1", "meta": stamp})
    service.put_lines("demo-out/google-in.ndjson", [line])
    beta_only = {"exportHistory", "importHistory", "configureSearch", "executeCohort"}
    bodies = _bodies(dataset)
    store = bodies.pop("store")["name"]
    for method, body in bodies.items():
        if version == "v1" and method in beta_only:
            assert not hasattr(stores, method)
            continue
        target = "sourceStore" if method == "deidentify" else "name"
        started = getattr(stores, method)(**{target: store}, body=body).execute()
        ended = _result(datasets.operations(), started["name"])
        assert "error" not in ended, (method, ended)
        assert ended["metadata"]["apiMethodName"].startswith(f"google.cloud.healthcare.{version}.")
    copy = {"destinationDataset": f"{_LOCATION}/datasets/copy-{version}", "config": {}}
    started = datasets.deidentify(sourceDataset=dataset, body=copy).execute()
    summary = _result(datasets.operations(), started["name"])["response"]["@type"]
    assert summary.endswith("DeidentifySummary")
    request = stores.fhir().bulk_export(name=store)
    request.headers["prefer"] = "respond-async"
    heads: list[Any] = []
    request.add_response_callback(heads.append)
    request.execute()
    address = heads[-1]["content-location"].partition(f"/{version}/")[2]
    deadline = time.monotonic() + GIVE_UP
    while heads[-1].status != 200:
        assert time.monotonic() < deadline
        request = stores.operations().get_fhir_operation_status(name=address)
        request.add_response_callback(heads.append)
        manifest = request.execute()
    assert [item["type"] for item in manifest["output"]] == ["Patient"]
    api.close()


@pytest.mark.filterwarnings("ignore")
def test_the_storage_client_reads_the_buckets(service: Program) -> None:
    service.put_lines("demo-out/storage/a.ndjson", ["{}"])
    api = client(service, "storage", "v1", "/storage/v1/")
    listed = api.objects().list(bucket="demo-out", prefix="storage/").execute()
    assert [item["name"] for item in listed["items"]] == ["storage/a.ndjson"]
    assert api.objects().get(bucket="demo-out", object="storage/a.ndjson").execute()["size"] == "3"
    assert api.objects().get_media(bucket="demo-out", object="storage/a.ndjson").execute() == b"{}\n"
    api.close()


@pytest.mark.filterwarnings("ignore")
def test_the_logging_client_reads_the_failures(service: Program) -> None:
    store = service.store("log-client")
    operation = service.start_import(store, service.put_lines("demo-out/bad.ndjson", ["{}"]))
    service.ended(operation)
    api = client(service, "logging", "v2")
    name = f"{_LOCATION}/datasets/demo/{operation}"
    body = {"resourceNames": ["projects/local"], "filter": f'operation.id="{name}"'}
    (entry,) = api.entries().list(body=body).execute()["entries"]
    assert entry["operation"]["id"] == name
    api.close()
