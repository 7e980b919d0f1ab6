"""IAM policies, which are kept and not enforced; locations; and changes of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.local.location_routes import REGIONS

if TYPE_CHECKING:
    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pytestmark = pytest.mark.service

KINDS = ("fhirStores", "dicomStores", "hl7V2Stores", "consentStores")
READER = {"role": "roles/healthcare.fhirResourceReader", "members": ["user:ann@example.org", "allUsers"]}


def error(answer: Any, status: int, name: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["status"] == name
    return str(answer.json()["error"]["message"])


@pytest.fixture(scope="module")
def resources(service: Program) -> list[str]:
    """Return the addresses of the dataset and of a store of each kind."""
    for kind in KINDS:
        body = {"version": "R4"} if kind == "fhirStores" else {}
        service.client.post(kind, params={f"{kind[:-1]}Id": "iam"}, json=body).raise_for_status()
    dataset = f"{service.endpoint}/v1/{DATASET}"
    return [dataset, *(f"{dataset}/{kind}/iam" for kind in KINDS)]


def test_a_policy_is_kept_with_its_etag(service: Program, resources: list[str]) -> None:
    for address in resources:
        unset = service.client.get(f"{address}:getIamPolicy")
        assert unset.json() == {"etag": "ACAB"}
        assert "enforces none" in unset.headers["warning"]
        policy = {"bindings": [READER], "etag": "ACAB"}
        kept = service.client.post(f"{address}:setIamPolicy", json={"policy": policy}).json()
        assert kept == {"version": 1, "bindings": [READER], "etag": kept["etag"]}
        assert kept["etag"] != "ACAB"
        assert service.client.get(f"{address}:getIamPolicy").json() == kept
        beta = address.replace("/v1/", "/v1beta1/")
        assert service.client.get(f"{beta}:getIamPolicy").json() == kept
        stale = service.client.post(f"{address}:setIamPolicy", json={"policy": policy})
        assert "read-modify-write" in error(stale, 409, "ABORTED")
        assert service.client.get(f"{address}:getIamPolicy").json() == kept
        emptied = service.client.post(f"{address}:setIamPolicy", json={"policy": {"etag": kept["etag"]}})
        assert emptied.json().keys() == {"version", "etag"}


def test_a_policy_ends_with_what_it_is_of(service: Program) -> None:
    store, body = service.store("short"), {"policy": {"bindings": [READER]}}
    service.client.post(f"{store}:setIamPolicy", json=body).raise_for_status()
    service.client.delete(store).raise_for_status()
    assert service.client.get(f"{store}:getIamPolicy").status_code == 404
    service.store("short")
    assert service.client.get(f"{store}:getIamPolicy").json() == {"etag": "ACAB"}


def test_an_update_mask_leaves_the_rest(service: Program, resources: list[str]) -> None:
    address = f"{resources[1]}:setIamPolicy"
    audit = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    service.client.post(address, json={"policy": {"bindings": [READER]}}).raise_for_status()
    body = {"policy": {"auditConfigs": audit}, "updateMask": "auditConfigs,etag"}
    changed = service.client.post(address, json=body).json()
    assert (changed["bindings"], changed["auditConfigs"]) == ([READER], audit)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"policy": {"bindings": [{**READER, "members": ["ann@example.org"]}]}}, "members"),
        ({"policy": {"bindings": [{**READER, "members": ["user:"]}]}}, "members"),
        ({"policy": {"bindings": [{**READER, "role": "reader"}]}}, "role"),
        ({"policy": {"bindings": [{"members": ["allUsers"]}]}}, "role"),
        ({"policy": {"version": 2}}, "version"),
        ({"policy": {"bindings": [{**READER, "condition": {"expression": "true"}}]}}, "version 3"),
        ({"policy": {"binding": []}}, "policy"),
        ({"bindings": []}, "bindings"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    service: Program, resources: list[str], body: dict[str, Any], said: str
) -> None:
    answer = service.client.post(f"{resources[2]}:setIamPolicy", json=body)
    assert said in error(answer, 400, "INVALID_ARGUMENT")


def test_conditions_need_version_three(service: Program, resources: list[str]) -> None:
    condition = {"title": "t", "expression": "request.time < timestamp('2027-01-01T00:00:00Z')"}
    policy = {"version": 3, "bindings": [{**READER, "condition": condition}]}
    kept = service.client.post(f"{resources[3]}:setIamPolicy", json={"policy": policy}).json()
    assert kept["bindings"][0]["condition"] == condition
    query = {"options.requestedPolicyVersion": "3"}
    assert service.client.get(f"{resources[3]}:getIamPolicy", params=query).json() == kept
    query = {"options.requestedPolicyVersion": "2"}
    error(service.client.get(f"{resources[3]}:getIamPolicy", params=query), 400, "INVALID_ARGUMENT")


def test_permissions_are_granted_if_there_can_be_such(service: Program, resources: list[str]) -> None:
    wanted = ["healthcare.fhirStores.get", "healthcare.fhirResources.update"]
    for address in resources:
        answer = service.client.post(f"{address}:testIamPermissions", json={"permissions": wanted})
        assert answer.json() == {"permissions": wanted}
        assert "enforces none" in answer.headers["warning"]
    address = f"{resources[0]}:testIamPermissions"
    assert service.client.post(address, json={}).json() == {}
    for permission in ("healthcare.*", "storage.objects.get", "healthcare"):
        answer = service.client.post(address, json={"permissions": [permission]})
        error(answer, 400, "INVALID_ARGUMENT")
    missing = f"{resources[1]}-none"
    error(service.client.post(f"{missing}:testIamPermissions", json={}), 404, "NOT_FOUND")


def test_locations_are_the_regions_and_those_in_use(service: Program) -> None:
    url = f"{service.endpoint}/v1/projects/local/locations"
    found, token = [], ""
    while True:
        page = service.client.get(url, params={"pageSize": "7", "pageToken": token}).json()
        found += [row["locationId"] for row in page["locations"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert found == sorted([*REGIONS, "local"])
    assert service.client.get(f"{service.endpoint}/v1/projects/other/locations").json()["locations"][0] == {
        "name": "projects/other/locations/asia-east1",
        "locationId": "asia-east1",
    }
    for identifier in ("us-central1", "local"):
        name = f"projects/local/locations/{identifier}"
        assert service.client.get(f"{service.endpoint}/v1/{name}").json() == {
            "name": name,
            "locationId": identifier,
        }
    error(service.client.get(url, params={"filter": "x"}), 400, "INVALID_ARGUMENT")
    error(service.client.get(f"{url}/%20"), 400, "INVALID_ARGUMENT")


def test_a_dataset_changes_its_time_zone_and_nothing_else(service: Program) -> None:
    datasets = f"{service.endpoint}/v1/projects/local/locations/local/datasets"
    key = {"kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}
    body = {"timeZone": "Europe/Berlin", "encryptionSpec": key}
    started = service.client.post(datasets, params={"datasetId": "zone"}, json=body).json()["name"]
    service.ended(f"{service.endpoint}/v1/{started}")
    mask = {"updateMask": "timeZone"}
    changed = service.client.patch(f"{datasets}/zone", params=mask, json={"timeZone": "America/New_York"})
    expected = {"name": f"{datasets.partition('/v1/')[2]}/zone", "timeZone": "America/New_York"}
    assert changed.json() == {**expected, "encryptionSpec": key}
    assert service.client.get(f"{datasets}/zone").json() == changed.json()
    wrong = service.client.patch(f"{datasets}/zone", params=mask, json={"timeZone": "Mars/Base"})
    assert "time zone" in error(wrong, 400, "INVALID_ARGUMENT")
    mask = {"updateMask": "encryptionSpec"}
    fixed = service.client.patch(f"{datasets}/zone", params=mask, json={"encryptionSpec": key})
    assert "immutable" in error(fixed, 400, "INVALID_ARGUMENT")
    gone = service.client.patch(f"{datasets}/none", params={"updateMask": "timeZone"}, json={})
    error(gone, 404, "NOT_FOUND")
    wrong = service.client.post(datasets, params={"datasetId": "mars"}, json={"timeZone": "Mars/Base"})
    error(wrong, 400, "INVALID_ARGUMENT")
