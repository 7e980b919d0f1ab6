r"""Bytes to lines: line-aligned blocks of a file, and which of their lines hold one JSON object each.

Builds no tables. Breaks lines at ``\n`` only, since U+2028 and its like are legal inside JSON strings.
"""

from __future__ import annotations

import json
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, Self

import numpy as np
import orjson
import pyarrow as pa

from lro_notebook.results.limits import DEFAULT, MAX_NESTING, TOO_DEEP, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FIRST_BLOCK = 1 << 20  # enough to learn the schema from, cheap to parse twice
BLOCK = 4 << 20
DAMAGED = "not readable: the compressed data is damaged from here on"
MAX_DEPTH = 100  # deeper values become JSON text; pyarrow's parser overflows the stack at some thousands

_GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
_FEED, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
LONG = 4096  # shorter lines cannot nest so deep that pyarrow's parser overflows the stack
_MANY = 1000
_COMPRESSED = 1 << 14  # bytes of a gzip file that are read at once; they may become a thousand times more
# A string, with the colon of a key behind it. One without an end goes to the end of the data, so that no byte
# is looked at twice.
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+(?:\s*+:)?+', re.DOTALL)
_FILLED = re.compile(rb"[^ \t\r\n][^\n]*")  # a line from its first character that is no space
_STRETCH = 1 << 20  # bytes whose brackets are counted at once


Codes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file, or of several.

    Attributes
    ----------
    data : bytes
        The lines.
    line : int
        The number of the first one, from 1.
    taken : int
        How many more bytes of the file, as stored, were read for it.
    fault : str
        Why the line `line`, or all from there on, cannot be read; `data` is empty then.
    limits : Limits
        What is too much.
    joined : bool
        Whether the lines are of several files, which can be parsed apart.
    numbers : sequence of int
        The number that each line has in the file, where they do not follow each other.
    """

    data: bytes
    line: int
    taken: int = 0
    fault: str = ""
    limits: Limits = DEFAULT
    joined: bool = False
    numbers: Sequence[int] = ()


def blocks(
    file: BinaryIO, limits: Limits = DEFAULT, *, first: int = FIRST_BLOCK, size: int = BLOCK
) -> Iterator[Block]:
    """Yield the lines of `file` in blocks of about `size` bytes; a longer line is a block by itself.

    gzip is recognised by its first bytes, and may have several members. Where it is damaged, all lines before
    the damage come first, then a block that says so. So does one for each line that is too long: of those
    nothing is kept. A byte order mark is dropped.
    """
    source = decompressed(file)
    line, place = 1, 0
    long = _Long(limits)
    # No more at once than one line may have: so only the first line of a piece can be too long.
    batch = source.read(min(first, limits.line)).removeprefix(BOM)
    while batch:
        end = batch.find(b"\n") + 1
        if long.carry and end and long.size + end - 1 > limits.line:
            before, place = place, file.tell()
            yield Block(b"", line, place - before, long.fault)
            line, batch, end = line + 1, batch[end:], batch.find(b"\n", end) + 1 - end
            long = _Long(limits)
        end = batch.rfind(b"\n") + 1
        if end:
            data = b"".join((*long.carry, memoryview(batch)[:end]))
            before, place = place, file.tell()
            yield Block(data, line, place - before, limits=limits)
            line += int(np.count_nonzero(np.frombuffer(data, np.uint8) == _FEED))
            long = _Long(limits)
        long.add(batch[end:])
        batch = source.read(min(size, limits.line))
    yield from _last(source, long, line, file.tell() - place)


class _Long:
    """The start of a line whose end is not read yet; forgotten where it gets too long."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.fault = f"too long: {limits.over('line', 'bytes')}"
        self.carry: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        """Take a part that holds no line feed."""
        self.size += len(part)
        if self.size > self.limits.line:
            self.carry = [b""]
        elif part:
            self.carry.append(part)


def _last(source: BinaryIO | Gunzip, long: _Long, line: int, taken: int) -> Iterator[Block]:
    """Yield what stands behind the last line feed, and what is damaged."""
    rest = b"".join(long.carry)
    damaged = isinstance(source, Gunzip) and source.damaged
    if long.carry and not rest:
        yield Block(b"", line, taken, long.fault)
        line += 1
    elif rest and not (damaged and _fault(rest)):
        yield Block(rest, line, taken, limits=long.limits)
        line += 1
    if damaged:
        yield Block(b"", line, fault=DAMAGED)


def decompressed(file: BinaryIO) -> BinaryIO | Gunzip:
    """Return what gives the data of `file` from its start, which may be gzip."""
    file.seek(0)
    start = file.read(len(_GZIP))
    file.seek(0)
    return Gunzip(file) if start == _GZIP else file


class Gunzip:
    """The data in a gzip file, member after member, up to the first damage.

    Unlike `gzip.GzipFile` it gives all that comes before a damage, then sets `damaged`. It never holds much
    more than what is asked for.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._member = _new_member()
        self._input = self._output = b""
        self.damaged = False

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        parts = [self._output]
        wanted = size - len(self._output)
        while wanted > 0 and not self.damaged:
            data = self._input or self._file.read(_COMPRESSED)
            if self._member.eof:
                if not data:
                    break
                self._input = data.lstrip(b"\0")  # members may be padded
                if not self._input:
                    continue
                data, self._member = self._input, _new_member()
            part = self._inflate(data, wanted)
            if not data and not part:
                self.damaged = not self._member.eof
            parts.append(part)
            wanted -= len(part)
        whole = b"".join(parts)
        self._output = whole[size:]
        return whole[:size]

    def _inflate(self, data: bytes, most: int) -> bytes:
        before = self._member.copy()
        try:
            part = bytes(self._member.decompress(data, most))
        except zlib.error:
            self.damaged = True
            return b"".join(_byte_by_byte(before, data))
        self._input = self._member.unused_data or self._member.unconsumed_tail
        return part


def _byte_by_byte(member: Any, data: bytes) -> Iterator[bytes]:
    """Yield what comes before the damage in `data`, to the last byte."""
    with suppress(zlib.error):
        for place in range(len(data)):
            yield member.decompress(data[place : place + 1])


def _new_member() -> Any:
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
    if any(_depth(codes[starts[n] : ends[n]]) > MAX_DEPTH for n in np.flatnonzero(lengths > LONG)):
        return None
    return len(ends) if is_utf8(data) else None


def _line_ends(codes: Codes) -> np.ndarray[Any, np.dtype[np.int64]]:
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


def _depth(codes: Codes) -> int:
    """Return how deep the brackets of a line nest at most; 0 where they are too few to matter."""
    folded = codes | 0x20
    return deepest(codes) if np.count_nonzero(folded == _OPEN) > _MANY else 0


def deepest(codes: Codes) -> int:
    """Return how deep brackets nest at most, those inside strings included."""
    level = most = 0
    for start in range(0, len(codes), _STRETCH):
        folded = (
            codes[start : start + _STRETCH] | 0x20
        )  # "[" and "{" differ in this bit only, as do "]" and "}"
        steps = (folded == _OPEN).astype(np.int8) - (folded == _CLOSE)
        levels = np.cumsum(steps, dtype=np.int32)
        most = max(most, level + int(levels.max()))
        level += int(levels[-1])
    return most


class Unlisted(str):
    """Why bad lines stand in no list: there are too many, `lines` of them."""

    __slots__ = ("lines",)
    lines: int

    @classmethod
    def of(cls, count: int, limits: Limits) -> Self:
        """Return the reason for so many lines."""
        reason = cls(limits.over("bad_lines", "bad lines"))
        reason.lines = count
        return reason


def sort_lines(block: Block) -> tuple[list[tuple[int, bytes]], list[tuple[int, str]]]:
    """Return number and bytes of the lines that hold one JSON object, number and reason of the others.

    Of bad lines past the limit the last reason is `Unlisted`. Blank lines cost nothing.
    """
    good: list[tuple[int, bytes]] = []
    bad: list[tuple[int, str]] = []
    number, place, unlisted, first = block.line, 0, 0, 0
    for match in _FILLED.finditer(block.data):
        number += block.data.count(b"\n", place, match.start())
        place = match.start()
        line = match[0].rstrip(b" \t\r").removeprefix(BOM)  # files with marks may have been joined
        if not line:
            continue
        full = len(bad) >= block.limits.bad_lines
        if full and not line.startswith((b"{", b" ", b"\t", b"\r")):
            unlisted, first = unlisted + 1, first or number
            continue
        reason = _deep(line) or _fault(line) or _wide(line, block.limits)
        if reason is None:
            good.append((number, line))
        elif full:
            unlisted, first = unlisted + 1, first or number
        else:
            bad.append((number, reason))
    if unlisted:
        bad.append((first, Unlisted.of(unlisted, block.limits)))
    if block.fault:
        bad.append((block.line, block.fault))
    return good, bad


def _deep(line: bytes) -> str | None:
    return TOO_DEEP if nests_deeper(line, MAX_NESTING) else None


def _wide(line: bytes, limits: Limits) -> str | None:
    """Return whether an object has more paths of keys than a table may have columns."""
    if line.count(b":") <= limits.columns:
        return None
    paths: dict[tuple[int, str], int] = {}
    stack: list[tuple[int, Any]] = [(0, _DECODER.decode(line.decode()))]
    while stack:
        here, value = stack.pop()
        if isinstance(value, list):
            stack.extend((here, part) for part in value)
        elif isinstance(value, dict):
            stack.extend((paths.setdefault((here, key), len(paths) + 1), part) for key, part in value.items())
        if len(paths) > limits.columns:
            return f"too wide: {limits.over('columns', 'different keys')}"
    return None


def keys_of(data: bytes) -> int:
    """Return about how many different keys the objects in `data` have."""
    return sum(text.endswith(b":") for text in set(_TEXTS.findall(data)))


def nests_deeper(text: bytes, most: int) -> bool:
    """Tell whether the objects and lists of a JSON text nest more than `most` levels deep."""
    if text.count(b"{") + text.count(b"[") <= most:
        return False
    deep = deepest(np.frombuffer(text, np.uint8)) > most
    return deep and deepest(np.frombuffer(_TEXTS.sub(b"", text), np.uint8)) > most


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
        return TOO_DEEP
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
