"""What a topic of Pub/Sub would have received is in a file, in the form of Google's pages."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from systems import has_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

pytestmark = pytest.mark.service

TOPIC = "projects/p/topics/t"
FULL = {"pubsubTopic": TOPIC, "sendFullResource": True, "sendPreviousResourceOnDelete": True}


def made(service: Program, collection: str, name: str, **fields: Any) -> str:
    """Create a store whose fields warn, and return its path."""
    body = {"version": "R4", "enableUpdateCreate": True} if collection == "fhirStores" else {}
    answer = service.client.post(collection, params={f"{collection[:-1]}Id": name}, json={**body, **fields})
    assert answer.status_code == 200, answer.text
    assert answer.headers["warning"].startswith('299 lro-notebook "no message goes to Pub/Sub')
    return f"{collection}/{name}"


def told(service: Program, store: str) -> list[tuple[str, dict[str, str], bytes]]:
    """Return topic, attributes and data of the messages of a store, oldest first."""
    path = service.data_dir / "notifications.ndjson"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    messages = [
        (
            line["topic"],
            line["message"].get("attributes", {}),
            base64.b64decode(line["message"]["data"]),
        )
        for line in lines
    ]
    name = f"{DATASET}/{store}"
    return [
        each for each in messages if each[1].get("storeName") == name or each[2].decode().startswith(name)
    ]


def patient(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "a", **fields}


def test_the_changes_of_a_resource(service: Program) -> None:
    store = made(service, "fhirStores", "told", notificationConfigs=[FULL, {"pubsubTopic": f"{TOPIC}2"}])
    address = f"{store}/fhir/Patient/a"
    for body in (patient(), patient(active=True)):
        service.client.put(address, json=body).raise_for_status()
    service.client.delete(address).raise_for_status()
    messages = told(service, store)
    assert [topic for topic, _, _ in messages] == [TOPIC, f"{TOPIC}2"] * 3
    full, names = messages[::2], messages[1::2]
    actions = ["CreateResource", "UpdateResource", "DeleteResource"]
    assert [attributes["action"] for _, attributes, _ in full] == actions
    assert [attributes["versionId"] for _, attributes, _ in full] == ["1", "2", "3"]
    assert {attributes["payloadType"] for _, attributes, _ in full} == {"FullResource"}
    assert [json.loads(data).get("active") for _, _, data in full] == [None, True, True]
    assert {data.decode() for _, _, data in names} == {f"{DATASET}/{address}"}
    assert set(names[0][1]) == {
        "action",
        "lastUpdatedTime",
        "payloadType",
        "resourceType",
        "storeName",
        "versionId",
    }
    assert names[0][1]["payloadType"] == "NameOnly"
    assert names[0][1]["lastUpdatedTime"].endswith(" UTC")


def test_patches_bundles_and_what_is_deleted_by_conditions(service: Program) -> None:
    versions = {"disableResourceVersioning": True}
    store = made(service, "fhirStores", "more", notificationConfigs=[FULL], **versions)
    service.client.put(f"{store}/fhir/Patient/a", json=patient(active=True)).raise_for_status()
    patch = b'[{"op": "replace", "path": "/active", "value": false}]'
    kind = {"Content-Type": "application/json-patch+json"}
    service.client.patch(f"{store}/fhir/Patient/a", content=patch, headers=kind).raise_for_status()
    entries = [
        {"resource": patient(), "request": {"method": "PUT", "url": "Patient/a"}},
        {"resource": {"resourceType": "Group"}, "request": {"method": "POST", "url": "Group"}},
    ]
    refused = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert service.client.post(f"{store}/fhir", json=refused).status_code == 400
    entries.pop()
    service.client.post(f"{store}/fhir", json=refused).raise_for_status()
    service.client.delete(f"{store}/fhir/Patient", params={"active:missing": "true"}).raise_for_status()
    messages = told(service, store)
    assert [attributes["action"] for _, attributes, _ in messages] == [
        "CreateResource",
        "PatchResource",
        "UpdateResource",
        "DeleteResource",
    ]
    assert [attributes["payloadType"] for _, attributes, _ in messages] == ["FullResource"] * 4
    assert [json.loads(data).get("active") for _, _, data in messages] == [True, False, None, None]


def test_what_tells_nothing(service: Program, patients: Callable[..., list[str]]) -> None:
    store = made(service, "fhirStores", "quiet", notificationConfig={"pubsubTopic": TOPIC})
    service.imported(store, service.put_lines("demo-out/told.ndjson", patients(3)))
    assert service.client.put(f"{store}/fhir/Patient/a", json={"resourceType": "Group"}).status_code == 400
    assert service.client.delete(f"{store}/fhir/Patient/none").status_code < 500
    assert told(service, store) == []
    service.client.put(f"{store}/fhir/Patient/a", json=patient()).raise_for_status()
    assert len(told(service, store)) == 1
    topics = {"notificationConfig": {"pubsubTopic": ""}}
    service.client.patch(store, params={"updateMask": "notificationConfig"}, json=topics).raise_for_status()
    service.client.put(f"{store}/fhir/Patient/b", json=patient(id="b")).raise_for_status()
    assert len(told(service, store)) == 1


def test_messages_that_a_filter_lets_pass(service: Program) -> None:
    configs = [{"pubsubTopic": TOPIC, "filter": 'message_type = "ORU"'}, {"pubsubTopic": f"{TOPIC}2"}]
    store = made(service, "hl7V2Stores", "told", notificationConfigs=configs)
    for kind, verb in (("ADT^A01", ""), ("ORU^R01", ":ingest"), ("ORU^R01", ":ingest")):
        data = base64.b64encode(f"MSH|^~\\&|A|B|C|D|2026||{kind}|1|T|2.5".encode()).decode()
        service.client.post(f"{store}/messages{verb}", json={"message": {"data": data}}).raise_for_status()
    messages = told(service, store)
    assert [(topic, attributes) for topic, attributes, _ in messages] == [
        (f"{TOPIC}2", {"msgType": "ADT"}),
        (TOPIC, {"msgType": "ORU"}),
        (f"{TOPIC}2", {"msgType": "ORU"}),
    ]
    assert service.client.get(f"{service.endpoint}/v1/{messages[0][2].decode()}").status_code == 200


def test_imported_and_stored_instances(service: Program) -> None:
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
    image = pydicom.data.get_testdata_file("CT_small.dcm")
    shutil.copy(image, service.buckets / "demo-out" / "told.dcm")
    store = made(
        service,
        "dicomStores",
        "told",
        notificationConfigs=[{"pubsubTopic": TOPIC}],
        notificationConfig={"pubsubTopic": f"{TOPIC}2", "sendForBulkImport": True},
    )
    quiet = made(service, "dicomStores", "quiet", notificationConfig={"pubsubTopic": TOPIC})
    for each in (store, quiet):
        body = {"gcsSource": {"uri": "gs://demo-out/told.dcm"}}
        assert "error" not in service.ended(service.start(f"{each}:import", body))
    assert told(service, quiet) == []
    (_, attributes, name), (topic, none, same) = told(service, store)
    content = Path(image).read_bytes()
    dicom = {"Content-Type": "application/dicom"}
    service.client.post(f"{quiet}/dicomWeb/studies", content=content, headers=dicom)  # it is there
    other = made(service, "dicomStores", "other", notificationConfigs=[{"pubsubTopic": TOPIC}])
    service.client.post(f"{other}/dicomWeb/studies", content=content, headers=dicom).raise_for_status()
    assert [each[1]["action"] for each in told(service, other)] == ["StoreInstances"]
    assert told(service, quiet) == []
    assert (topic, none, same) == (f"{TOPIC}2", {}, name)
    assert attributes["action"] == "ImportDicomData"
    assert attributes["modality"] == "CT"
    assert name.decode().startswith(f"{DATASET}/{store}/dicomWeb/studies/{attributes['studyInstanceUID']}/")
    assert name.decode().endswith(f"/instances/{attributes['sopInstanceUID']}")


def test_streaming_has_no_effect_and_says_so(service: Program) -> None:
    body = {"version": "R4", "streamConfigs": [{"bigqueryDestination": {"datasetUri": "bq://p.d"}}]}
    answer = service.client.post("fhirStores", params={"fhirStoreId": "streams"}, json=body)
    assert answer.status_code == 200, answer.text
    assert "streamConfigs has no effect" in answer.headers["warning"]
    plain = service.client.post("fhirStores", params={"fhirStoreId": "plain"}, json={"version": "R4"})
    assert "warning" not in plain.headers


def test_the_file_is_for_its_owner_and_a_reset_empties_it(service: Program) -> None:
    store = made(service, "fhirStores", "private", notificationConfigs=[FULL])
    service.client.put(f"{store}/fhir/Patient/a", json=patient()).raise_for_status()
    path = service.data_dir / "notifications.ndjson"
    assert has_mode(path, 0o600)
    service.reset()
    assert not path.exists()
    shown = service.client.get(f"{service.endpoint}/.lro-local/notifications")
    assert shown.json() == {"notifications": []}
