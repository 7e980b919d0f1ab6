"""DICOM files for a few patients of the sample: a small, computed CT study each. Needs pydicom."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from lro_notebook.local.sample.generate import DEFAULT_PATIENTS, DEFAULT_SEED, resources

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from lro_notebook.local.sample.data_types import Resource

#: Number of patients with a study, and of slices in each.
STUDIES, SLICES = 5, 6

_SIZE = 64
_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"
_SEX = {"female": "F", "male": "M", "other": "O"}
_NOTES = "Not an image: what an import makes of other files is a failure, and the rest goes on.\n"


def write_images(out: Path, *, patients: int = DEFAULT_PATIENTS, seed: int = DEFAULT_SEED) -> int:
    """Write ``{patient}/{slice}.dcm`` files of the first patients, and a text among them.

    The same arguments give the same bytes.

    Returns
    -------
    int
        The number of instances.

    Raises
    ------
    ImportError
        pydicom is not installed.
    """
    import pydicom  # noqa: F401 - comes with an extra; without it nothing is written

    out.mkdir(parents=True, exist_ok=True)
    count = 0
    found = (made for made in resources(patients, seed) if made["resourceType"] == "Patient")
    for patient in islice(found, STUDIES):
        folder = out / patient["identifier"][0]["value"]
        folder.mkdir(exist_ok=True)
        for number in range(1, SLICES + 1):
            _slice(patient, number).save_as(folder / f"{number:03}.dcm", enforce_file_format=True)
            count += 1
    (out / "notes.txt").write_bytes(_NOTES.encode())
    return count


def _slice(patient: Resource, number: int) -> FileDataset:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    identifier = patient["id"]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_CT_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = UID(_uid(identifier, "instance", number))
    meta.TransferSyntaxUID = UID(_EXPLICIT)
    meta.ImplementationClassUID = UID(_uid("lro_notebook", "implementation"))
    file = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))  # type: ignore[arg-type] # no path yet
    name = patient["name"][0]
    file.SpecificCharacterSet = "ISO_IR 192"
    file.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.StudyDate = file.SeriesDate = file.ContentDate = "20250314"
    file.StudyTime = file.SeriesTime = file.ContentTime = f"0930{number:02}"
    file.AccessionNumber = f"A{patient['identifier'][0]['value']}"
    file.Modality, file.Manufacturer, file.InstitutionName = "CT", "Sample", "Sampleton Imaging"
    file.StudyDescription, file.SeriesDescription = "CT of a drawn head", "Axial"
    file.PatientName = "^".join([name.get("family", ""), *name.get("given", [])])
    file.PatientID = patient["identifier"][0]["value"]
    birth = patient.get("birthDate", "").replace("-", "")
    file.PatientBirthDate = birth if len(birth) == len("YYYYMMDD") else ""  # of some, only the year is known
    file.PatientSex = _SEX.get(patient.get("gender", ""), "")
    file.StudyInstanceUID, file.SeriesInstanceUID = _uid(identifier, "study"), _uid(identifier, "series")
    file.StudyID, file.SeriesNumber, file.InstanceNumber = "1", 1, number
    file.FrameOfReferenceUID = _uid(identifier, "frame")
    file.ImagePositionPatient = [0, 0, 5 * number]
    file.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    file.SliceThickness, file.PixelSpacing = 5, [3, 3]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.Rows = file.Columns = _SIZE
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.RescaleIntercept, file.RescaleSlope = -1024, 1
    file.WindowCenter, file.WindowWidth = 40, 400
    file.PixelData = _pixels(16 + 4 * min(number, SLICES + 1 - number))
    return file


@cache
def _pixels(radius: int) -> bytes:
    """Return a skull with a brain as little-endian 16-bit pixels; it is larger in the middle slices."""
    middle = (_SIZE - 1) / 2
    pixels = bytearray()
    for row in range(_SIZE):
        for column in range(_SIZE):
            distance = ((row - middle) ** 2 + ((column - middle) * 1.2) ** 2) ** 0.5
            brain = 1064 + (row * 7 + column * 3) % 16
            value = 0 if distance > radius else 2000 if distance > radius - 3 else brain
            pixels += value.to_bytes(2, "little")
    return bytes(pixels)


def _uid(*parts: object) -> str:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"
