"""What Google's samples for Go and Java send otherwise: tokens in the query, slashes at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from local.conftest import DATASET

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def fhir(service: Program) -> str:
    """Return the address of a FHIR store that has a patient."""
    url = f"{service.endpoint}/v1/{DATASET}/{service.store('go-java')}/fhir"
    made = service.client.post(f"{url}/Patient", json={"resourceType": "Patient", "gender": "female"})
    assert made.status_code == 201, made.text
    return url


@pytest.mark.parametrize("name", ["access_token", "oauth_token"])
def test_a_token_may_stand_in_the_query(service: Program, fhir: str, name: str) -> None:
    query = {"gender": "female", name: service.token, "_count": "1"}
    with httpx.Client(trust_env=False, timeout=60) as bare:
        assert bare.get(f"{fhir}/Patient").status_code == 401
        assert bare.get(f"{fhir}/Patient", params={name: "x" + service.token}).status_code == 401
        both = {"Authorization": "Bearer other"}
        assert bare.get(f"{fhir}/Patient", params=query, headers=both).status_code == 401
        found = bare.get(f"{fhir}/Patient", params=query, headers={"Prefer": "handling=strict"})
        assert (found.status_code, found.json()["total"]) == (200, 1), found.text
        listed = bare.get(f"{service.endpoint}/v1/{DATASET}/fhirStores", params={name: service.token})
        assert listed.status_code == 200, listed.text
    assert service.token not in found.text


def test_a_deletion_answers_200_also_of_what_is_gone(service: Program, fhir: str) -> None:
    made = service.client.post(f"{fhir}/Patient", json={"resourceType": "Patient"}).json()["id"]
    for _ in range(2):
        assert service.client.delete(f"{fhir}/Patient/{made}").status_code == 200
    assert service.client.delete(f"{fhir}/Patient", params={"identifier": "none"}).status_code == 200


def test_addresses_of_dicomweb_may_end_with_a_slash(service: Program) -> None:
    images = pytest.importorskip("local.dicom.images")
    web = f"{images.make(service, 'slash')}/dicomWeb"
    header = images.pydicom.dcmread(images.CT)
    study = f"{web}/studies/{header.StudyInstanceUID}/"
    one = f"{study}series/{header.SeriesInstanceUID}/instances/{header.SOPInstanceUID}/"
    kind = {"Content-Type": "application/dicom"}
    assert service.client.post(study, content=images.CT.read_bytes(), headers=kind).status_code == 200
    assert service.client.get(study).headers["content-type"].startswith("multipart/related")
    assert service.client.get(one, headers={"Accept": "application/dicom"}).content[128:132] == b"DICM"
    assert len(service.client.get(f"{web}/instances/").json()) == 1
    assert service.client.delete(study).status_code == 200
