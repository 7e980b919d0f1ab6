"""What DICOMweb stores, and what it says of what it does not store."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from local.conftest import DATASET
from local.dicom.images import CT, FOLDER, count, make, study_of, value

if TYPE_CHECKING:
    import httpx
    from local.conftest import Program

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
pytestmark = pytest.mark.service

MR = FOLDER / "MR_small.dcm"


def parts(*contents: bytes, line: bytes = b"\r\n") -> bytes:
    mark = b"--==x=="
    pieces = [line.join([mark, b"Content-Type: application/dicom", b"", one, b""]) for one in contents]
    return b"".join(pieces) + mark + b"--"


def send(service: Program, path: str, body: bytes, kind: str = "", **headers: str) -> httpx.Response:
    kind = kind or 'multipart/related; type="application/dicom"; boundary="==x=="'
    return service.client.post(path, content=body, headers={"Content-Type": kind, **headers})


def failed(answer: httpx.Response, tag: str = "00081198") -> list[int]:
    return [value(item, "00081197") for item in answer.json()[tag]["Value"]]


def test_an_instance_is_stored_alone_or_in_parts(service: Program) -> None:
    store = make(service, "stow")
    url = f"{store}/dicomWeb/studies"
    alone = send(service, url, CT.read_bytes(), "application/dicom")
    assert (alone.status_code, alone.headers["content-type"]) == (200, "application/dicom+json")
    study = f"{service.endpoint}/v1/{DATASET}/{url}/{study_of()}"
    assert value(alone.json(), "00081190") == study
    (reference,) = alone.json()["00081199"]["Value"]
    assert value(reference, "00081190").startswith(f"{study}/series/")
    read = service.client.get(value(reference, "00081190"), headers={"Accept": "application/dicom"})
    assert read.content == CT.read_bytes()
    same = send(service, url, CT.read_bytes(), "application/dicom")
    assert (same.status_code, same.json()) == (200, alone.json())
    other = CT.read_bytes()[:-1] + b"\x01"
    again = send(service, url, parts(other, MR.read_bytes(), b"no DICOM"))
    assert again.status_code == 202
    assert failed(again) == [0x0111]
    assert failed(again, "0008119A") == [0xC000]
    assert len(again.json()["00081199"]["Value"]) == 1
    assert value(again.json(), "00081190").endswith(study_of(MR))
    assert count(service, store) == 2
    nothing = send(service, url, parts(other, other))
    assert (nothing.status_code, failed(nothing)) == (409, [0x0111, 0x0111])
    read = service.client.get(value(reference, "00081190"), headers={"Accept": "application/dicom"})
    assert read.content == CT.read_bytes()
    assert "no DICOM" not in again.text


def test_only_instances_of_its_study_are_stored_in_a_study(service: Program) -> None:
    store = make(service, "stow-study")
    url = f"{store}/dicomWeb/studies/{study_of()}"
    partly = send(service, url, parts(CT.read_bytes(), MR.read_bytes(), line=b"\n"))
    assert (partly.status_code, failed(partly)) == (202, [0xA900])
    assert count(service, store) == 1


def test_the_answer_is_xml_where_that_is_wanted(service: Program) -> None:
    url = f"{make(service, 'stow-xml')}/dicomWeb/studies"
    answer = send(service, url, CT.read_bytes(), "application/dicom", Accept="application/dicom+xml")
    assert answer.headers["content-type"] == "application/dicom+xml"
    root = ET.fromstring(answer.text)  # noqa: S314 - our own
    assert [one.get("keyword") for one in root] == ["RetrieveURL", "ReferencedSOPSequence"]
    assert root.find("DicomAttribute[@tag='00081199']/Item/DicomAttribute[@tag='00081155']/Value") is not None
    path = f"{url}/{study_of()}/metadata"
    metadata = service.client.get(path, headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    text = metadata.text.partition("\r\n\r\n")[2].partition("\r\n--")[0]
    name = ET.fromstring(text).find("DicomAttribute[@keyword='PatientName']/PersonName")  # noqa: S314
    assert name is not None
    assert [(one.tag, one.text) for one in name[0]] == [
        ("FamilyName", "CompressedSamples"),
        ("GivenName", "CT1"),
    ]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ('multipart/related; type="application/dicom+json"; boundary=b', b"", 415),
        ("multipart/related; boundary=b", b"--b--", 400),
        ("multipart/related; boundary=b", b"nothing", 400),
        ("multipart/related", b"--b--", 400),
        ("application/dicom", b"", 409),
    ],
)
def test_a_body_that_is_none_is_refused(service: Program, kind: str, body: bytes, status: int) -> None:
    store = "dicomStores/stow-bad"
    if service.client.get(store).status_code == 404:
        make(service, "stow-bad")
    assert send(service, f"{store}/dicomWeb/studies", body, kind).status_code == status
    missing = send(service, "dicomStores/none-such/dicomWeb/studies", CT.read_bytes(), "application/dicom")
    assert missing.status_code == 404


def test_the_beta_version_replaces_instances(service: Program) -> None:
    store = make(service, "stow-put")
    file = pydicom.dcmread(CT)
    file.PatientID = "changed"
    changed = BytesIO()
    file.save_as(changed)
    url = f"{store}/dicomWeb/studies"
    headers = {"Content-Type": "application/dicom"}
    assert send(service, url, CT.read_bytes(), "application/dicom").status_code == 200
    put: Any = service.client.put
    assert put(url, content=changed.getvalue(), headers=headers).status_code == 404
    beta = f"{service.endpoint}/v1beta1/{DATASET}/{url}"
    assert put(beta, content=changed.getvalue(), headers=headers).status_code == 200
    (found,) = service.client.get(url).json()
    assert (value(found, "00100020"), count(service, store)) == ("changed", 1)
