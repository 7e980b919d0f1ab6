"""FHIR stores and datasets are de-identified into others."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from local.conftest import DATASET
from local.stores import body, run
from patience import GIVE_UP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.conftest import Program

Lines = list[str]

pytestmark = pytest.mark.service


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
