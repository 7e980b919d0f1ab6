"""Frames of an instance: as they are stored, or decoded with what pydicom finds installed. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, not_found
from lro_notebook.local.dicom import dicom_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import FileDataset

#: Transfer syntax of decoded frames: explicit, little-endian.
PLAIN = "1.2.840.10008.1.2.1"
#: Transfer syntax -> media type of a frame in it.
_MEDIA: Mapping[str, str] = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
}
_FRAMES_MAX = 10_000
#: Most bytes that are decoded at once.
_DECODED_MAX = 512 << 20
_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)
#: Its files are not, but its frames are as in the syntax that it deflates.
_DEFLATED = dicom_file.UNCOMPRESSED[2]


class Frames(NamedTuple):
    """The frames of an opened instance.

    Attributes
    ----------
    syntax : str
        Its transfer syntax.
    media : str
        Media type of a frame as it is stored.
    how_many : int
        How many there are.
    """

    file: FileDataset
    syntax: str
    media: str
    how_many: int

    @property
    def is_compressed(self) -> bool:
        """Whether each stored frame is an image of its own format."""
        return _is_compressed(self.syntax)


def numbers_of(text: str) -> list[int]:
    """Return the numbers in a path such as ``frames/1,3``."""
    words = text.split(",")
    if len(words) > _FRAMES_MAX or not all(map(_NUMBER.fullmatch, words)):
        raise invalid_argument(f"frames: expected numbers from 1 such as 1,2,5, at most {_FRAMES_MAX:,}")
    return [int(word) for word in words]


def open_frames(data: bytes) -> Frames:
    """Return the frames of a file."""
    try:
        file = dicom_file.open_file(data)
    except dicom_file.ParseError as error:
        raise invalid_argument(str(error)) from error
    if "PixelData" not in file:
        raise not_found("the instance has no frames: there are no pixels in it; retrieve its metadata")
    syntax = str(file.file_meta.get("TransferSyntaxUID", PLAIN))
    try:
        count = max(int(file.get("NumberOfFrames") or 1), 1)
    except (TypeError, ValueError):
        count = 1
    return Frames(file, syntax, _MEDIA.get(syntax, "application/octet-stream"), count)


def is_compressed(data: bytes) -> bool:
    """Tell whether the pixels of a file are compressed."""
    return _is_compressed(str(dicom_file.open_file(data).file_meta.get("TransferSyntaxUID", PLAIN)))


def check_numbers(frames: Frames, numbers: list[int]) -> None:
    """Raise if the instance does not have one of these frames."""
    if (most := max(numbers)) > frames.how_many:
        raise not_found(f"there is no frame {most}: the instance has {frames.how_many}")


def all_numbers(frames: Frames) -> list[int]:
    """Return the numbers of all frames."""
    if frames.how_many > _FRAMES_MAX:
        raise invalid_argument(f"the instance has {frames.how_many} frames; ask for at most {_FRAMES_MAX:,}")
    return list(range(1, frames.how_many + 1))


def stored(frames: Frames, number: int) -> bytes:
    """Return a frame as it is stored."""
    try:
        if frames.is_compressed:
            from pydicom import encaps

            data, how_many = frames.file.PixelData, frames.how_many
            frame: bytes = encaps.get_frame(data, number - 1, number_of_frames=how_many)
            return frame
        size = _frame_size(frames.file)
        content = frames.file.PixelData[size * (number - 1) : size * number]
    except Exception as error:  # pydicom raises any kind of exception on broken files
        raise _unreadable(error) from error
    if len(content) < size:
        raise invalid_argument("the instance has fewer pixels than its attributes say")
    return bytes(content)


def decoded(frames: Frames, number: int) -> bytes:
    """Return a frame in little-endian bytes without compression."""
    if not frames.is_compressed and not _is_big(frames):
        return stored(frames, number)
    pixels = array(frames, number, raw=True)
    if int(frames.file.get("SamplesPerPixel") or 1) > 1 and frames.file.get("PlanarConfiguration") == 1:
        pixels = pixels.transpose(2, 0, 1)
    content: bytes = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return content


def decompressed(data: bytes) -> bytes:
    """Return a file with its pixels decoded, in the plain transfer syntax."""
    source = open_frames(data)
    _decoder(source.syntax)
    check_size(source, source.how_many)
    try:
        source.file.decompress(as_rgb=False, generate_instance_uid=False)
        return dicom_file.written(source.file)
    except Exception as error:  # as above
        raise _unreadable(error) from error


def array(frames: Frames, number: int, *, raw: bool) -> Any:
    """Return the pixels of a frame as an array; colours as RGB unless they are wanted raw."""
    decoder = _decoder(frames.syntax)
    check_size(frames, 1)
    try:
        pixels, _ = decoder.as_array(frames.file, index=number - 1, raw=raw)
    except Exception as error:  # as above
        raise _unreadable(error) from error
    return pixels


def _decoder(syntax: str) -> Any:
    """Return what decodes a transfer syntax, if that is installed."""
    module = dicom_file.pydicom()
    try:
        from pydicom.pixels.decoders.base import get_decoder

        decoder = get_decoder(module.uid.UID(syntax))
        missing = "" if decoder.is_available else "; ".join(decoder.missing_dependencies)
    except (NotImplementedError, ImportError) as error:
        raise _undecodable(syntax, str(error)) from error
    if not decoder.is_available:
        raise _undecodable(syntax, missing)
    return decoder


def _undecodable(syntax: str, why: str) -> ServiceError:
    return ServiceError(
        Code.UNIMPLEMENTED,
        f"frames of transfer syntax {syntax} cannot be decoded where the local service runs: {why[:300]}; "
        "install what it needs and start the service again, or ask for the frames with transfer-syntax=*",
    )


def _is_compressed(syntax: str) -> bool:
    uid = dicom_file.pydicom().uid.UID(syntax)
    return bool(uid.is_transfer_syntax and uid.is_compressed) and syntax != _DEFLATED


def _is_big(frames: Frames) -> bool:
    uid = dicom_file.pydicom().uid.UID(frames.syntax)
    return bool(uid.is_transfer_syntax and not uid.is_little_endian)


def check_size(frames: Frames, count: int) -> None:
    """Raise if so many frames are too large to be decoded, as their attributes say."""
    try:
        size = area(frames.file) * _depth(frames.file, least=8) * count // 8
    except (AttributeError, TypeError, ValueError) as error:
        raise _unreadable(error) from error
    if size > _DECODED_MAX:
        raise invalid_argument(
            f"the frames have {size:,} bytes when decoded, more than the {_DECODED_MAX >> 20} MiB that the "
            "local service decodes at once; ask for transfer-syntax=*"
        )


def area(file: FileDataset) -> int:
    """Return how many pixels a frame has, as its attributes say: numbers, since a text times one is long.

    Raises
    ------
    AttributeError, TypeError
        They say nothing, or no number.
    """
    rows, columns = file.Rows, file.Columns
    if not (isinstance(rows, int) and isinstance(columns, int)):
        raise TypeError(type(rows))
    return rows * columns


def _depth(file: FileDataset, *, least: int = 0) -> int:
    """Return the bits of a pixel."""
    samples, bits = file.get("SamplesPerPixel") or 1, file.BitsAllocated
    if not (isinstance(samples, int) and isinstance(bits, int)):
        raise TypeError(type(bits))
    return samples * max(bits, least)


def _frame_size(file: FileDataset) -> int:
    """Return the bytes of a frame that is not compressed."""
    bits = area(file) * _depth(file)
    if bits % 8 or not bits:
        raise ValueError(bits)
    return int(bits // 8)


def _unreadable(error: Exception) -> ServiceError:
    return invalid_argument(f"the frames of the instance cannot be read ({type(error).__name__})")
