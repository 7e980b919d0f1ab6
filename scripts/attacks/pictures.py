"""Pictures of DICOM instances whose attributes contradict each other or are absurd, and damaged ones.

An attempt held if it gave pictures or was refused as a request is, without a warning, and in little memory.
"""

from __future__ import annotations

import io
import time
import tracemalloc
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.dicom.web import frames, rendered

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_SECONDS = 4  # of this process
_MOST = 200
#: A frame that is rendered may be as large as the limit; the instances here are small.
_MEMORY = 512 << 20
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 12, 16, 32, 64, 255, 65535)
_TEXTS = ("", "0", "1", "-1", "1e308", "-1e308", "1e-320", "nan", "inf", "x", "1\\2", "40")
_KINDS = (
    "MONOCHROME1",
    "MONOCHROME2",
    "PALETTE COLOR",
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "ARGB",
    "CMYK",
    "x",
)
#: Tag -> VR and the values that it may get.
_ATTRIBUTES: dict[int, tuple[str, tuple[Any, ...]]] = {
    0x00280002: ("US", _NUMBERS),
    0x00280004: ("CS", _KINDS),
    0x00280006: ("US", (0, 1, 2)),
    0x00280008: ("IS", ("", "0", "1", "-1", "3", "999999999")),
    0x00280010: ("US", _NUMBERS),
    0x00280011: ("US", _NUMBERS),
    0x00280100: ("US", _NUMBERS),
    0x00280101: ("US", _NUMBERS),
    0x00280102: ("US", _NUMBERS),
    0x00280103: ("US", (0, 1, 2)),
    0x00281050: ("DS", _TEXTS),
    0x00281051: ("DS", _TEXTS),
    0x00281052: ("DS", _TEXTS),
    0x00281053: ("DS", _TEXTS),
    0x00281055: ("CS", ("LINEAR", "SIGMOID", "LINEAR_EXACT", "x")),
    0x00281101: ("US", ([0, 0, 8], [256, 0, 16], [4, 65535, 8], 3)),
    0x00281201: ("OW", (b"", b"ab" * 4, b"ab" * 256)),
}
_LONG = ("UT", "9" * 20_000)


def _changed(data: bytes, dice: random.Random) -> bytes:
    """Return an instance with other attributes of its pixels, some of another type, or gone."""
    import pydicom

    file = pydicom.dcmread(io.BytesIO(data), force=True)
    for tag in dice.sample(sorted(_ATTRIBUTES), dice.randrange(1, 6)):
        representation, values = _ATTRIBUTES[tag]
        way = dice.random()
        if way < 0.1:  # noqa: PLR2004 - a few
            file.pop(tag, None)
        elif way < 0.15:  # noqa: PLR2004 - a few
            file.add_new(tag, *_LONG)
        else:
            file.add_new(tag, representation, dice.choice(values))
    written = io.BytesIO()
    file.save_as(written)
    return written.getvalue()


def _samples() -> list[bytes]:
    import pydicom

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    names = ("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "JPEG-lossy.dcm", "examples_palette.dcm")
    return [path.read_bytes() for name in names if (path := folder / name).is_file()]


def _pictures(dice: random.Random) -> tuple[int, int]:
    """Make pictures of instances whose attributes were changed at random."""
    from pydicom import config

    samples, tried, held, end = _samples(), 0, 0, time.process_time() + _SECONDS
    kinds = sorted(rendered.FORMATS)
    tracemalloc.start()
    try:
        while tried < _MOST and time.process_time() < end:
            with warnings.catch_warnings(), config.disable_value_validation():
                warnings.simplefilter("ignore")
                try:
                    data = _changed(dice.choice(samples), dice)
                except (TypeError, ValueError, OverflowError, AttributeError):
                    continue  # pydicom writes no such file
                warnings.simplefilter("error", RuntimeWarning)
                tried += 1
                held += _is_fine(data, dice.choice(kinds))
    finally:
        tracemalloc.stop()
    return tried, held


def _is_fine(data: bytes, kind: str) -> bool:
    tracemalloc.reset_peak()
    try:
        source = frames.open_frames(data)
        for number in frames.all_numbers(source)[:3]:
            rendered.picture(source, number, kind, None)
    except ServiceError:
        pass
    except Exception:  # noqa: BLE001 - which is what is counted
        return False
    return tracemalloc.get_traced_memory()[1] < _MEMORY


#: What was tried, and the function that tries it.
ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("make pictures of DICOM instances of odd attributes", _pictures),
]
