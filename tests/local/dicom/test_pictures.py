"""Pictures of instances whose attributes are absurd: refused in words, in little memory, or right."""

from __future__ import annotations

import io
from typing import Any

import pytest
from local.dicom.images import CT, pydicom

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.dicom.web import frames, rendered

np = pytest.importorskip("numpy")
image = pytest.importorskip("PIL.Image", reason="pillow is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


def _instance(pixels: bytes | None = None, **attributes: Any) -> bytes:
    file = pydicom.dcmread(CT)
    for name, value in attributes.items():
        if isinstance(value, pydicom.DataElement):
            file[name] = value
        else:
            setattr(file, name, value)
    if pixels is not None:
        file.PixelData = pixels
    written = io.BytesIO()
    file.save_as(written)
    return written.getvalue()


def _refusal(data: bytes, kind: str = "image/png") -> str:
    with pytest.raises(ServiceError) as refused:
        rendered.picture(frames.open_frames(data), 1, kind, None)
    return refused.value.message


def test_rows_that_are_a_text_are_no_number_of_repetitions() -> None:
    rows = pydicom.DataElement("Rows", "UT", "9" * 1000)
    source = frames.open_frames(_instance(Rows=rows, Columns=65535, SamplesPerPixel=3))
    for read in (
        lambda: frames.check_size(source, 1),
        lambda: frames.stored(source, 1),
        lambda: rendered.picture(source, 1, "image/png", None),
    ):
        with pytest.raises(ServiceError, match="TypeError"):
            read()


@pytest.mark.parametrize(
    "attributes",
    [
        {"RescaleSlope": "nan"},
        {"RescaleSlope": "inf"},
        {"RescaleSlope": "1e308"},
        {"WindowCenter": "nan", "WindowWidth": "nan"},
        {"WindowCenter": "1", "WindowWidth": "0"},
    ],
)
def test_what_is_no_brightness_is_refused(attributes: dict[str, Any]) -> None:
    with pydicom.config.disable_value_validation():
        assert "cannot be rendered" in _refusal(_instance(**attributes))


def test_a_frame_that_a_format_cannot_hold_is_refused() -> None:
    data = _instance(bytes(2 * 65_535), Rows=1, Columns=65_535)
    assert "cannot be rendered" in _refusal(data, "image/jpeg")
    assert rendered.picture(frames.open_frames(data), 1, "image/png", None).startswith(b"\x89PNG")


def test_a_frame_of_too_many_pixels_is_not_decoded() -> None:
    """A few MB of run lengths, or of JPEG, are hundreds of millions of pixels, at 8 bytes and more each."""
    assert "more than the 33,554,432" in _refusal(_instance(Rows=5_793, Columns=5_793))


def test_colours_are_as_bright_as_their_bits_say() -> None:
    attributes = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    bits = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}
    pixels = np.full((1, 1, 3), (4095, 2048, 0), np.uint16).tobytes()
    data = _instance(pixels, Rows=1, Columns=1, **attributes, **bits)
    picture = rendered.picture(frames.open_frames(data), 1, "image/png", None)
    assert image.open(io.BytesIO(picture)).getpixel((0, 0)) == (255, 128, 0)
