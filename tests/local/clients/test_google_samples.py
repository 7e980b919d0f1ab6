"""The requests that the code samples of Google's documentation send, in their order and with their bodies.

They are those of the samples for Python and Node: datasets, stores of each kind, FHIR resources, DICOMweb,
HL7v2 messages and attribute definitions. What needs another product (Pub/Sub, BigQuery) is left out.
"""

from __future__ import annotations

import base64
import copy
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from local.googles import bearer, client, discovery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.conftest import Program

# httplib2 calls functions of pyparsing under names that pyparsing has deprecated.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_LOCATION = "projects/my-project/locations/us-central1"
_DATASET = f"{_LOCATION}/datasets/my-dataset"
_POLICY = {"bindings": [{"role": "roles/viewer", "members": ["serviceAccount:a@b.iam.gserviceaccount.com"]}]}


@pytest.fixture(scope="module")
def datasets(service: Program) -> Iterator[Any]:
    """Google's client, at the datasets; ``my-dataset`` is there."""
    with closing(client(service, "healthcare", "v1")) as api:
        found = api.projects().locations().datasets()
        started = found.create(parent=_LOCATION, datasetId="my-dataset", body={"timeZone": "GMT"}).execute()
        ended(service, started)
        yield found


def ended(service: Program, started: dict[str, Any]) -> dict[str, Any]:
    return service.ended(f"{service.endpoint}/v1/{started['name']}")


def test_a_batch_of_googles_client(service: Program, datasets: Any) -> None:
    from googleapiclient.http import BatchHttpRequest

    came: dict[str, Any] = {}

    def come(identifier: str, response: Any, error: Any) -> None:
        came[identifier] = error or response

    batch = BatchHttpRequest(callback=come, batch_uri=f"{service.endpoint}/batch")
    stores = datasets.fhirStores()
    made = stores.create(parent=_DATASET, body={"version": "R4"}, fhirStoreId="of-a-batch")
    patient = {"resourceType": "Patient", "gender": "female"}
    resources, name = stores.fhir(), f"{_DATASET}/fhirStores/of-a-batch"
    created = resources.create(parent=name, type="Patient", body=patient)
    created.headers["content-type"] = "application/fhir+json"
    created.headers["If-None-Exist"] = "gender=female"
    again = copy.deepcopy(created)
    for request in (made, created, again, stores.get(name=f"{name}-none"), stores.get(name=name)):
        batch.add(request)
    batch.execute(http=made.http)
    store, first, second, missing, got = (came[f"{number}"] for number in range(1, 6))
    assert store["name"] == got["name"] == name
    assert (first["id"], first["gender"]) == (second["id"], "female")  # the condition of the part held
    assert missing.resp.status == 404
    head = "--b\r\nContent-Type: application/http\r\n\r\n"
    for line in ("GET /.lro-local", "POST /batch", "GET /storage/v1/b"):
        refused = service.client.post(
            f"{service.endpoint}/batch",
            content=f"{head}{line} HTTP/1.1\r\n\r\n\r\n--b--",
            headers={"Content-Type": "multipart/mixed; boundary=b"},
        )
        assert refused.status_code == 400, refused.text
    stranger = service.client.post(
        f"{service.endpoint}/batch",
        content=f"{head}GET /v1/{_DATASET} HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n\r\n--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )
    assert "HTTP/1.1 401 Unauthorized" in stranger.text
    stores.delete(name=name).execute()


def test_googles_client_finds_the_service_by_its_discovery_document(service: Program) -> None:
    address = f"{service.endpoint}/$discovery/rest"
    found = httpx.get(
        address, params={"labels": "CHC_BETA", "version": "v1beta1"}, trust_env=False
    )  # no token
    assert (found.status_code, found.json()["rootUrl"]) == (200, f"{service.endpoint}/")
    assert httpx.get(address, params={"version": "v2"}, trust_env=False).status_code == 404
    assert httpx.get(f"{service.endpoint}/openapi.json", trust_env=False).status_code == 401
    url = f"{address}?version=v1beta1"
    with closing(
        discovery.build("healthcare", "v1beta1", http=bearer(service), discoveryServiceUrl=url)
    ) as api:
        locations = api.projects().locations()
        came: list[Any] = []
        batch = api.new_batch_http_request(callback=lambda *each: came.append(each[1:]))
        batch.add(locations.get(name=_LOCATION))
        batch.execute()
        assert came == [({"name": _LOCATION, "locationId": "us-central1"}, None)]


def policies(resources: Any, name: str) -> None:
    """Get and set a policy, with the etag as well."""
    assert "etag" in resources.getIamPolicy(resource=name).execute()
    kept = resources.setIamPolicy(resource=name, body={"policy": _POLICY}).execute()
    assert kept["bindings"] == _POLICY["bindings"]
    again = {"policy": {**_POLICY, "etag": kept["etag"]}}
    assert resources.setIamPolicy(resource=name, body=again).execute()["bindings"]


def test_datasets(service: Program, datasets: Any) -> None:
    assert datasets.get(name=_DATASET).execute()["timeZone"] == "GMT"
    assert _DATASET in [each["name"] for each in datasets.list(parent=_LOCATION).execute()["datasets"]]
    patched = datasets.patch(name=_DATASET, updateMask="timeZone", body={"timeZone": "America/New_York"})
    assert patched.execute()["timeZone"] == "America/New_York"
    policies(datasets, _DATASET)
    tags = ["PatientID", "Columns", "NumberOfFrames", "PixelRepresentation", "MediaStorageSOPClassUID"]
    tags += ["MediaStorageSOPInstanceUID", "Rows", "SamplesPerPixel", "BitsAllocated", "HighBit", "PixelData"]
    config = {"dicom": {"keepList": {"tags": tags}}}
    body = {"destinationDataset": f"{_DATASET}-copy", "config": config}
    done = ended(service, datasets.deidentify(sourceDataset=_DATASET, body=body).execute())
    assert "error" not in done
    assert done["metadata"]["counter"].get("failure") is None
    with pytest.raises(discovery.HttpError, match="409"):
        datasets.deidentify(sourceDataset=_DATASET, body=body).execute()
    assert datasets.delete(name=f"{_DATASET}-copy").execute() == {}


@pytest.mark.parametrize("version", ["R4", "STU3", "DSTU2"])
def test_fhir_stores(service: Program, datasets: Any, version: str) -> None:
    stores, name = datasets.fhirStores(), f"{_DATASET}/fhirStores/{version}"
    made = stores.create(parent=_DATASET, body={"version": version}, fhirStoreId=version).execute()
    assert (made["name"], made["version"]) == (name, version)
    assert stores.get(name=name).execute()["name"] == name
    assert name in [each["name"] for each in stores.list(parent=_DATASET).execute()["fhirStores"]]
    none = stores.patch(name=name, updateMask="notificationConfig", body={"notificationConfig": None})
    assert none.execute()["name"] == name
    capabilities = stores.fhir().capabilities(name=name).execute()
    assert capabilities["resourceType"] in ("CapabilityStatement", "Conformance")
    policies(stores, name)
    line = {"resourceType": "Patient", "id": "a"}
    uri = service.put_lines(
        f"demo-out/{version}.ndjson", [json.dumps({"resourceType": "Bundle", "type": "batch"})]
    )
    body = {"contentStructure": "CONTENT_STRUCTURE_UNSPECIFIED", "gcsSource": {"uri": uri}}
    assert "error" not in ended(service, stores.import_(name=name, body=body).execute())
    uri = service.put_lines(f"demo-out/{version}-r.ndjson", [json.dumps(line)])
    body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": uri}}
    assert ended(service, stores.import_(name=name, body=body).execute())["metadata"]["counter"] == {
        "success": "1"
    }
    body = {"gcsDestination": {"uriPrefix": f"gs://demo-out/{version}_export"}}
    assert "error" not in ended(service, stores.export(name=name, body=body).execute())
    assert stores.delete(name=name).execute() == {}


def test_fhir_resources(service: Program, datasets: Any) -> None:
    datasets.fhirStores().create(parent=_DATASET, body={"version": "R4"}, fhirStoreId="res").execute()
    fhir, http = f"{service.endpoint}/v1/{_DATASET}/fhirStores/res/fhir", service.client
    json_type = {"Content-Type": "application/fhir+json;charset=utf-8"}

    def ok(answer: httpx.Response) -> Any:
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    name = {"use": "official", "family": "Smith", "given": ["Darcy"]}
    body: dict[str, Any] = {"resourceType": "Patient", "name": [name]}
    body |= {"gender": "female", "birthDate": "1970-01-01"}
    patient = ok(http.post(f"{fhir}/Patient", headers=json_type, json=body))["id"]
    reference = {"reference": f"Patient/{patient}"}
    kind = {"system": "http://hl7.org/fhir/v3/ActCode", "code": "IMP", "display": "inpatient encounter"}
    body = {"resourceType": "Encounter", "status": "finished", "class": kind, "subject": reference}
    reason = {"text": "The patient had an abnormal heart rate. She was concerned about this."}
    body["reasonCode"] = [reason]
    encounter = ok(http.post(f"{fhir}/Encounter", headers=json_type, json=body))["id"]
    body = {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "my-code-system", "value": "ABC-12345"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": reference,
        "effectiveDateTime": "2019-01-01T00:00:00+00:00",
        "valueQuantity": {"value": 80, "unit": "bpm"},
        "encounter": {"reference": f"Encounter/{encounter}"},
    }
    observation = ok(http.post(f"{fhir}/Observation", headers=json_type, json=body))["id"]
    one = f"{fhir}/Patient/{patient}"
    assert ok(http.get(one, headers=json_type))["gender"] == "female"
    changed = {"resourceType": "Patient", "active": True, "id": patient}
    assert ok(http.put(one, headers=json_type, json=changed))["active"] is True
    patch = json.dumps([{"op": "replace", "path": "/active", "value": False}])
    patched = http.patch(one, headers={"Content-Type": "application/json-patch+json"}, content=patch)
    assert ok(patched)["active"] is False
    entries = ok(http.get(f"{one}/_history", headers=json_type))["entry"]
    first = entries[-1]["resource"]["meta"]["versionId"]
    assert ok(http.get(f"{one}/_history/{first}", headers=json_type))["gender"] == "female"
    assert ok(http.get(f"{fhir}/Patient"))["total"] == 1
    found = http.post(f"{fhir}/Patient/_search?family:exact=Smith", headers=json_type)
    assert ok(found)["total"] == 0
    everything = ok(http.get(f"{one}/$everything", headers=json_type))["entry"]
    assert {each["resource"]["id"] for each in everything} == {patient, encounter, observation}
    entry = {"resource": {"resourceType": "Patient", "gender": "female"}}
    gone = {"request": {"method": "DELETE", "url": "Patient/1234567890"}}
    unaddressed = {**entry, "request": {"method": "POST"}}  # as in the sample for Node
    entries = [{**entry, "request": {"method": "POST", "url": "Patient"}}, unaddressed, gone]
    bundle = {"resourceType": "Bundle", "id": "bundle-transaction", "type": "transaction", "entry": entries}
    ok(http.post(fhir, headers=json_type, json=bundle))
    where = {"code": "8867-4"}
    patched = http.patch(
        f"{fhir}/Observation",
        params=where,
        headers={"Content-Type": "application/json-patch+json"},
        content=json.dumps([{"op": "replace", "path": "/status", "value": "amended"}]),
    )
    assert ok(patched)["status"] == "amended"
    again = {**body, "id": observation, "status": "cancelled"}
    assert (
        ok(http.put(f"{fhir}/Observation", params=where, headers=json_type, json=again))["id"] == observation
    )
    assert http.delete(f"{fhir}/Observation", params=where).status_code < 300
    assert http.delete(f"{one}/$purge", headers=json_type).status_code < 300
    assert http.delete(f"{fhir}/Encounter/{encounter}").status_code < 300
    assert http.delete(one).status_code < 300


def test_dicom_stores_and_dicomweb(service: Program, datasets: Any) -> None:
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
    stores, name = datasets.dicomStores(), f"{_DATASET}/dicomStores/my-store"
    assert stores.create(parent=_DATASET, body={}, dicomStoreId="my-store").execute()["name"] == name
    assert stores.get(name=name).execute()["name"] == name
    assert [each["name"] for each in stores.list(parent=_DATASET).execute()["dicomStores"]] == [name]
    topic = {"notificationConfig": {"pubsubTopic": "projects/my-project/topics/my-topic"}}
    stores.patch(name=name, updateMask="notificationConfig", body=topic).execute()
    policies(stores, name)
    image = pydicom.data.get_testdata_file("CT_small.dcm")
    shutil.copy(image, service.buckets / "demo-out" / "sample.dcm")
    body = {"gcsSource": {"uri": "gs://demo-out/sample.dcm"}}
    done = ended(service, stores.import_(name=name, body=body).execute())
    assert done["metadata"]["counter"] == {"success": "1"}
    body = {"gcsDestination": {"uriPrefix": "gs://demo-out/dicom_export"}}
    assert "error" not in ended(service, stores.export(name=name, body=body).execute())
    header, http = pydicom.dcmread(image), service.client
    web = f"{service.endpoint}/v1/{name}/dicomWeb"
    study = f"{web}/studies/{header.StudyInstanceUID}"
    assert http.delete(study, headers={"Content-Type": "application/dicom+json; charset=utf-8"}).is_success
    service.until(
        f"{service.endpoint}/v1/{_DATASET}/operations",
        lambda page: all(each.get("done") for each in page["operations"]),
    )
    with Path(image).open("rb") as file:
        stored = http.post(
            f"{web}/studies", content=file.read(), headers={"Content-Type": "application/dicom"}
        )
    assert stored.status_code == 200, stored.text
    again = http.post(  # as each of the samples' tests does
        f"{web}/studies", content=Path(image).read_bytes(), headers={"Content-Type": "application/dicom"}
    )
    assert (again.status_code, again.json()) == (200, stored.json())
    assert len(http.get(f"{web}/instances").json()) == 1
    searched = http.get(f"{web}/studies", params={"PatientName": "Sally Zhang"})
    assert searched.is_success, searched.text
    slashed = http.get(f"{study}/instances/", params={"includefield": "00200032", "limit": 1})
    assert len(slashed.json()) == 1  # as Google's toolkit for imaging searches
    assert http.get(study).headers["content-type"].startswith("multipart/related")
    one = f"{study}/series/{header.SeriesInstanceUID}/instances/{header.SOPInstanceUID}"
    whole = http.get(one, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert whole.content[128:132] == b"DICM"
    rendered = http.get(f"{one}/rendered", headers={"Accept": "image/png"})
    assert rendered.status_code in (200, 501), rendered.text  # 501 says what must be installed to draw it
    assert (
        stores.dicomWeb()
        .studies()
        .getStudyMetrics(study=f"{name}/dicomWeb/studies/{header.StudyInstanceUID}")
    )
    assert stores.delete(name=name).execute() == {}


def test_hl7v2_stores_and_messages(datasets: Any) -> None:
    stores, name = datasets.hl7V2Stores(), f"{_DATASET}/hl7V2Stores/my-store"
    body = {"parserConfig": {"version": "V3"}}
    assert stores.create(parent=_DATASET, body=body, hl7V2StoreId="my-store").execute()["name"] == name
    assert stores.get(name=name).execute()["name"] == name
    assert [each["name"] for each in stores.list(parent=_DATASET).execute()["hl7V2Stores"]] == [name]
    assert stores.patch(
        name=name, updateMask="notificationConfigs", body={"notificationConfigs": None}
    ).execute()
    policies(stores, name)
    lines = (
        r"MSH|^~\&|A|SEND_FACILITY|A|A|20180101000000||TYPE^A|20180101000000|T|0.0|||AA||00|ASCII",
        "EVN|A00|20180101040000",
        "PID||14\x01111^^^^MRN|11111111^^^^MRN~1111111111^^^^ORGNMBR",
    )
    message = {"message": {"data": base64.b64encode("\r".join(lines).encode()).decode()}}
    messages = stores.messages()
    made = messages.create(parent=name, body=message).execute()
    assert (
        made["name"] == f"{name}/messages/2yqbdhYHlk_ucSmWkcKOVm_N0p0OpBXgIlVG18rB-cw="
    )  # as in the samples
    acknowledged = messages.ingest(parent=name, body=message).execute()
    assert b"MSA|AA" in base64.b64decode(acknowledged["hl7Ack"])
    assert len(messages.list(parent=name).execute()["hl7V2Messages"]) == 1
    got = messages.get(name=made["name"]).execute()
    assert (got["sendFacility"], got["messageType"]) == ("SEND_FACILITY", "TYPE")
    assert [each["type"] for each in got["patientIds"]] == ["MRN", "MRN", "ORGNMBR"]
    labels = {"labels": {"my-label": "true"}}
    assert messages.patch(name=made["name"], updateMask="labels", body=labels).execute()["labels"]
    assert messages.delete(name=made["name"]).execute() == {}
    assert stores.delete(name=name).execute() == {}


def test_consent_stores_and_attribute_definitions(datasets: Any) -> None:
    stores, name = datasets.consentStores(), f"{_DATASET}/consentStores/my-store"
    assert stores.create(parent=_DATASET, body={}, consentStoreId="my-store").execute()["name"] == name
    assert stores.get(name=name).execute()["name"] == name
    assert [each["name"] for each in stores.list(parent=_DATASET).execute()["consentStores"]] == [name]
    lasting = {"defaultConsentTtl": "172800s"}
    patched = stores.patch(name=name, updateMask="defaultConsentTtl", body=lasting).execute()
    assert patched["defaultConsentTtl"] == "172800s"
    policies(stores, name)
    definitions = stores.attributeDefinitions()
    for category, values in (
        ("RESOURCE", ["identifiable", "de-identified"]),
        ("REQUEST", ["researcher", "clinician"]),
    ):
        body = {
            "description": "whether the data is identifiable",
            "category": category,
            "allowed_values": values,  # in snake_case, as in the samples
            "consentDefaultValues": values[:1],
        }
        if category == "RESOURCE":
            body["dataMappingDefaultValue"] = values[1]
        identifier = f"{category.lower()}_definition"
        made = definitions.create(parent=name, body=body, attributeDefinitionId=identifier).execute()
        assert definitions.get(name=made["name"]).execute()["category"] == category
        patched = definitions.patch(
            name=made["name"], updateMask="description", body={"description": "new"}
        ).execute()
        assert patched["description"] == "new"
    assert len(definitions.list(parent=name).execute()["attributeDefinitions"]) == 2
    assert definitions.delete(name=made["name"]).execute() == {}
    assert stores.delete(name=name).execute() == {}
