"""What DICOMweb retrieves: whole studies, transfer syntaxes, frames, pictures, bulk data."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from local.dicom.images import CT, FOLDER, filled, make

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.dicom.web import frames

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from local.conftest import Program

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
np = pytest.importorskip("numpy", reason="numpy is not installed")
image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
pytestmark = pytest.mark.service

PLAIN = "1.2.840.10008.1.2.1"
OCTETS = 'multipart/related; type="application/octet-stream"'


def path_of(store: str, file: Path) -> str:
    read = pydicom.dcmread(file, stop_before_pixels=True)
    study = f"{store}/dicomWeb/studies/{read.StudyInstanceUID}"
    return f"{study}/series/{read.SeriesInstanceUID}/instances/{read.SOPInstanceUID}"


def get(service: Program, path: str, accept: str, **query: Any) -> httpx.Response:
    return service.client.get(path, headers={"Accept": accept}, params=query)


def parts_of(answer: httpx.Response) -> list[bytes]:
    assert answer.status_code == 200, answer.text
    boundary = answer.headers["content-type"].rpartition("boundary=")[2].encode()
    pieces = answer.content.split(b"--" + boundary)[1:-1]
    return [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces]


@pytest.fixture(scope="module")
def store(service: Program) -> str:
    return filled(
        service,
        "frames",
        "CT_small.dcm",
        "MR_small_RLE.dcm",
        "JPEG2000.dcm",
        "examples_ybr_color.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "rtplan.dcm",
        "liver_1frame.dcm",
    )


def test_a_study_and_a_series_come_in_parts(service: Program) -> None:
    two = filled(service, "whole", "CT_small.dcm", "MR_small.dcm")
    instance = path_of(two, CT)
    study, series = instance.partition("/series/")[0], instance.partition("/instances/")[0]
    for path in (study, series):
        for accept in ("*/*", 'multipart/related; type="application/dicom"; transfer-syntax=*'):
            assert parts_of(get(service, path, accept)) == [CT.read_bytes()]
        assert get(service, path, "image/png").status_code == 406
    assert get(service, f"{two}/dicomWeb/studies/1.2.3", "*/*").status_code == 404


def test_files_come_in_the_transfer_syntax_that_is_asked_for(service: Program, store: str) -> None:
    compressed = FOLDER / "MR_small_RLE.dcm"
    path = path_of(store, compressed)
    for accept in ("application/dicom", "application/dicom; transfer-syntax=*"):
        assert get(service, path, accept).content == compressed.read_bytes()
    plain = pydicom.dcmread(
        BytesIO(get(service, path, f"application/dicom; transfer-syntax={PLAIN}").content)
    )
    assert plain.file_meta.TransferSyntaxUID == PLAIN
    assert plain.SOPInstanceUID == pydicom.dcmread(compressed).SOPInstanceUID
    assert (plain.pixel_array == pydicom.dcmread(FOLDER / "MR_small.dcm").pixel_array).all()
    other = get(service, path, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50")
    assert (other.status_code, "transfer-syntax=*" in other.text) == (406, True)
    implicit = get(service, path_of(store, CT), "application/dicom; transfer-syntax=1.2.840.10008.1.2")
    assert pydicom.dcmread(BytesIO(implicit.content)).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"


def test_frames_come_as_they_are_stored_or_decoded(service: Program, store: str) -> None:
    native = path_of(store, CT)
    pixels = pydicom.dcmread(CT).PixelData
    assert parts_of(get(service, f"{native}/frames/1", OCTETS)) == [pixels]
    assert get(service, f"{native}/frames/1", "application/octet-stream; transfer-syntax=*").content == pixels
    file = FOLDER / "examples_ybr_color.dcm"
    many, read = path_of(store, file), pydicom.dcmread(file)
    stored = list(pydicom.encaps.generate_frames(read.PixelData, number_of_frames=30))
    jpeg = 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'
    answer = get(service, f"{many}/frames/3,1", jpeg)
    assert b"Content-Type: image/jpeg" in answer.content
    assert parts_of(answer) == [stored[2], stored[0]]
    assert get(service, f"{many}/frames/30", "image/jpeg").content == stored[29]
    raw = pydicom.pixels.pixel_array(read, index=4, raw=True).tobytes()
    assert parts_of(get(service, f"{many}/frames/5", OCTETS)) == [raw]
    rle = path_of(store, FOLDER / "MR_small_RLE.dcm")
    plain = pydicom.dcmread(FOLDER / "MR_small.dcm").PixelData
    assert get(service, f"{rle}/frames/1", "*/*").content == plain
    assert get(service, f"{rle}/bulkdata/7FE00010", "*/*").content == plain
    assert get(service, f"{rle}/frames/1", f"{OCTETS}; transfer-syntax=*").status_code == 200


@pytest.mark.parametrize(
    ("numbers", "accept", "status"),
    [
        ("2", OCTETS, 404),
        ("0", OCTETS, 400),
        ("x", OCTETS, 400),
        ("1,", OCTETS, 400),
        ("1", 'multipart/related; type="image/jpeg"', 406),
        ("1", f"{OCTETS}; transfer-syntax=1.2.3", 406),
        ("1,1", "application/octet-stream", 406),
    ],
)
def test_frames_that_cannot_be_had_are_refused(
    service: Program, store: str, numbers: str, accept: str, status: int
) -> None:
    answer = get(service, f"{path_of(store, CT)}/frames/{numbers}", accept)
    assert answer.status_code == status, answer.text


def test_what_has_no_pixels_or_no_decoder_says_so(service: Program, store: str) -> None:
    plan = path_of(store, FOLDER / "rtplan.dcm")
    assert "no pixels" in get(service, f"{plan}/frames/1", OCTETS).text
    assert get(service, f"{plan}/rendered", "image/png").status_code == 404
    lossless = path_of(store, FOLDER / "SC_rgb_jpeg_gdcm.dcm")
    stored = get(service, f"{lossless}/frames/1", "image/jpeg; transfer-syntax=*")
    assert stored.content[:2] == b"\xff\xd8"
    if not pydicom.pixels.get_decoder(pydicom.uid.JPEGLosslessSV1).is_available:
        refused = get(service, f"{lossless}/rendered", "image/png")
        assert (refused.status_code, "pylibjpeg" in refused.text) == (501, True)


def test_pictures_are_rendered(service: Program, store: str) -> None:
    native = f"{path_of(store, CT)}/rendered"
    for accept, kind in (("*/*", "JPEG"), ("image/png", "PNG"), ("image/gif, image/jpeg", "JPEG")):
        picture = image.open(BytesIO(get(service, native, accept).content))
        assert (picture.format, picture.size, picture.mode) == (kind, (128, 128), "L")
    pixels = pydicom.dcmread(CT).pixel_array.astype(float)
    shown = np.asarray(image.open(BytesIO(get(service, native, "image/png").content)), dtype=float)
    assert np.corrcoef(pixels.ravel(), shown.ravel())[0, 1] > 0.9
    small = image.open(BytesIO(get(service, native, "image/png", viewport="64,32").content))
    assert small.size == (32, 32)
    for query in ({"viewport": "1"}, {"viewport": "0,5"}, {"window": "1,2,linear"}):
        assert get(service, native, "image/png", **query).status_code == 400
    assert get(service, native, "video/mp4").status_code == 406
    colours = path_of(store, FOLDER / "examples_ybr_color.dcm")
    frame = image.open(BytesIO(get(service, f"{colours}/frames/2/rendered", "image/png").content))
    assert (frame.mode, frame.size) == ("RGB", (320, 240))
    assert get(service, f"{colours}/rendered", "image/png").status_code == 406
    assert (
        len(parts_of(get(service, f"{colours}/frames/1,2/rendered", 'multipart/related; type="image/png"')))
        == 2
    )
    mask = get(service, f"{path_of(store, FOLDER / 'liver_1frame.dcm')}/rendered", "image/png")
    assert set(np.unique(np.asarray(image.open(BytesIO(mask.content))))) == {0, 255}


def test_bulk_data_is_named_by_its_tag(service: Program, store: str) -> None:
    native = f"{path_of(store, CT)}/bulkdata"
    assert get(service, f"{native}/7FE00010", "*/*").content == pydicom.dcmread(CT).PixelData
    assert len(parts_of(get(service, f"{native}/7FE00010", OCTETS))) == 1
    for path in ("00100010", "7fe0", "zzzzzzzz", "00081140/1/00100010", "00081140/x/00100010"):
        assert get(service, f"{native}/{path}", "*/*").status_code == 404, path


def test_big_endian_frames_are_decoded_to_little_endian(service: Program) -> None:
    big = make(service, "big")
    file = FOLDER / "MR_small_bigendian.dcm"
    sent = service.client.post(
        f"{big}/dicomWeb/studies", content=file.read_bytes(), headers={"Content-Type": "application/dicom"}
    )
    assert sent.status_code == 200, sent.text
    frame = get(service, f"{path_of(big, file)}/frames/1", OCTETS)
    assert parts_of(frame) == [pydicom.dcmread(FOLDER / "MR_small.dcm").PixelData]


def test_what_claims_to_be_huge_is_not_decoded() -> None:
    read = pydicom.dcmread(FOLDER / "MR_small_RLE.dcm")
    read.Rows = read.Columns = 65535
    read.NumberOfFrames = 2_000_000_000
    buffer = BytesIO()
    read.save_as(buffer)
    source = frames.open_frames(buffer.getvalue())
    for refused in (
        lambda: frames.array(source, 1, raw=True),
        lambda: frames.decompressed(buffer.getvalue()),
        lambda: frames.all_numbers(source),
    ):
        with pytest.raises(ServiceError, match=r"more than the 512 MiB|ask for at most 10,000"):
            refused()


def test_an_export_writes_pictures(service: Program) -> None:
    alone, several = (pydicom.dcmread(FOLDER / name) for name in ("CT_small.dcm", "rtdose.dcm"))
    pictures = filled(service, "pictures", "CT_small.dcm", "rtdose.dcm", "rtplan.dcm")
    for kind, end, form in (
        ("image/png", ".png", "PNG"),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", ".jpg", "JPEG"),
    ):
        to = {"uriPrefix": f"gs://demo-out/pictures{end}", "mimeType": kind}
        operation = service.start(f"{pictures}:export", {"gcsDestination": to})
        assert service.ended(operation)["metadata"]["counter"] == {"success": "2", "failure": "1"}
        (failure,) = service.client.get(f"{operation}:failures").json()["failures"]
        assert "no pixels" in failure["message"]
        folder = service.buckets / "demo-out" / f"pictures{end}"
        one = f"{alone.StudyInstanceUID}/{alone.SeriesInstanceUID}/{alone.SOPInstanceUID}{end}"
        frame = f"{several.StudyInstanceUID}/{several.SeriesInstanceUID}/{several.SOPInstanceUID}"
        names = [f"{frame}/{number}{end}" for number in range(1, several.NumberOfFrames + 1)]
        assert {str(path.relative_to(folder)) for path in folder.rglob("*.*g")} == {one, *names}
        with image.open(folder / one) as picture:
            assert (picture.format, picture.size) == (form, (alone.Columns, alone.Rows))
