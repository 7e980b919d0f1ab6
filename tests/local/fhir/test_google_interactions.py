"""The interactions of FHIR with Google's own Python client, as its samples call them."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from local.googles import client, discovery

if TYPE_CHECKING:
    from local.conftest import Program

# httplib2 calls functions of pyparsing under names that pyparsing has deprecated.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_FHIR = {"content-type": "application/fhir+json;charset=utf-8"}
_PATCH = {"content-type": "application/json-patch+json"}


def run(request: Any, headers: dict[str, str] | None = None, query: str = "") -> Any:
    """Run a request with what Google's client has no argument for, and return its parsed answer."""
    request.headers.update(headers or {})
    request.uri += f"&{query}" if query else ""
    answer = request.execute()
    return json.loads(answer) if isinstance(answer, bytes | str) and answer else answer


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_day_of_interactions(service: Program, version: str) -> None:
    with closing(client(service, "healthcare", version)) as api:
        stores = api.projects().locations().datasets().fhirStores()
        fhir = stores.fhir()
        body = {"version": "R4", "enableUpdateCreate": True}
        name = stores.create(parent=DATASET, fhirStoreId=f"google-{version}", body=body).execute()["name"]
        statement = run(fhir.capabilities(name=name))
        assert statement["resourceType"] == "CapabilityStatement"

        woman = {"resourceType": "Patient", "identifier": [{"value": "w"}], "gender": "female"}
        once = {**_FHIR, "if-none-exist": "identifier=w"}
        ids = {run(fhir.create(parent=name, type="Patient", body=woman), once)["id"] for _ in range(2)}
        (patient,) = ids
        place = f"{name}/fhir/Patient/{patient}"
        steps = [{"op": "replace", "path": "/gender", "value": "unknown"}]
        assert run(fhir.patch(name=place, body=steps), _PATCH)["gender"] == "unknown"
        steps[0]["value"] = "male"
        patched = run(fhir.conditionalPatch(parent=name, type="Patient", body=steps), _PATCH, "identifier=w")
        assert (patched["gender"], patched["meta"]["versionId"]) == ("male", "3")
        updated = run(fhir.conditionalUpdate(parent=name, type="Patient", body=woman), _FHIR, "identifier=w")
        assert (updated["id"], updated["meta"]["versionId"]) == (patient, "4")

        seen = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        entries = [
            {
                "request": {"method": "POST", "url": "Observation"},
                "resource": {**seen, "subject": {"reference": f"Patient/{patient}"}},
            }
        ]
        transaction = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        executed = run(fhir.executeBundle(parent=name, body=transaction), _FHIR)
        assert executed["entry"][0]["response"]["status"] == "201 Created"
        assert len(run(fhir.Patient_everything(name=place))["entry"]) == 2
        if version == "v1beta1":
            last = run(fhir.Observation_lastn(parent=name), query=f"patient={patient}&code:text=x")
            assert len(last["entry"]) == 1
        checked = run(fhir.Resource_validate(parent=name, type="Patient", body=woman), _FHIR)
        assert checked["issue"][0]["severity"] == "information"
        page: dict[str, Any] = {"x_count": 2, "x_since": "2020-01-01T00:00:00Z"}
        assert len(run(fhir.history(name=place, **page))["entry"]) == 2
        assert fhir.Resource_purge(name=place).execute() == {}
        assert len(run(fhir.history(name=place))["entry"]) == 1

        with pytest.raises(discovery.HttpError) as referred:
            fhir.delete(name=place).execute()
        assert referred.value.status_code == 409
        run(fhir.conditionalDelete(parent=name, type="Observation"), query=f"patient={patient}")
        fhir.delete(name=place).execute()
        with pytest.raises(discovery.HttpError) as gone:
            fhir.read(name=place).execute()
        assert gone.value.status_code == 410


def test_binaries_come_as_they_went(service: Program) -> None:
    with closing(client(service, "healthcare", "v1")) as api:
        fhir = api.projects().locations().datasets().fhirStores().fhir()
        store = service.store("google-binaries")
        request = fhir.Binary_create(parent=f"{DATASET}/{store}", body={})
        request.body = "%PDF-1.7"
        request.headers |= {"content-type": "application/pdf", "content-length": str(len(request.body))}
        heads: list[Any] = []
        request.add_response_callback(heads.append)
        request.execute()
        place = heads[0]["location"].partition("/v1/")[2].partition("/_history")[0]
        read = fhir.Binary_read(name=place)
        read.headers["accept"] = "application/pdf"
        read.postproc = lambda _, content: content
        assert read.execute() in ("%PDF-1.7", b"%PDF-1.7")
