r"""Bytes to lines: line-aligned blocks of a file, and which of their lines hold one JSON object each.

Builds no tables. Breaks lines at ``\n`` only, since U+2028 and its like are legal inside JSON strings.
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np
import orjson
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_BLOCK = 1 << 20  # enough to learn the schema from, cheap to parse twice
BLOCK = 4 << 20
DAMAGED = "not readable: the compressed data is damaged from here on"
MAX_DEPTH = 100  # deeper values become JSON text; pyarrow's parser overflows the stack at some thousands

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_FEED, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
_LONG = 4096  # shorter lines cannot nest so deep that pyarrow's parser overflows the stack
_MANY = 1000
_COMPRESSED = 1 << 16  # bytes of a gzip file that are read at once


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file.

    Attributes
    ----------
    data : bytes
        The lines.
    line : int
        The number of the first one, from 1.
    taken : int
        How many more bytes of the file, as stored, were read for it.
    damaged : bool
        The compressed data cannot be read on: `line` is the first line that is lost, and `data` is empty.
    """

    data: bytes
    line: int
    taken: int = 0
    damaged: bool = False


def blocks(file: BinaryIO, *, first: int = FIRST_BLOCK, size: int = BLOCK) -> Iterator[Block]:
    """Yield the lines of `file` in blocks of about `size` bytes; a longer line is a block by itself.

    gzip is recognised by its first bytes, and may have several members. Where it is damaged, all lines before
    the damage come first, then a block that says so. A byte order mark is dropped.
    """
    source = Gunzip(file) if _is_gzip(file) else file
    line, place = 1, 0
    carry: list[bytes] = []
    chunk = source.read(first).removeprefix(_BOM)
    while chunk:
        end = chunk.rfind(b"\n") + 1
        if end:
            data = b"".join((*carry, memoryview(chunk)[:end]))
            before, place = place, file.tell()
            yield Block(data, line, place - before)
            line += int(np.count_nonzero(np.frombuffer(data, np.uint8) == _FEED))
            carry = [chunk[end:]]
        else:
            carry.append(chunk)
        chunk = source.read(size)
    rest = b"".join(carry)
    damaged = isinstance(source, Gunzip) and source.damaged
    if rest and not (damaged and _fault(rest)):
        yield Block(rest, line, file.tell() - place)
        line += 1
    if damaged:
        yield Block(b"", line, damaged=True)


def _is_gzip(file: BinaryIO) -> bool:
    start = file.read(len(_GZIP))
    file.seek(0)
    return start == _GZIP


class Gunzip:
    """The data in a gzip file, member after member, up to the first damage.

    Unlike `gzip.GzipFile` it gives all that comes before a damage, then sets `damaged`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._member = _new_member()
        self._begun = self.damaged = False

    def read(self, size: int) -> bytes:
        """Return at least `size` bytes, fewer only at the end."""
        parts: list[bytes] = []
        wanted = size
        while wanted > 0 and not self.damaged:
            data = self._member.unused_data.lstrip(b"\0") or self._file.read(_COMPRESSED)
            if not data:
                self.damaged = self._begun and not self._member.eof
                break
            if self._member.eof:
                data = data.lstrip(b"\0")  # members may be padded
                self._member = _new_member()
                self._begun = bool(data)
            part = self._inflate(data)
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def _inflate(self, data: bytes) -> bytes:
        self._begun = self._begun or bool(data)
        before = self._member.copy()
        try:
            return bytes(self._member.decompress(data))
        except zlib.error:
            self.damaged = True
        return b"".join(_byte_by_byte(before, data))


def _byte_by_byte(member: Any, data: bytes) -> Iterator[bytes]:  # noqa: ANN401 - zlib does not export the type
    """Yield what comes before the damage in `data`, to the last byte."""
    with suppress(zlib.error):
        for place in range(len(data)):
            yield member.decompress(data[place : place + 1])


def _new_member() -> Any:  # noqa: ANN401 - zlib does not export the type
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def count_objects(data: bytes) -> int | None:
    """Return the number of lines if pyarrow may parse `data` and each line may be one object, else None.

    Every line begins with ``{`` and ends with ``}``: then no object can go over two lines (after ``}``
    no ``{`` may follow inside an object), so as many rows as lines means one object a line. A line with
    ``null`` alone would end the process inside pyarrow, hence before and not after the parser; so would
    values that nest some thousand levels deep. Invalid UTF-8 it does not see.
    """
    codes = np.frombuffer(data, np.uint8)
    ends = _line_ends(codes)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if not len(data) or not (codes[starts] == _OPEN).all():
        return None
    last = codes[ends - 1]
    if not ((last == _CLOSE) | ((last == _RETURN) & (codes[ends - 2] == _CLOSE))).all():
        return None
    lengths = ends - starts
    if any(_depth(codes[starts[n] : ends[n]]) > MAX_DEPTH for n in np.flatnonzero(lengths > _LONG)):
        return None
    return len(ends) if is_utf8(data) else None


def _line_ends(codes: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return where the lines end: at a line feed, or behind the last byte."""
    ends = np.flatnonzero(codes == _FEED)
    complete = len(codes) and codes[-1] == _FEED
    return ends if complete else np.append(ends, len(codes))


def is_utf8(data: bytes) -> bool:
    """Tell whether `data` is valid UTF-8."""
    if data.isascii():
        return True
    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:  # some thirty times faster than to decode it
        pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _depth(codes: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """Return how deep the brackets of a line nest at most, those inside strings included.

    0 where they are too few to matter.
    """
    folded = codes | 0x20  # "[" and "{" differ in this bit only, as do "]" and "}"
    opening = folded == _OPEN
    if np.count_nonzero(opening) <= _MANY:
        return 0
    steps = opening.astype(np.int8) - (folded == _CLOSE)
    return int(np.cumsum(steps, dtype=np.int32).max())


def sort_lines(block: Block) -> tuple[list[tuple[int, bytes]], list[tuple[int, str]]]:
    """Return number and bytes of the lines that hold one JSON object, number and reason of the others."""
    good: list[tuple[int, bytes]] = []
    bad: list[tuple[int, str]] = []
    for number, raw in enumerate(block.data.split(b"\n"), block.line):
        line = raw.strip(b" \t\r").removeprefix(_BOM)  # files with marks may have been joined
        if not line:
            continue
        reason = _fault(line)
        if reason is None:
            good.append((number, line))
        else:
            bad.append((number, reason))
    if block.damaged:
        bad.append((block.line, DAMAGED))
    return good, bad


def _fault(line: bytes) -> str | None:
    try:
        return None if isinstance(orjson.loads(line), dict) else "not a JSON object"
    except orjson.JSONDecodeError:
        return _exact_fault(line)


def _exact_fault(line: bytes) -> str | None:
    """Judge what orjson refuses: it is stricter than JSON with lone surrogates, numbers and nesting."""
    if not is_utf8(line):
        return "not valid UTF-8"
    text = line.decode()
    try:
        value, end = _DECODER.raw_decode(text)
    except RecursionError:
        return "nested too deep"
    except ValueError:
        return "not valid JSON"
    if end != len(text):
        return "two objects on one line" if text[end:].lstrip(" \t,").startswith("{") else "not valid JSON"
    return None if isinstance(value, dict) else "not a JSON object"


def _refuse(constant: str) -> NoReturn:
    message = f"{constant} is not JSON"
    raise ValueError(message)


def json_decoder(
    parse_float: Callable[[str], object], parse_int: Callable[[str], object]
) -> json.JSONDecoder:
    """Return a decoder that refuses ``NaN`` and infinities, and leaves numbers to the two functions."""
    return json.JSONDecoder(parse_float=parse_float, parse_int=parse_int, parse_constant=_refuse)


_DECODER = json_decoder(str, str)
