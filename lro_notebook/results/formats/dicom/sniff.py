"""Whether a file is DICOM, by how it starts and never by its name. Pure, and without pydicom."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

PREAMBLE = 132  # 128 bytes of anything, and "DICM"
MARK = b"DICM"
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT "
    b"UV".split()
)
#: Value representations whose length has four bytes, after two that are reserved.
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_UNDEFINED = 0xFFFFFFFF
_HEADER = 0x0002  # the group of a file's header, little-endian and explicit whatever follows it
_FIRST = (_HEADER, 0x0008)  # the groups with which files start
_HIGHEST = 0x0070  # elements of these groups with which they start are not higher
_ENOUGH = 3  # attributes in a row that no other kind of file has
_HEAD = 1024  # bytes that hold a file's header
#: The class of a directory, in a file's header.
_DIRECTORY = re.compile(rb"\x02\0\x02\0UI..1\.2\.840\.10008\.1\.3\.10[\0 ]*\x02\0", re.DOTALL)
_JSON = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"[0-9A-Fa-f]{8}"\s*:\s*(?:\{\s*["}]|null)')
_KEYS = re.compile(rb'"[0-9A-Fa-f]{8}"\s*:\s*\{\s*(?:"(?:vr|Value|BulkDataURI|InlineBinary)"|\})')


def looks(name: str, start: bytes) -> bool:
    """Tell whether a file that begins with `start` is a DICOM object, or DICOM JSON; see `Format.looks`."""
    del name
    return (is_object(start) and not is_directory(start)) or is_json(start)


def is_directory(start: bytes) -> bool:
    """Tell whether an object is the directory of a medium, which is no instance but names those beside it."""
    return _DIRECTORY.search(start, 0, _HEAD) is not None


def is_object(start: bytes) -> bool:
    """Tell whether `start` is that of an object: with its preamble, or with attributes in order."""
    return start[PREAMBLE - 4 : PREAMBLE] == MARK or is_bare(start)


def is_json(start: bytes) -> bool:
    """Tell whether `start` is that of DICOM JSON: an object whose first key is a tag, or a list of such."""
    return _JSON.match(start) is not None and _KEYS.search(start) is not None


def is_bare(start: bytes) -> bool:
    """Tell whether `start` is that of an object without a preamble.

    Three attributes in the order of their tags, or two that are all there is, each of a length that can be.
    """
    return any(_is_in_order(start, order) for order in "<>")


class _Attribute(NamedTuple):
    tag: tuple[int, int]
    length: int
    end: int


def _is_in_order(start: bytes, order: str) -> bool:
    place, before, count = 0, (-1, -1), 0
    while count < _ENOUGH and place < len(start):
        in_header = before[0] in {-1, _HEADER} and start[place : place + 2] == b"\x02\0"
        there = _attribute(start, place, "<" if in_header else order)
        if there is None or there.tag <= before or not (count or _may_be_first(there.tag)):
            return False
        if there.length == _UNDEFINED:  # a sequence
            return count > 0
        place, before, count = there.end, there.tag, count + 1
    return count == _ENOUGH or (count == _ENOUGH - 1 and place == len(start))


def _may_be_first(tag: tuple[int, int]) -> bool:
    group, number = tag
    return group in _FIRST and number <= _HIGHEST


def _attribute(start: bytes, place: int, order: str) -> _Attribute | None:
    """Return the attribute that begins at `place`; None where that cannot be one."""
    head = start[place : place + 12].ljust(12, b"\0")
    vr = head[4:6]
    if len(start) < place + 8 or (order == ">" and vr not in _VRS):  # such objects are explicit
        return None
    group, number = struct.unpack_from(f"{order}HH", head)
    if vr in LONG:
        (length,), size = struct.unpack_from(f"{order}I", head, 8), 12
    elif vr in _VRS:
        (length,), size = struct.unpack_from(f"{order}H", head, 6), 8
    else:
        (length,), size = struct.unpack_from(f"{order}I", head, 4), 8
    can_be = length == _UNDEFINED or (length % 2 == 0 and (number or length == 4))  # noqa: PLR2004 - of a group
    return _Attribute((group, number), length, place + size + length) if can_be else None
