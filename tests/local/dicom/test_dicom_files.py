"""DICOM files as bytes: real files of pydicom, broken ones, patches, and other encodings."""

from __future__ import annotations

import logging
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.dicom.dicom_file import INSTANCE, SERIES, STUDY, ParseError

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
CT = (FOLDER / "CT_small.dcm").read_bytes()


def opened(data: bytes) -> Any:
    return pydicom.dcmread(BytesIO(data))


def test_an_instance_has_the_uids_and_the_metadata_of_its_file() -> None:
    instance = dicom_file.read(CT)
    file = opened(CT)
    assert (instance.study, instance.series, instance.id) == (
        file.StudyInstanceUID,
        file.SeriesInstanceUID,
        file.SOPInstanceUID,
    )
    shown = orjson.loads(instance.metadata)
    assert shown["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "CompressedSamples^CT1"}]}
    assert shown["00280010"] == {"vr": "US", "Value": [128]}
    assert "7FE00010" not in shown  # the pixels
    assert "00020010" not in shown  # the header of the file
    assert instance.data == CT


def test_every_real_file_is_an_instance_or_a_flaw_and_nothing_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read, flawed = 0, set()
    for path in sorted(FOLDER.glob("*.dcm")):
        try:
            orjson.loads(dicom_file.read(path.read_bytes()).metadata)
            read += 1
        except ParseError:
            flawed.add(path.name)
    assert read > 60
    assert {"no_meta.dcm", "UN_sequence.dcm", "rtstruct.dcm"} <= flawed
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_attribute_that_cannot_be_read_is_left_out_alone() -> None:
    shown = orjson.loads(dicom_file.read((FOLDER / "badVR.dcm").read_bytes()).metadata)
    assert "00280008" not in shown  # NumberOfFrames is "1A"
    assert STUDY in shown


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty DICOM instance"),
        (b"not DICOM, but SECRET", "not a DICOM file"),
        (CT[:200], "not a DICOM file|StudyInstanceUID"),
    ],
)
def test_what_is_no_instance_is_said_without_its_content(data: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said) as caught:
        dicom_file.read(data)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", [None, "", "..", "1.", "1.2/../3", "a.b", "1." * 40 + "1"])
def test_an_instance_needs_its_uids(name: str, value: str | None) -> None:
    dicom_file.pydicom()
    file = opened(CT)
    setattr(file, name, value)
    buffer = BytesIO()
    file.save_as(buffer)
    with pytest.raises(ParseError, match=name):
        dicom_file.read(buffer.getvalue())


def test_a_patch_changes_attributes_and_leaves_the_pixels() -> None:
    patch = [
        {"op": "test", "path": "/00100020/Value/0", "value": "1CT1"},
        {"op": "replace", "path": "/00100010/Value/0/Alphabetic", "value": "Doe^Jane"},
        {"op": "add", "path": "/00080050", "value": {"vr": "SH", "Value": ["A-1"]}},
        {"op": "add", "path": "/00080008/Value/-", "value": "MORE"},
        {"op": "remove", "path": "/00100030"},
    ]
    changed = dicom_file.patched(CT, dicom_file.check_patch(patch))
    before, after = opened(CT), opened(changed.data)
    assert (after.PatientName, after.AccessionNumber) == ("Doe^Jane", "A-1")
    assert [*after.ImageType] == [*before.ImageType, "MORE"]
    assert "PatientBirthDate" not in after
    assert after.PixelData == before.PixelData
    assert after.StudyInstanceUID == before.StudyInstanceUID


def test_a_patch_that_builds_on_what_it_adds_does_the_same_to_every_instance() -> None:
    patch = dicom_file.check_patch(
        [
            {"op": "add", "path": "/00080008", "value": {"vr": "CS", "Value": ["DERIVED"]}},
            {"op": "add", "path": "/00080008/Value/-", "value": "MORE"},
        ]
    )
    types = [[*opened(dicom_file.patched(CT, patch).data).ImageType] for _ in range(2)]
    assert types == [["DERIVED", "MORE"]] * 2


@pytest.mark.parametrize(
    "patch",
    [
        {},
        [],
        [{"op": "move", "from": "/a", "path": "/b"}],
        [{"op": "replace", "path": "/00100010"}],
        [{"op": "remove", "path": "00100010"}],
        ["x"],
    ],
)
def test_what_is_no_patch_is_said(patch: object) -> None:
    with pytest.raises(ParseError, match=r"JSON Patch|operation 0"):
        dicom_file.check_patch(patch)


@pytest.mark.parametrize(
    "step",
    [
        {"op": "replace", "path": "/00100099/Value/0", "value": "x"},
        {"op": "remove", "path": "/00100010/Value/5"},
        {"op": "add", "path": "/00100010/Value/x", "value": "x"},
        {"op": "test", "path": "/00100020/Value/0", "value": "other"},
        {"op": "test", "path": "/00100020/vr", "value": "SH"},
        {"op": "add", "path": "/", "value": {"vr": "LO"}},
        {"op": "add", "path": "/00104000", "value": ["LT"]},
        {"op": "replace", "path": "/00100010", "value": {"vr": "QQ", "Value": 3}},
        *({"op": "replace", "path": f"/{tag}/Value/0", "value": "1.2"} for tag in (STUDY, SERIES, INSTANCE)),
    ],
)
def test_a_patch_that_does_not_fit_is_a_flaw(step: dict[str, Any]) -> None:
    with pytest.raises(ParseError):
        dicom_file.patched(CT, dicom_file.check_patch([step]))


@pytest.mark.parametrize("syntax", dicom_file.UNCOMPRESSED)
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"])
def test_uncompressed_files_change_their_encoding(name: str, syntax: str) -> None:
    data = (FOLDER / name).read_bytes()
    converted = opened(dicom_file.converted(data, syntax))
    assert converted.file_meta.TransferSyntaxUID == syntax
    assert converted.PixelData == opened(data).PixelData


def test_a_compressed_file_stays_as_it_is() -> None:
    with pytest.raises(ParseError, match="compressed"):
        dicom_file.converted((FOLDER / "JPEG2000.dcm").read_bytes(), dicom_file.UNCOMPRESSED[1])


def test_without_pydicom_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    dicom_file.pydicom.cache_clear()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ServiceError, match="pip install pydicom") as caught:
        dicom_file.pydicom()
    assert caught.value.status == 501


def test_without_jsonpatch_a_patch_of_metadata_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonpatch", None)
    with pytest.raises(ServiceError, match="pip install jsonpatch there"):
        dicom_file.apply_patch({}, [{"op": "test", "path": "", "value": {}}])
