"""FHIR search as real clients of FHIR ask for it: fhirpy and fhirclient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = pytest.mark.service

DATASET = "projects/local/locations/local/datasets/demo"


@pytest.fixture(scope="module")
def base(service: Program) -> str:
    store = service.store("for-clients")
    lines = [
        f'{{"resourceType":"Patient","id":"p{n}","gender":"{"fe" * (n % 2)}male","birthDate":"19{70 + n}"}}'
        for n in range(9)
    ]
    lines += [
        f'{{"resourceType":"Observation","id":"o{n}","code":{{"coding":[{{"code":"c{n % 2}"}}]}},'
        f'"status":"final","subject":{{"reference":"Patient/p{n}"}},"effectiveDateTime":"2026-01-0{n + 1}"}}'
        for n in range(9)
    ]
    service.imported(store, service.put_lines("demo-out/clients.ndjson", lines))
    return f"{service.endpoint}/v1/{DATASET}/{store}/fhir"


def test_fhirpy_searches(service: Program, base: str) -> None:
    fhirpy = pytest.importorskip("fhirpy", reason="fhirpy is not installed")
    client = fhirpy.SyncFHIRClient(base, authorization=f"Bearer {service.token}")
    patients, observations = client.resources("Patient"), client.resources("Observation")
    assert {each.id for each in patients.search(gender="female").limit(3).fetch_all()} == {
        "p1",
        "p3",
        "p5",
        "p7",
    }
    assert patients.search(gender="female").count() == 4
    assert len(patients.search(birthdate__ge="1975").fetch_all()) == 4
    assert observations.search(patient__Patient__gender="male").sort("-date").first().id == "o8"
    assert len(patients.has("Observation", "patient", code="c1").fetch_all()) == 4
    bundle = observations.search(patient="p2").include("Observation", "subject").fetch_raw()
    assert [(entry.resource.id, entry.search.mode) for entry in bundle.entry] == [
        ("o2", "match"),
        ("p2", "include"),
    ]


def test_fhirclient_searches(service: Program, base: str) -> None:
    fhirclient = pytest.importorskip("fhirclient.client", reason="fhirclient is not installed")
    observation = pytest.importorskip("fhirclient.models.observation")
    smart = fhirclient.FHIRClient(settings={"app_id": "test", "api_base": base})
    smart.server.session.headers["Authorization"] = f"Bearer {service.token}"
    smart.server.auth = None
    search = observation.Observation.where({"code": "c0", "_count": "2", "_sort": "date"})
    assert [each.id for each in search.perform_resources_iter(smart.server)] == ["o0", "o2", "o4", "o6", "o8"]
    bundle = next(observation.Observation.where({"patient": "p3"}).perform_iter(smart.server))
    assert (bundle.total, bundle.entry[0].resource.id) == (1, "o3")
