"""DICOM objects whose attributes are deflated: inflated up to a bound, before pydicom would do all at once.

Also keeps lengths that an object claims from being asked of the memory at once.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.results.formats.dicom.sniff import LONG, PREAMBLE

if TYPE_CHECKING:
    from typing import BinaryIO

_META = 0x0002  # the group of the file's header, always explicit and little-endian
_SYNTAX = (_META, 0x0010)
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_PLAIN = b"1.2.840.10008.1.2.1"  # the same, but not deflated


class Inflated(NamedTuple):
    """An object that is not deflated any more.

    Attributes
    ----------
    file : binary file
        Its start, as long as is allowed.
    whole : bool
        Whether that is all of it.
    """

    file: BinaryIO
    whole: bool


def inflated(file: BinaryIO, most: int, *, bare: bool = False) -> Inflated | None:
    """Return the object in `file` inflated, up to `most` bytes; None if it is not deflated.

    A `bare` one has no preamble.
    """
    at, length, end = _syntax(file, 0 if bare else PREAMBLE)
    file.seek(at)
    if file.read(length).rstrip(b"\0 ") != _DEFLATED:
        return None
    file.seek(0)
    head = file.read(at) + _PLAIN.ljust(length, b"\0") + file.read(end)[length : end - at]
    file.seek(end)
    stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        body = stream.decompress(file.read(), most)
    except zlib.error:  # nothing of it can be read
        body = b""
    return Inflated(BytesIO(head + body), stream.eof)


def _syntax(file: BinaryIO, start_at: int) -> tuple[int, int, int]:
    """Return where an object names its transfer syntax, in how many bytes, and where its header ends."""
    place, at, size = start_at, start_at, 0
    while True:
        file.seek(place)
        start = file.read(12)
        if len(start) < 12:  # noqa: PLR2004 - tag, vr and length of an element
            return at, size, place
        group, element, vr = struct.unpack_from("<HH2s", start)
        if group != _META:
            return at, size, place
        long = vr in LONG
        (length,) = struct.unpack_from("<I" if long else "<H", start, 8 if long else 6)
        place += 12 if long else 8
        if (group, element) == _SYNTAX:
            at, size = place, length
        place += length


class Capped:
    """A file that never asks for more bytes than it has."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        left = max(self._size - self._file.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place; return it."""
        return self._file.seek(place, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def close(self) -> None:
        """Leave closing to who opened the file."""
