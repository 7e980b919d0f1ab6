r"""Bytes to lines: line-aligned blocks of a file, and which of their lines hold one JSON object each.

Builds no tables. Breaks lines at ``\n`` only, since U+2028 and its like are legal inside JSON strings.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np
import orjson
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_BLOCK = 1 << 18  # enough to learn the schema from, cheap to parse twice
BLOCK = 8 << 20
MAX_DEPTH = 100  # deeper values become JSON text; pyarrow's parser overflows the stack at some thousands

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_FEED, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
_LONG = 4096  # shorter lines cannot nest so deep that pyarrow's parser overflows the stack
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file; `line` is the number of the first one, from 1."""

    data: bytes
    line: int


class DamagedFileError(Exception):
    """The compressed data cannot be read on; `line` is the first line that is lost."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


def blocks(file: BinaryIO, *, first: int = FIRST_BLOCK, size: int = BLOCK) -> Iterator[Block]:
    """Yield the lines of `file` in blocks of about `size` bytes; a longer line is a block by itself.

    gzip is recognised by its first bytes, and may have several members. A byte order mark is dropped.
    """
    source = gzip.GzipFile(fileobj=file) if _is_gzip(file) else file
    line = 1
    carry: list[bytes] = []
    chunk = _read(source, first, line).removeprefix(_BOM)
    while chunk:
        end = chunk.rfind(b"\n") + 1
        if end:
            data = b"".join((*carry, chunk[:end]))
            yield Block(data, line)
            line += int(np.count_nonzero(np.frombuffer(data, np.uint8) == _FEED))
            carry = [chunk[end:]]
        else:
            carry.append(chunk)
        chunk = _read(source, size, line)
    if rest := b"".join(carry):
        yield Block(rest, line)


def _is_gzip(file: BinaryIO) -> bool:
    start = file.read(len(_GZIP))
    file.seek(0)
    return start == _GZIP


def _read(source: BinaryIO | gzip.GzipFile, size: int, line: int) -> bytes:
    try:
        return source.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError(line) from error


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
    """Tell whether `data` is valid UTF-8; Arrow does it ten times as fast as ``bytes.decode``."""
    if data.isascii():
        return True
    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
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


def sort_lines(block: Block) -> tuple[list[bytes], list[tuple[int, str]]]:
    """Return the lines that hold one JSON object, and number and reason of those that do not."""
    good: list[bytes] = []
    bad: list[tuple[int, str]] = []
    for number, raw in enumerate(block.data.split(b"\n"), block.line):
        line = raw.strip(b" \t\r")
        if not line:
            continue
        reason = _fault(line)
        if reason is None:
            good.append(line)
        else:
            bad.append((number, reason))
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
