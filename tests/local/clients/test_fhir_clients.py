"""A small day's work of FHIR clients that know nothing of this service: fhirclient, fhirpy, smart-fetch.

They are optional: `make test-clients` has them all.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from patience import GIVE_UP

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore")]  # of libraries under the clients


def store_of(service: Program, name: str, **fields: Any) -> str:
    """Create a store and return the address of its FHIR interface."""
    body = {"version": "R4", "enableUpdateCreate": True, **fields}
    service.client.post("fhirStores", params={"fhirStoreId": name}, json=body).raise_for_status()
    return f"{service.endpoint}/v1/{DATASET}/fhirStores/{name}/fhir"


def test_fhirclient_creates_searches_changes_and_deletes(service: Program) -> None:
    client = pytest.importorskip("fhirclient.client", reason="fhirclient is not installed")
    import requests
    from fhirclient.models.bundle import Bundle
    from fhirclient.models.observation import Observation
    from fhirclient.models.patient import Patient

    base = store_of(service, "fhirclient")
    smart = client.FHIRClient(settings={"app_id": "day", "api_base": base})
    server = smart.server
    server.session.trust_env = False
    server.session.headers["Authorization"] = f"Bearer {service.token}"
    assert server.capabilityStatement.fhirVersion == "4.0.1"
    patient = Patient({"name": [{"family": "Roe", "given": ["Ann"]}], "birthDate": "1980-02-29"})
    patient.id = patient.create(server)["id"]
    assert Patient.read(patient.id, server).name[0].family == "Roe"
    for number, value in enumerate((36.6, 38.2)):
        observation = Observation(
            {
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
                "subject": {"reference": f"Patient/{patient.id}"},
                "effectiveDateTime": f"2026-01-0{number + 1}T12:00:00Z",
                "valueQuantity": {"value": value, "unit": "Cel"},
            }
        )
        observation.create(server)
    wanted = {"subject": f"Patient/{patient.id}", "value-quantity": "gt37", "_sort": "-date"}
    search = Observation.where(wanted)
    assert [found.valueQuantity.value for found in search.perform_resources(server)] == [38.2]
    read = Patient.read(patient.id, server)
    read.active = True
    read.update(server)
    assert Patient.where({"active": "true", "family": "ro"}).perform(server).total == 1
    transaction = Bundle(
        {
            "type": "transaction",
            "entry": [
                {
                    "fullUrl": "urn:uuid:4c9b3d3e-63b5-4f7f-8f8e-1c5f2d0f4a11",
                    "resource": {"resourceType": "Patient", "name": [{"family": "Poe"}]},
                    "request": {"method": "POST", "url": "Patient"},
                },
                {
                    "resource": {
                        "resourceType": "Observation",
                        "status": "final",
                        "code": {"text": "weight"},
                        "subject": {"reference": "urn:uuid:4c9b3d3e-63b5-4f7f-8f8e-1c5f2d0f4a11"},
                    },
                    "request": {"method": "POST", "url": "Observation"},
                },
            ],
        }
    )
    answer = server.post_json("", transaction.as_json()).json()
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "201"]
    poe = answer["entry"][0]["response"]["location"].partition("/Patient/")[2].partition("/")[0]
    assert Observation.where({"subject": f"Patient/{poe}"}).perform(server).total == 1
    for found in Observation.where({"subject": f"Patient/{poe}"}).perform_resources(server):
        found.delete()
    Patient.read(poe, server).delete()
    with pytest.raises(requests.HTTPError, match="410"):
        Patient.read(poe, server)


def test_fhirpy_saves_searches_patches_and_deletes(service: Program) -> None:
    fhirpy = pytest.importorskip("fhirpy", reason="fhirpy is not installed")
    base = store_of(service, "fhirpy")
    client = fhirpy.SyncFHIRClient(
        base, authorization=f"Bearer {service.token}", requests_config={"proxies": {"http": ""}}
    )
    patient = client.resource("Patient", id="ann", name=[{"family": "Roe"}], birthDate="1980-02-29")
    patient.save()
    for number in range(5):
        client.resource(
            "Observation",
            status="final",
            code={"coding": [{"system": "http://loinc.org", "code": f"{number % 2}"}]},
            subject=patient.to_reference(),
        ).save()
    observations = client.resources("Observation").search(patient="Patient/ann")
    assert observations.count() == 5
    found = observations.search(code="http://loinc.org|1").limit(1).include("Observation", "subject")
    assert len(found.fetch_all()) == 2
    with pytest.raises(fhirpy.base.exceptions.OperationOutcome, match="application/json-patch"):
        patient.patch(active=True)  # a form of patch that Google's service does not have either
    patient["active"] = True
    patient.save()
    assert client.reference("Patient", "ann").to_resource()["active"] is True
    first = client.resources("Patient").search(birthdate__ge="1980-01-01", family="roe").first()
    assert first["id"] == "ann"
    same = {"identifier": [{"system": "urn:x", "value": "1"}]}
    wanted = client.resources("Patient").search(identifier="urn:x|1")
    made, is_new = wanted.update(client.resource("Patient", **same))
    assert is_new
    again, is_new = wanted.update(client.resource("Patient", **same, active=True))
    assert (again["id"], is_new) == (made["id"], False)
    with pytest.raises(fhirpy.base.exceptions.OperationOutcome, match="If-None-Exist"):
        wanted.get_or_create(client.resource("Patient", **same))  # sends the criteria in the address
    made.delete()
    with pytest.raises(fhirpy.base.exceptions.ResourceNotFound):
        client.reference("Patient", made["id"]).to_resource()


def test_smart_fetch_exports_a_store(service: Program, tmp_path: Path) -> None:
    program = shutil.which("smart-fetch", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("smart-fetch is not installed")
    where = {"bulkExportGcsDestination": {"uriPrefix": "gs://demo-out/smart"}}
    base = store_of(service, "smart", **where)
    for number in range(3):
        body = {"resourceType": "Patient", "id": f"p{number}"}
        service.client.put(f"fhirStores/smart/fhir/Patient/p{number}", json=body).raise_for_status()
    token, folder = tmp_path / "token", tmp_path / "out"
    token.write_text(service.token)
    command = [program, "bulk", "--fhir-url", base, "--bearer-token", str(token), "--type", "Patient"]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, timeout=GIVE_UP, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [
        json.loads(line)["id"]
        for file in folder.glob("Patient*.ndjson*")
        for line in (gzip.open if file.suffix == ".gz" else open)(file, "rt")
    ]
    assert sorted(lines) == ["p0", "p1", "p2"]
