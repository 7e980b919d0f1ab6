"""A call of every method of the discovery documents, with Google's own Python client and the least body."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.googles import discovery

from lro_notebook.local.dicom.dicom_file import INSTANCE, SERIES, STUDY
from lro_notebook.local.discovery.document import document
from scripts import discovery_schema

if TYPE_CHECKING:
    from local.conftest import Program

    from lro_notebook.local.discovery.document import Method

LOCATION = "projects/local/locations/local"
_MASKS = {
    "Dataset": "timeZone",
    "AttributeDefinition": "description",
    "Consent": "metadata",
    "UserDataMapping": "dataId",
}
_KINDS = ("fhirStores", "dicomStores", "hl7V2Stores", "consentStores")


class World:
    """A dataset with a store of each kind and something in each, and the least bodies for them."""

    def __init__(self, service: Program, api: Any, version: str) -> None:
        self.version = version
        self.name = f"every-{version}"
        self.dataset = f"{LOCATION}/datasets/{self.name}"
        datasets = api.projects().locations().datasets()
        service.ended(
            f"{service.endpoint}/v1/"
            + datasets.create(parent=LOCATION, datasetId=self.name, body={}).execute()["name"]
        )
        for kind in _KINDS:
            for name in ("s", "t"):
                body: dict[str, Any] = {"version": "R4"} if kind == "fhirStores" else {}
                if version == "v1beta1" and kind == "fhirStores":
                    body["enableHistoryModifications"] = True
                create = getattr(datasets, kind)().create
                create(parent=self.dataset, body=body, **{f"{kind[:-1]}Id": name}).execute()
        self.bodies = self._bodies()
        self.ids = {
            "datasetsId": self.name,
            "projectsId": "local",
            "locationsId": "local",
            "fhirId": "Patient",
        }
        self.ids |= {"resourceType": "Patient", "framesId": "1"}
        #: Ids for methods after which others could not be called with theirs.
        self.own: dict[str, dict[str, str]] = {}
        self._fill(service, datasets)

    def _bodies(self) -> dict[str, dict[str, Any]]:
        folder = {"uriPrefix": f"gs://demo-out/{self.name}"}
        source = {"gcsSource": {"uri": f"gs://demo-out/{self.name}-in/**"}}
        rollback = {"rollbackTime": "2020-01-01T00:00:00Z", "resultGcsBucket": "demo-out"}
        message = {"message": {"data": base64.b64encode(b"MSH|^~\\&|A|B|||2026||ADT^A01|1|T|2.5").decode()}}
        who = {"userId": "ann", "requestAttributes": {"role": "clinician"}}
        return {
            "ApplyAdminConsentsRequest": {"newConsentsList": {"names": []}},
            "AttributeDefinition": {"category": "RESOURCE", "allowedValues": ["image"]},
            "CheckDataAccessRequest": {"dataId": "image-1"},
            "ConsentArtifact": {"userId": "ann"},
            "CreateMessageRequest": message,
            "DeidentifyDatasetRequest": {"config": {}, "destinationDataset": f"{self.dataset}-copy"},
            "DeidentifyDicomStoreRequest": {
                "config": {},
                "destinationStore": f"{self.dataset}/dicomStores/t",
            },
            "DeidentifyFhirStoreRequest": {"config": {}, "destinationStore": f"{self.dataset}/fhirStores/t"},
            "EvaluateUserConsentsRequest": who,
            "ExecuteCohortRequest": {
                "fhirpathQuery": {"expressions": [{"fhirpathExpression": "Patient"}]},
                "gcsDestination": folder,
            },
            "ExportDicomDataRequest": {"gcsDestination": folder},
            "ExportMessagesRequest": {"gcsDestination": folder},
            "ExportResourcesHistoryRequest": {"gcsDestination": folder},
            "ExportResourcesRequest": {"gcsDestination": folder},
            "FhirStore": {"version": "R4"},
            "ImportDicomDataRequest": source,
            "ImportMessagesRequest": source,
            "ImportResourcesHistoryRequest": source,
            "ImportResourcesRequest": source,
            "IngestMessageRequest": message,
            "QueryAccessibleDataRequest": {"gcsDestination": folder},
            "RollbackFhirResourcesRequest": rollback,
            "RollbackHl7V2MessagesRequest": rollback,
            "SetBlobStorageSettingsRequest": {"blobStorageSettings": {"blobStorageClass": "NEARLINE"}},
            "SetIamPolicyRequest": {"policy": {"bindings": []}},
            "TestIamPermissionsRequest": {"permissions": ["healthcare.datasets.get"]},
            "UserDataMapping": {"userId": "ann", "dataId": "image-1"},
        }

    def _fill(self, service: Program, datasets: Any) -> None:
        consents = f"{self.dataset}/consentStores/s"
        stores = datasets.consentStores()
        artifact = stores.consentArtifacts().create(parent=consents, body={"userId": "ann"}).execute()["name"]
        self.bodies["ActivateConsentRequest"] = {"consentArtifact": artifact, "ttl": "90000s"}
        self.bodies["Consent"] = {"userId": "ann", "consentArtifact": artifact, "state": "DRAFT"}
        self._made(
            userDataMappings=stores.userDataMappings().create(
                parent=consents, body=self.bodies["UserDataMapping"]
            ),
            consents=stores.consents().create(parent=consents, body=self.bodies["Consent"]),
            consentArtifacts=stores.consentArtifacts().create(parent=consents, body={"userId": "ann"}),
            messages=datasets.hl7V2Stores()
            .messages()
            .create(parent=f"{self.dataset}/hl7V2Stores/s", body=self.bodies["CreateMessageRequest"]),
        )
        draft = stores.consents().create(parent=consents, body=self.bodies["Consent"]).execute()["name"]
        self.own["consentStores.consents.reject"] = {"consentsId": draft.rpartition("/")[2]}
        body = {"category": "RESOURCE", "allowedValues": ["image"]}
        definitions = stores.attributeDefinitions()
        definitions.create(parent=consents, attributeDefinitionId="kind", body=body).execute()
        self.ids["attributeDefinitionsId"] = "kind"
        patient = {"resourceType": "Patient", "id": "p"}
        fhir = f"{service.endpoint}/{self.version}/{self.dataset}/fhirStores/s/fhir"
        created = service.client.post(f"{fhir}/Patient", json=patient).json()
        self.ids |= dict.fromkeys(("fhirId1", "PatientId"), created["id"]) | {"_historyId": "1"}
        self._images(service, datasets)

    def _made(self, **requests: Any) -> None:
        for collection, request in requests.items():
            self.ids[f"{collection}Id"] = request.execute()["name"].rpartition("/")[2]

    def _images(self, service: Program, datasets: Any) -> None:
        """Import images, whose import is also the operation of `operations.get`."""
        import pydicom

        folder = service.buckets / "demo-out" / f"{self.name}-in"
        folder.mkdir()
        files = Path(pydicom.__file__).parent / "data" / "test_files"
        for file in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm"):
            shutil.copy(files / file, folder)
        store = f"{self.dataset}/dicomStores/s"
        body = {"gcsSource": {"uri": f"gs://demo-out/{folder.name}/*.dcm"}}
        started = datasets.dicomStores().import_(name=store, body=body).execute()
        ended = service.ended(f"{service.endpoint}/v1/{started['name']}")
        assert ended["metadata"]["counter"] == {"success": "3"}
        images = datasets.dicomStores().searchForInstances(parent=store, dicomWebPath="instances").execute()
        tags = {"studiesId": STUDY, "seriesId": SERIES, "instancesId": INSTANCE}
        levels = ("studies", "studies.series", "studies.series.instances")
        for level, image in zip(levels, images, strict=True):
            ids = {name: image[tag]["Value"][0] for name, tag in tags.items()}
            self.own[f"dicomStores.{level}.delete"] = ids
        self.ids |= ids
        self.ids["operationsId"] = started["name"].rpartition("/")[2]


def calls(version: str) -> list[Method]:
    """Return the methods of a version: those that delete come last, what is deepest first."""
    methods = document(version).methods.values()
    return sorted(methods, key=lambda one: (one.http_method == "DELETE", -one.path.count("/"), one.id))


def request_of(world: World, api: Any, method: Method, described: dict[str, Any]) -> Any:
    """Return the request of a method as Google's client makes it."""
    ids = {**world.ids, **world.own.get(method.id.removeprefix("locations.datasets."), {})}
    path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "s"), method.path)
    pattern = re.sub(r"\\\{\\\+?(\w+)\\\}|\\\{(\w+)\\\}", r"(?P<\1\2>.+)", re.escape(described["path"]))
    match = re.fullmatch(pattern, f"{world.version}/{path}")
    assert match is not None, (pattern, path)
    arguments: dict[str, Any] = dict(match.groupdict())
    identifier = next((name for name in method.query if name.endswith("Id") and name != "resourceId"), None)
    if identifier is not None:
        arguments[identifier] = f"new-{world.version}"
    if method.http_method == "PATCH" and method.is_proto:
        arguments["updateMask"] = _MASKS.get(method.request, "labels")
    if method.request:
        body = world.bodies.get(method.request, {})
        arguments["body"] = (
            body if method.is_proto else {"resourceType": "Patient", "id": world.ids["fhirId1"]}
        )
    *parents, name = ["projects", *method.id.split(".")]
    part = api
    for parent in parents:
        part = getattr(part, parent)()
    return getattr(part, discovery.fix_method_name(name))(**arguments)


def described_methods(version: str) -> dict[str, Any]:
    """Return the methods of Google's own document, by their short ids."""
    found: dict[str, Any] = {}

    def walk(resource: dict[str, Any]) -> None:
        for method in resource.get("methods", {}).values():
            found[method["id"].removeprefix("healthcare.projects.")] = method
        for part in resource.get("resources", {}).values():
            walk(part)

    walk(discovery_schema.installed()[version])
    return found


def error_text(error: Any) -> str:
    """Return the message of an error of Google's client, of proto JSON or of FHIR."""
    content = json.loads(error.content)
    return str(content["error"]["message"] if "error" in content else content["issue"][0]["diagnostics"])
