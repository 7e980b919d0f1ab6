"""A small day's work of dicomweb-client, which knows nothing of this service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from local.dicom.images import FOLDER, make

if TYPE_CHECKING:
    from local.conftest import Program

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
api = pytest.importorskip("dicomweb_client.api", reason="dicomweb-client is not installed")
requests = pytest.importorskip("requests", reason="requests is not installed")

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore")]  # of libraries under the client


def client_of(service: Program, store: str) -> Any:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {service.token}"
    return api.DICOMwebClient(f"{service.endpoint}/v1/{DATASET}/{store}/dicomWeb", session=session)


def test_dicomweb_client_stores_searches_retrieves_and_deletes(service: Program) -> None:
    client = client_of(service, make(service, "day"))
    assert client.search_for_studies() == []
    files = [pydicom.dcmread(FOLDER / name) for name in ("CT_small.dcm", "examples_ybr_color.dcm")]
    stored = client.store_instances(files)
    assert [item.ReferencedSOPInstanceUID for item in stored.ReferencedSOPSequence] == [
        file.SOPInstanceUID for file in files
    ]
    assert client.store_instances(files) == stored  # what is there already, and the same
    other = pydicom.dcmread(FOLDER / "CT_small.dcm")
    other.PatientName = "Other"
    with pytest.raises(requests.HTTPError, match="409"):
        client.store_instances([other])
    assert len(client.search_for_series()) == len(client.search_for_instances()) == 2
    (study,) = client.search_for_studies(
        search_filters={"PatientName": "compr"}, fuzzymatching=True, fields=["Manufacturer"]
    )
    assert study["00080070"]["Value"] == ["GE MEDICAL SYSTEMS"]
    ct, video = ((file.StudyInstanceUID, file.SeriesInstanceUID, file.SOPInstanceUID) for file in files)
    assert client.retrieve_instance(*ct).PixelData == files[0].PixelData
    assert [file.SOPInstanceUID for file in client.retrieve_series(*ct[:2])] == [ct[2]]
    assert [file.SOPInstanceUID for file in client.retrieve_study(ct[0])] == [ct[2]]
    (metadata,) = client.retrieve_study_metadata(ct[0])
    assert metadata["00280010"]["Value"] == [128]
    (frame,) = client.retrieve_instance_frames(*ct, frame_numbers=[1])
    assert frame == files[0].PixelData
    jpeg = client.retrieve_instance_frames(
        *video, [2, 3], media_types=[("image/jpeg", "1.2.840.10008.1.2.4.50")]
    )
    assert [one[:2] for one in jpeg] == [b"\xff\xd8"] * 2
    assert client.retrieve_instance_rendered(*ct, media_types=["image/png"])[:4] == b"\x89PNG"
    (pixels,) = client.retrieve_bulkdata(
        f"{client.base_url}/studies/{ct[0]}/series/{ct[1]}/instances/{ct[2]}/bulkdata/7FE00010"
    )
    assert pixels == files[0].PixelData
    client.delete_instance(*ct)
    assert len(client.search_for_studies()) == 1
