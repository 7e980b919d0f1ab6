"""What DICOMweb finds, gives and changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from local.dicom.images import (
    CT,
    NAMES,
    filled,
    start_web,
    study_of,
    value,
    web,
)

if TYPE_CHECKING:
    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
pytestmark = pytest.mark.service


def test_dicomweb_searches_studies_series_and_instances(service: Program) -> None:
    store = filled(service, "search", *NAMES, "MR_small_RLE.dcm", "JPEG2000.dcm", "examples_rgb_color.dcm")
    studies = web(service, f"{store}/dicomWeb/studies")
    series = web(service, f"{store}/dicomWeb/series")
    instances = web(service, f"{store}/dicomWeb/instances")
    assert sum(value(item, "00201208") for item in studies) == len(instances)
    assert sum(value(item, "00201206") for item in studies) == len(series)
    (study,) = web(service, f"{store}/dicomWeb/studies", PatientID="1CT1")
    assert web(service, f"{store}/dicomWeb/studies", Manufacturer="GE MEDICAL SYSTEMS", Rows="128") == [study]
    assert web(service, f"{store}/dicomWeb/studies", ModalitiesInStudy="CT") == [study]
    assert study["00080061"]["Value"] == ["CT"]
    uid = value(study, "0020000D")
    (found,) = web(service, f"{store}/dicomWeb/studies/{uid}/series")
    (instance,) = web(service, f"{store}/dicomWeb/studies/{uid}/instances")
    assert "00100010" not in instance
    (whole,) = web(
        service,
        f"{store}/dicomWeb/studies/{uid}/series/{value(found, '0020000E')}/instances",
        includefield="all",
    )
    assert value(whole, "00100010")["Alphabetic"] == "CompressedSamples^CT1"
    assert len(web(service, f"{store}/dicomWeb/instances", limit=2, offset=1)) == 2
    assert web(service, f"{store}/dicomWeb/instances", Modality="CT") == [instance]
    assert web(service, f"{store}/dicomWeb/instances", **{"00100020": "nobody"}) == []
    for bad in ({"limit": "x"}, {"NoSuchTag": "1"}):
        assert service.client.get(f"{store}/dicomWeb/instances", params=bad).status_code == 400


def test_dicomweb_gives_metadata_and_files(service: Program) -> None:
    store = filled(service, "retrieve")
    file = pydicom.dcmread(CT)
    study = f"{store}/dicomWeb/studies/{file.StudyInstanceUID}"
    series = f"{study}/series/{file.SeriesInstanceUID}"
    instance = f"{series}/instances/{file.SOPInstanceUID}"
    expected = web(service, f"{instance}/metadata")
    assert value(expected[0], "00280010") == 128
    assert web(service, f"{study}/metadata") == web(service, f"{series}/metadata") == expected
    single = service.client.get(instance, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert single.content == CT.read_bytes()
    parts = service.client.get(instance, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert CT.read_bytes() in parts.content
    assert service.client.get(instance, headers={"Accept": "image/png"}).status_code == 406
    info = service.client.get(f"{instance}:getStorageInfo").json()
    assert info["blobStorageInfo"]["sizeBytes"] == str(CT.stat().st_size)
    metrics = service.client.get(f"{study}:getStudyMetrics").json()
    assert (metrics["seriesCount"], metrics["instanceCount"]) == ("1", "1")
    assert service.client.get(f"{series}:getSeriesMetrics").json()["instanceCount"] == "1"
    assert service.client.delete(instance).json() == {}
    for gone in (instance, f"{study}/metadata", f"{study}:getStudyMetrics"):
        assert service.client.get(gone).status_code == 404


def test_metadata_is_patched_in_the_beta_version_only(service: Program) -> None:
    store = filled(service, "patch", *NAMES)
    patch = [{"op": "replace", "path": "/00100010/Value/0/Alphabetic", "value": "Doe^Jane"}]
    study = f"{store}/dicomWeb/studies/{study_of()}/metadata"
    assert service.client.patch(study, json=patch).status_code == 404
    done = service.ended(start_web(service, "PATCH", study, patch))
    assert done["metadata"]["counter"] == {"success": "1"}
    assert done["response"]["@type"].endswith("v1beta1.dicom.UpdateStudyMetadataResponse")
    (changed,) = web(service, study)
    assert value(changed, "00100010")["Alphabetic"] == "Doe^Jane"
    series = f"{study.removesuffix('/metadata')}/series/{value(changed, '0020000E')}/metadata"
    nothing = [{"op": "remove", "path": "/00081111"}]
    operation = start_web(service, "PATCH", series, nothing)
    assert service.ended(operation)["metadata"]["counter"] == {"failure": "1"}
    (failure,) = service.client.get(f"{operation}:failures").json()["failures"]
    assert "does not fit" in failure["message"]
    beta = f"{service.endpoint}/v1beta1/{DATASET}/{study}"
    assert service.client.patch(beta, json={"op": "add"}).status_code == 400
    single = f"{series.removesuffix('/metadata')}/instances/{value(changed, '00080018')}/metadata"
    single = f"{service.endpoint}/v1beta1/{DATASET}/{single}"
    assert service.client.patch(single, json=patch).json() == {}
    assert service.client.patch(single, json=nothing).status_code == 400
