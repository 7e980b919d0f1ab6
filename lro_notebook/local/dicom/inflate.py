"""Inflating deflated DICOM files up to a limit, which pydicom does not have. Pure."""

from __future__ import annotations

import os
import struct
import zlib

DEFLATED = "1.2.840.10008.1.2.1.99"
#: The environment variable that sets the limit in bytes.
VARIABLE = "LRO_NOTEBOOK_LOCAL_INFLATED_BYTES"

_DEFAULT = 200_000_000
_PREAMBLE = 132  # 128 bytes and "DICM"
_META = 0x0002  # the group of the file's header, always explicit and little-endian
_SYNTAX = (_META, 0x0010)
_LONG = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"}
_PLAIN = b"1.2.840.10008.1.2.1"  # the same syntax, but not deflated


def setting(variable: str, default: int) -> int:
    """Return a limit that an environment variable may set."""
    text = os.environ.get(variable, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else default  # noqa: PLR2004 - digits


def limit() -> int:
    """Return the maximum size of an inflated file in bytes."""
    return setting(VARIABLE, _DEFAULT)


def inflated(data: bytes) -> bytes | None:
    """Return the file `data` inflated; None if it is not deflated.

    Raises
    ------
    ValueError
        It would exceed `limit`, or cannot be inflated.
    """
    at, end = _syntax(data)
    if data[at.start : at.stop].rstrip(b"\0 ") != DEFLATED.encode():
        return None
    most = limit()
    stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        body = stream.decompress(memoryview(data)[end:], most + 1)
    except zlib.error as error:
        message = "its deflated data is damaged"
        raise ValueError(message) from error
    if len(body) > most:
        message = f"it has more than {most:,} bytes when inflated; {VARIABLE} of the service sets the limit"
        raise ValueError(message)
    return data[: at.start] + _PLAIN.ljust(len(at), b"\0") + data[at.stop : end] + body


def _syntax(data: bytes) -> tuple[range, int]:
    """Return where the transfer syntax stands in a file, and where its header ends."""
    place, at = _PREAMBLE, range(0)
    while place + 12 <= len(data):
        group, element, representation = struct.unpack_from("<HH2s", data, place)
        if group != _META:
            break
        long = representation in _LONG
        (length,) = struct.unpack_from("<I" if long else "<H", data, place + (8 if long else 6))
        begin = place + (12 if long else 8)
        if (group, element) == _SYNTAX:
            at = range(begin, begin + length)
        place = begin + length
    return at, place
