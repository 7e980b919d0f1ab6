"""DICOM files that tests make, and programs that read them in little memory."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from results.limited import loaded, run

if TYPE_CHECKING:
    from pathlib import Path

UID = pydicom.uid.UID("1.2.840.10008.5.1.4.1.1.2")
#: A program that lets the service's module open a file with little memory, and prints what it says.
OPEN = """
import resource, sys
import pydicom.filereader
from pathlib import Path
from lro_notebook.local.dicom import dicom_file
dicom_file.pydicom()
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[2]),) * 2)
try:
    print(dicom_file.read(Path(sys.argv[1]).read_bytes()).id)
except dicom_file.ParseError as parse_error:
    print(parse_error)
"""


def element(group: int, number: int, kind: str, value: bytes) -> bytes:
    long = kind in ("SQ", "UN", "OB", "UT")
    head = struct.pack("<HH2s", group, number, kind.encode())
    return head + (struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))) + value


def made(syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return a DICOM object with its UIDs and nothing else."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID, pydicom.uid.UID("1.2.3")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = pydicom.uid.UID("1.2"), pydicom.uid.UID("1.2.1")
    dataset.PatientID = "p"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = UID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def with_attributes(syntax: str = ExplicitVRLittleEndian, *, bare: bool = False, **attributes: Any) -> bytes:
    """Return an object with these attributes; a bare one has neither preamble nor header."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    kind = pydicom.uid.UID(syntax)
    if bare:
        dataset.save_as(buffer, implicit_vr=kind.is_implicit_VR, little_endian=kind.is_little_endian)
    else:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = kind
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def deflated(path: Path, size: int) -> None:
    """Write a deflated object whose pixels are so many zeros."""
    plain, packed = made(), made(DeflatedExplicitVRLittleEndian)
    body = plain[plain.index(b"\x08\x00\x16\x00UI") :]
    head = packed[: 144 + struct.unpack_from("<I", packed, 140)[0]]
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    start = packer.compress(body + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, size))
    start += packer.flush(zlib.Z_FULL_FLUSH)
    # From here on a part does not depend on what comes before it, so one is as good as all.
    zeros = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(head + start + zeros * (size // 1_000_000) + packer.flush())


def opened(path: Path, size: int) -> str:
    """Return what the service says of a file, opened with `size` more bytes than at the start."""
    return run(OPEN, str(path), str(size))


def read(folder: Path, **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        results = loaded(folder, **options)
    return results.arrow("instances").to_pylist(), results.bad_lines["reason"].tolist()
