"""DICOM stores of the service with images of pydicom, as their tests make and read them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
#: Files of three studies: two instances of the MR study are of one series, the JPEG ones of others.
NAMES = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")
CT = FOLDER / "CT_small.dcm"


def make(service: Program, name: str) -> str:
    answer = service.client.post("dicomStores", params={"dicomStoreId": name}, json={})
    assert answer.status_code == 200, answer.text
    return f"dicomStores/{name}"


def put(service: Program, folder: str, *names: str) -> str:
    target = service.buckets / "demo-out" / folder
    target.mkdir(parents=True)
    for name in names:
        shutil.copy(FOLDER / name, target)
    return f"gs://demo-out/{folder}/**"


def series_of(count: int, folder: Path) -> None:
    """Write the instances of one series."""
    folder.mkdir(parents=True)
    file = pydicom.dcmread(CT)
    for number in range(count):
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        file.InstanceNumber = number + 1
        file.save_as(folder / f"{number:05}.dcm")


def take(service: Program, store: str, uri: str) -> dict[str, Any]:
    return service.ended(service.start(f"{store}:import", {"gcsSource": {"uri": uri}}))


def filled(service: Program, name: str, *names: str) -> str:
    store = make(service, name)
    done = take(service, store, put(service, name, *(names or NAMES)))
    assert "error" not in done
    return store


def web(service: Program, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = service.client.get(path, params=query)
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    found: list[dict[str, Any]] = answer.json()
    return found


def value(item: dict[str, Any], tag: str) -> Any:
    return item[tag]["Value"][0]


def study_of(path: Path = CT) -> str:
    return str(pydicom.dcmread(path).StudyInstanceUID)


def start_web(service: Program, method: str, path: str, body: object = None) -> str:
    """Start an operation by a DICOMweb call and return its path."""
    url = f"{service.endpoint}/v1beta1/{DATASET}/{path}"
    answer = service.client.request(method, url, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["name"]).removeprefix(f"{DATASET}/")


def count(service: Program, store: str) -> int:
    return int(service.client.get(f"{store}:getDICOMStoreMetrics").json()["instanceCount"])
