"""Google's own Python client drives the service unchanged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

discovery = pytest.importorskip(
    "googleapiclient.discovery", reason="google-api-python-client is not installed"
)
httplib2 = pytest.importorskip("httplib2", reason="httplib2 is not installed")

# httplib2 calls functions of pyparsing under names that pyparsing has deprecated.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_LOCATION = "projects/local/locations/local"


class _Bearer:
    """httplib2 with the token of the service on every request."""

    def __init__(self, token: str) -> None:
        self._http = httplib2.Http(proxy_info=None)
        self._token = token

    def request(self, uri: str, method: str, body: object, headers: dict[str, str], **more: object) -> object:
        bearer = {**headers, "authorization": f"Bearer {self._token}"}
        return self._http.request(uri, method, body=body, headers=bearer, **more)

    def close(self) -> None:
        self._http.close()


def _result(operations: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - the client is built at run time
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        operation: dict[str, Any] = operations.get(name=name).execute()
        if operation.get("done"):
            return operation
        time.sleep(0.02)
    pytest.fail(f"{name} did not end")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_whole_path(service: Program, patients: Callable[..., list[str]], version: str) -> None:
    api = discovery.build(
        "healthcare",
        version,
        http=_Bearer(service.token),
        static_discovery=True,
        client_options={"api_endpoint": service.endpoint},
    )
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
    with pytest.raises(discovery.HttpError) as caught:
        stores.get(name=f"{dataset}/fhirStores/none").execute()
    assert caught.value.status_code == 404
    assert "fhirStores/none" in caught.value.reason
    assert stores.delete(name=store).execute() == {}
    assert datasets.delete(name=dataset).execute() == {}
    api.close()
