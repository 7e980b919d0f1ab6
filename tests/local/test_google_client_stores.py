"""Google's own Python client drives DICOM, HL7v2 and consent stores unchanged."""

from __future__ import annotations

import base64
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from local.googles import client

from lro_notebook.local.dicom.dicom_file import INSTANCE, SERIES, STUDY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")

# httplib2 calls functions of pyparsing under names that pyparsing has deprecated.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

RAW = b"MSH|^~\\&|APP|NORTH|APP2|LAKE|20260101120000||ADT^A01|c1|T|2.5\rPID|1||1^^^^MRN"


@pytest.fixture(params=["v1", "v1beta1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def datasets(service: Program, version: str) -> Iterator[Any]:
    api = client(service, "healthcare", version)
    yield api.projects().locations().datasets()
    api.close()


@pytest.fixture
def ended(service: Program) -> Callable[[Any], dict[str, Any]]:
    """Execute the start of an operation, wait for its end, and return its metadata and response."""

    def run(started: Any) -> dict[str, Any]:
        answer = started.execute()
        assert list(answer) == ["name"]
        done = service.ended(answer["name"].removeprefix(f"{DATASET}/"))
        assert "error" not in done, done
        return done

    return run


def test_hl7v2_stores(
    service: Program,
    datasets: Any,
    version: str,
    ended: Callable[[Any], dict[str, Any]],
) -> None:
    stores = datasets.hl7V2Stores()
    name = stores.create(parent=DATASET, hl7V2StoreId=f"g-{version}", body={}).execute()["name"]
    assert name in [item["name"] for item in stores.list(parent=DATASET).execute()["hl7V2Stores"]]
    assert stores.patch(name=name, updateMask="labels", body={"labels": {"a": "b"}}).execute()["labels"]
    moment = datetime.now(UTC).isoformat()
    data = base64.b64encode(RAW).decode()
    uri = service.put_lines(f"demo-out/g-{version}.ndjson", [json.dumps({"data": data})])
    imported = ended(stores.import_(name=name, body={"gcsSource": {"uri": uri}}))
    assert imported["metadata"]["counter"] == {"success": "1"}
    assert imported["response"]["@type"].endswith(f"{version}.hl7v2.ImportMessagesResponse")
    destination = {"uriPrefix": f"gs://demo-out/g-{version}-out", "messageView": "PARSED_ONLY"}
    ended(stores.export(name=name, body={"gcsDestination": destination}))

    messages = stores.messages()
    other = base64.b64encode(RAW.replace(b"c1", b"c2")).decode()
    created = messages.create(parent=name, body={"message": {"data": other}}).execute()
    assert messages.ingest(parent=name, body={"message": {"data": other}}).execute()["message"] == created
    assert messages.get(name=created["name"], view="RAW_ONLY").execute()["data"] == other
    labelled = messages.patch(
        name=created["name"], updateMask="labels", body={"labels": {"x": "y"}}
    ).execute()
    assert labelled["labels"] == {"x": "y"}
    found, request = [], messages.list(parent=name, view="FULL", pageSize=1, orderBy="send_time")
    while request is not None:
        page = request.execute()
        found += page["hl7V2Messages"]
        request = messages.list_next(request, page)
    assert len(found) == 2
    (metric,) = stores.getHL7v2StoreMetrics(name=name).execute()["metrics"]
    assert metric == {"messageType": "ADT", "count": "2", "structuredStorageSizeBytes": str(2 * len(RAW))}
    if version == "v1beta1":
        ids = [item["name"].rpartition("/")[2] for item in found]
        assert len(messages.batchGet(parent=name, ids=ids).execute()["messages"]) == 2
    messages.delete(name=created["name"]).execute()
    body = {"rollbackTime": moment, "resultGcsBucket": "demo-out", "force": True}
    undone = ended(stores.rollback(name=name, body=body))
    assert undone["response"]["hl7v2Store"] == name
    assert messages.list(parent=name).execute() == {}
    assert stores.delete(name=name).execute() == {}


def test_dicom_stores(
    service: Program,
    datasets: Any,
    version: str,
    ended: Callable[[Any], dict[str, Any]],
) -> None:
    stores = datasets.dicomStores()
    name, other = (
        stores.create(parent=DATASET, dicomStoreId=f"g-{part}-{version}", body={}).execute()["name"]
        for part in ("a", "b")
    )
    folder = service.buckets / "demo-out" / f"g-dicom-{version}"
    folder.mkdir()
    files = Path(pydicom.__file__).parent / "data" / "test_files"
    for file in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm"):
        shutil.copy(files / file, folder)
    body: dict[str, Any] = {"gcsSource": {"uri": f"gs://demo-out/{folder.name}/**.dcm"}}
    imported = ended(stores.import_(name=name, body=body))
    assert imported["metadata"]["counter"] == {"success": "3"}
    ended(stores.export(name=name, body={"gcsDestination": {"uriPrefix": f"gs://demo-out/g-out-{version}"}}))
    body = {"destinationStore": other, "config": {"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}}}
    ended(stores.deidentify(sourceStore=name, body=body))
    body = {"blobStorageSettings": {"blobStorageClass": "NEARLINE"}}
    ended(stores.setBlobStorageSettings(resource=name, body=body))

    assert len(stores.searchForStudies(parent=other, dicomWebPath="studies").execute()) == 3
    assert len(stores.searchForSeries(parent=name, dicomWebPath="series").execute()) == 3
    first, second, _ = stores.searchForInstances(parent=name, dicomWebPath="instances").execute()
    study, series, instance = (first[tag]["Value"][0] for tag in (STUDY, SERIES, INSTANCE))
    paths = [f"studies/{study}"]
    paths += [f"{paths[0]}/series/{series}", f"{paths[0]}/series/{series}/instances/{instance}"]
    studies = stores.studies()
    for part, path in zip((studies, studies.series(), studies.series().instances()), paths, strict=True):
        (shown,) = part.retrieveMetadata(parent=name, dicomWebPath=f"{path}/metadata").execute()
        assert shown[INSTANCE]["Value"] == [instance]
    assert studies.searchForSeries(parent=name, dicomWebPath=f"{paths[0]}/series").execute()
    assert studies.searchForInstances(parent=name, dicomWebPath=f"{paths[0]}/instances").execute()
    assert studies.series().searchForInstances(parent=name, dicomWebPath=f"{paths[1]}/instances").execute()
    stored = stores.dicomWeb().studies()
    ended(stored.setBlobStorageSettings(resource=f"{name}/dicomWeb/{paths[0]}", body=body))
    info = stored.series().instances().getStorageInfo(resource=f"{name}/dicomWeb/{paths[2]}").execute()
    assert info["blobStorageInfo"]["storageClass"] == "NEARLINE"
    assert stored.getStudyMetrics(study=f"{name}/dicomWeb/{paths[0]}").execute()["instanceCount"] == "1"
    metrics = stored.series().getSeriesMetrics(series=f"{name}/dicomWeb/{paths[1]}").execute()
    assert metrics["instanceCount"] == "1"
    if version == "v1beta1":
        patch = [{"op": "add", "path": "/00104000", "value": {"vr": "LT", "Value": ["seen"]}}]
        ended(studies.updateMetadata(parent=name, dicomWebPath=paths[0], body=patch))
        ended(studies.series().updateMetadata(parent=name, dicomWebPath=paths[1], body=patch))
        single = studies.series().instances()
        assert single.updateMetadata(parent=name, dicomWebPath=paths[2], body=patch).execute() == {}

    ended(studies.delete(parent=name, dicomWebPath=paths[0]))
    study, series, instance = (second[tag]["Value"][0] for tag in (STUDY, SERIES, INSTANCE))
    path = f"studies/{study}/series/{series}"
    ended(studies.series().delete(parent=name, dicomWebPath=path))
    assert stores.getDICOMStoreMetrics(name=name).execute()["instanceCount"] == "1"
    (last,) = stores.searchForInstances(parent=name, dicomWebPath="instances").execute()
    path = "studies/{}/series/{}/instances/{}".format(
        *(last[tag]["Value"][0] for tag in (STUDY, SERIES, INSTANCE))
    )
    assert studies.series().instances().delete(parent=name, dicomWebPath=path).execute() == {}
    assert stores.delete(name=name).execute() == {}


def test_consent_stores(
    service: Program,
    datasets: Any,
    version: str,
    ended: Callable[[Any], dict[str, Any]],
) -> None:
    stores = datasets.consentStores()
    name = stores.create(parent=DATASET, consentStoreId=f"g-{version}", body={}).execute()["name"]
    definition = {"category": "RESOURCE", "allowedValues": ["image"]}
    stores.attributeDefinitions().create(parent=name, attributeDefinitionId="kind", body=definition).execute()
    artifact = stores.consentArtifacts().create(parent=name, body={"userId": "ann"}).execute()["name"]
    policy = {"authorizationRule": {"expression": "role == 'clinician'"}}
    body: dict[str, Any] = {
        "userId": "ann",
        "state": "DRAFT",
        "consentArtifact": artifact,
        "policies": [policy],
    }
    drafts = [stores.consents().create(parent=name, body=body).execute()["name"] for _ in range(3)]
    assert stores.consents().reject(name=drafts[1], body={}).execute()["state"] == "REJECTED"
    stores.consents().activate(name=drafts[2], body={"consentArtifact": artifact, "ttl": "90000s"}).execute()
    assert stores.consents().revoke(name=drafts[2], body={}).execute()["state"] == "REVOKED"
    activation = {"consentArtifact": artifact, "ttl": "90000s"}
    assert stores.consents().activate(name=drafts[0], body=activation).execute()["state"] == "ACTIVE"
    attribute = {"attributeDefinitionId": "kind", "values": ["image"]}
    mapping = {"userId": "ann", "dataId": "image-1", "resourceAttributes": [attribute]}
    mapped = stores.userDataMappings().create(parent=name, body=mapping).execute()["name"]
    request = {"requestAttributes": {"role": "clinician"}}
    query = {**request, "gcsDestination": {"uriPrefix": f"gs://demo-out/g-consent-{version}"}}
    queried = ended(stores.queryAccessibleData(consentStore=name, body=query))
    (uri,) = queried["response"]["gcsUris"]
    assert (service.buckets / uri.removeprefix("gs://")).read_text() == "image-1\n"
    asked = {**request, "dataId": "image-1"}
    assert stores.checkDataAccess(consentStore=name, body=asked).execute() == {"consented": True}
    of_user = {**request, "userId": "ann"}
    found = stores.evaluateUserConsents(consentStore=name, body=of_user).execute()
    assert found == {"results": [{"dataId": "image-1", "consented": True}]}
    stores.userDataMappings().archive(name=mapped, body={}).execute()
    for part, item in (
        (stores.userDataMappings(), mapped),
        (stores.consents(), drafts[0]),
        (stores.consentArtifacts(), artifact),
        (stores.attributeDefinitions(), f"{name}/attributeDefinitions/kind"),
    ):
        assert part.get(name=item).execute()["name"] == item
        assert part.list(parent=name).execute()
        assert part.delete(name=item).execute() == {}
    assert stores.delete(name=name).execute() == {}
