"""Frames as pictures that a browser shows, with Pillow and numpy where they are installed. Pure."""

from __future__ import annotations

import math
import re
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lro_notebook.local.core.service_errors import invalid_argument, not_installed
from lro_notebook.local.dicom.web import frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.dicom.web.frames import Frames

#: Media type -> name of the format in Pillow.
FORMATS: Mapping[str, str] = {"image/jpeg": "JPEG", "image/png": "PNG"}
_SIZE_MAX = 4_096
_VIEWPORT = re.compile(r"([1-9]\d{0,5}),([1-9]\d{0,5})", re.ASCII)
#: Most pixels of a frame: more than any detector has, and as numbers of 8 bytes they are 256 MiB.
PIXELS_MAX = 1 << 25
_COLOURS = 3  # dimensions of an array of colours
_EIGHT = 8  # bits


def viewport_of(text: str | None) -> tuple[int, int] | None:
    """Return width and height of ``viewport=w,h``; None without one."""
    if not text:
        return None
    match = _VIEWPORT.fullmatch(text)
    if match is None or max(int(match[1]), int(match[2])) > _SIZE_MAX:
        raise invalid_argument(
            f"viewport: expected width and height such as 512,512, up to {_SIZE_MAX}; a part of an image "
            "cannot be had here"
        )
    return int(match[1]), int(match[2])


def require() -> None:
    """Raise if what rendering needs is not installed."""
    for module, package in (("PIL", "pillow"), ("numpy", "numpy")):
        if find_spec(module) is None:
            raise not_installed(package, "rendering")


def picture(source: Frames, number: int, kind: str, viewport: tuple[int, int] | None) -> bytes:
    """Return a frame as a picture of a media type, scaled to fit into `viewport`."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise not_installed("pillow", "rendering") from error
    try:
        if (size := frames.area(source.file)) > PIXELS_MAX:
            raise invalid_argument(
                f"the frame has {size:,} pixels, more than the {PIXELS_MAX:,} that are rendered here; "
                "retrieve it with /frames instead"
            )
        image = Image.fromarray(_eight_bits(source, number))
        if viewport is not None:
            image = ImageOps.contain(image, viewport)
        buffer = BytesIO()
        image.save(buffer, FORMATS[kind])
    # Pillow has an OSError for what a format cannot hold, as JPEG can no more than 65,500 columns.
    except (AttributeError, LookupError, NotImplementedError, OSError, TypeError, ValueError) as error:
        raise invalid_argument(f"the frame cannot be rendered ({type(error).__name__})") from error
    return buffer.getvalue()


def _eight_bits(source: Frames, number: int) -> Any:
    """Return the pixels of a frame as numbers from 0 to 255, through its window if it has one."""
    import numpy as np
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

    file, pixels = source.file, frames.array(source, number, raw=False)
    kind = str(file.get("PhotometricInterpretation", "MONOCHROME2"))
    if kind == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, file)
    elif pixels.ndim < _COLOURS:
        with np.errstate(all="ignore"):
            pixels = apply_voi_lut(apply_modality_lut(pixels, file), file)
    if pixels.ndim == _COLOURS:
        bits = pixels.dtype.itemsize * _EIGHT if kind == "PALETTE COLOR" else int(file.BitsStored)
        return np.clip(pixels >> max(bits - _EIGHT, 0), 0, 255).astype(np.uint8)
    with np.errstate(all="ignore"):
        pixels = pixels.astype(np.float64)
        low, high = float(pixels.min()), float(pixels.max())
        if not math.isfinite(high - low):  # the window or the slope is no number, or too large a one
            raise ValueError(high)
        pixels -= low
        pixels *= 255 / (high - low) if high > low else 0
        eight = np.rint(pixels, out=pixels).astype(np.uint8)
    return 255 - eight if kind == "MONOCHROME1" else eight
