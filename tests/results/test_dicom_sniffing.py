"""What looks like DICOM and what does not, in every order of bytes, with and without a preamble."""

from __future__ import annotations

import gzip
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from results.dicoms import read, with_attributes

from lro_notebook.results.formats.dicom.sniff import looks

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]

pytestmark = pytest.mark.usefixtures("quiet_pydicom")


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bare", [False, True])
def test_objects_in_every_order_of_bytes_with_and_without_a_preamble(
    tmp_path: Path, syntax: str, *, bare: bool
) -> None:
    data = with_attributes(
        syntax, bare=bare, PatientID="p", Rows=512, StudyDate="20240105", ReferencedImageSequence=[]
    )
    (tmp_path / "a.dcm").write_bytes(data)
    (tmp_path / "b.dcm").write_bytes(gzip.compress(data))
    rows, bad = read(tmp_path)
    assert [(row["PatientID"], row["Rows"], row["StudyDate"]) for row in rows] == [("p", 512, "20240105")] * 2
    assert "ReferencedImageSequence" not in rows[0]
    assert bad == []
    assert looks("x", data[:8192])


@pytest.mark.parametrize("path", sorted(FILES.glob("*.dcm")), ids=lambda path: path.name)
def test_pydicoms_own_objects_look_like_dicom(path: Path) -> None:
    start = path.read_bytes()[:8192]
    text_only = path.name in {"no_meta.dcm", "meta_missing_tsyntax.dcm"}
    assert looks(path.name, start) or text_only or start[128:132] != b"DICM"


@pytest.mark.parametrize(
    ("start", "is_dicom"),
    [
        (b"", False),
        (bytes(8192), False),
        (b"\xff" * 8192, False),
        (b"\x08\0\0\0", False),
        (b"\x08\0\0\0\x02\0\0\0\x09\0\0\0\x08\0\0\0\x02\0\0\0\x0a\0\0\0", False),
        (b"BM" + bytes(100), False),
        (b"\x93NUMPY\x01\0v\0{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", False),
        (b"PK\x03\x04\x14\0\x08\0\x08\0", False),
        (b"DICM" + bytes(200), False),
        (bytes(128) + b"DICM", True),
        (b'{"00080018":{"vr":"UI","Value":["1.2"]}}', True),
        (b'\xef\xbb\xbf [ {"00080018" : {"Value":["1.2"],"vr":"UI"}}', True),
        (b'{"00100020":null,"00080018":{"vr":"UI"}}', True),
        (b'{"00100020":{},"00080018":{"vr":"UI"}}', True),
        (b'{"00080018":"1.2"}', False),
        (b'{"resourceType":"Patient","id":"00080018"}', False),
        (b'{"20240105":{"total":1}}', False),
        (b"00080018,1.2\n", False),
    ],
)
def test_what_is_dicom_and_what_is_not(start: bytes, is_dicom: bool) -> None:  # noqa: FBT001 - a parameter
    assert looks("IM0001", start) is is_dicom


@given(st.binary(max_size=300))
def test_hardly_any_bytes_look_like_dicom(start: bytes) -> None:
    assert not looks("x", start)


def test_the_directory_of_a_medium_is_no_instance() -> None:
    for path in FILES.rglob("DICOMDIR*"):
        assert not looks(path.name, path.read_bytes()[:8192])
