"""Avro's container files: a header with the schema, then blocks of rows. No row is decoded here.

All that the file says of lengths is judged before bytes are asked for; a block is decompressed up to a bound.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from lro_notebook.results.sources.seekable import NotCopiedError, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from lro_notebook.results.limits import Limits

MAGIC = b"Obj\x01"
DAMAGED = "not readable: the Avro file is damaged or cut off"
DAMAGED_PART = "not read in full: the Avro file is damaged or cut off"
_SYNC = 16
_LAST = 128  # bytes below it end a number
_LONGEST = 10  # bytes of a number
_CHECKSUM = 4


class AvroError(Exception):
    """A file, or the rest of it, is not read; the message says why, in fixed words."""


class CutError(Exception):
    """The file ends, with the bytes that are left."""

    def __init__(self, rest: bytes) -> None:
        super().__init__("cut off")
        self.rest = rest


class Block(NamedTuple):
    """Rows, decompressed.

    Attributes
    ----------
    rows : int
        How many, as the file says.
    data : bytes
        They.
    taken : int
        How many bytes of the file they took, without its gzip.
    reason : str
        Why this is not all of the block, or no more follows.
    """

    rows: int
    data: bytes
    taken: int
    reason: str = ""


class Container:
    """An Avro file that is read from its start to its end.

    Attributes
    ----------
    schema : bytes
        JSON.
    """

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._bytes, self._limits = _Bytes(pieces(stream)), limits
        try:
            head = self._header()
        except (CutError, NotCopiedError) as error:
            raise AvroError(DAMAGED) from error
        self.schema = head.get(b"avro.schema", b"")
        codec = head.get(b"avro.codec", b"null").decode("ascii", "replace")
        if codec not in _CODECS:
            raise AvroError("not readable: the Avro file is compressed in a way that is not known")
        self._unpack = _CODECS[codec]

    def _header(self) -> dict[bytes, bytes]:
        if self._bytes.take(len(MAGIC)) != MAGIC:
            raise AvroError(DAMAGED)
        found: dict[bytes, bytes] = {}
        left = self._limits.line
        while count := self._bytes.number():
            if count < 0:
                self._bytes.number()
            for _ in range(abs(count)):
                pair = []
                for _ in range(2):
                    length = self._bytes.number()
                    left -= length + 1
                    if length < 0 or left < 0:
                        raise AvroError(f"not read: its header has {self._limits.over('line', 'bytes')}")
                    pair.append(self._bytes.take(length))
                found[pair[0]] = pair[1]
        self._sync = self._bytes.take(_SYNC)
        return found

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks; the last one says what was wrong."""
        try:
            while not self._bytes.is_at_end:
                yield self._block()
        except CutError as cut:
            yield Block(0, cut.rest[:0], 0, DAMAGED_PART)
        except (AvroError, NotCopiedError) as error:
            yield Block(0, b"", 0, str(error))

    def _block(self) -> Block:
        most = self._limits.line
        count, length = self._bytes.number(), self._bytes.number()
        if count < 0 or length < 0:
            raise AvroError(DAMAGED_PART)
        if length > most:
            raise AvroError(f"not read in full: a block has {self._limits.over('line', 'bytes')}")
        reason = ""
        try:
            packed = self._bytes.take(length)
        except CutError as cut:
            packed, reason = cut.rest, DAMAGED_PART
        try:
            data = self._unpack(packed, most)
        except _FAULTS:  # a damaged block says nothing of those behind it
            data, reason = b"", reason or DAMAGED_PART
        if len(data) > most:
            data, reason = b"", f"not read in full: a block has {self._limits.over('line', 'bytes')}"
        if (not self._bytes.is_at_end or not reason) and self._bytes.take(_SYNC) != self._sync:
            self._bytes.drop()
            reason = DAMAGED_PART
        return Block(count, data, length + _SYNC, reason)


class _Bytes:
    """Pieces of bytes, read by any number of them."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._held, self._place, self._ended = parts, b"", 0, False

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return not self._fill(1)

    def take(self, count: int) -> bytes:
        """Return so many bytes."""
        if not self._fill(count):
            raise CutError(self._held[self._place :])
        start, self._place = self._place, self._place + count
        return self._held[start : self._place]

    def number(self) -> int:
        """Return a number of Avro's: seven bits a byte, the sign in the lowest bit."""
        value = 0
        for place in range(_LONGEST):
            byte = self.take(1)[0]
            value |= (byte & (_LAST - 1)) << 7 * place
            if byte < _LAST:
                return (value >> 1) ^ -(value & 1)
        raise AvroError(DAMAGED_PART)

    def drop(self) -> None:
        """Let go of the rest."""
        self._held, self._place, self._ended = b"", 0, True

    def _fill(self, count: int) -> bool:
        """Have so many bytes at hand; tell whether there are."""
        have = len(self._held) - self._place
        if have >= count:
            return True
        parts = [self._held[self._place :]]
        try:
            while have < count and not self._ended:
                part = next(self._parts, b"")
                self._ended = not part
                parts.append(part)
                have += len(part)
        finally:
            self._held, self._place = b"".join(parts), 0
        return have >= count


def _deflate(data: bytes, most: int) -> bytes:
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(data, most + 1)


def _snappy(data: bytes, most: int) -> bytes:
    """Return what is packed in ``snappy``, which says how much that is; its checksum is behind it."""
    size = shift = 0
    for byte in data[:5]:
        size |= (byte & (_LAST - 1)) << shift
        shift += 7
        if byte < _LAST:
            break
    if size > most:
        return bytes(most + 1)
    found: bytes = pa.Codec("snappy").decompress(data[:-_CHECKSUM], size, asbytes=True)
    if zlib.crc32(found) != int.from_bytes(data[-_CHECKSUM:], "big"):
        raise ValueError("checksum")
    return found


def _streamed(codec: str) -> Callable[[bytes, int], bytes]:
    def unpack(data: bytes, most: int) -> bytes:
        with pa.CompressedInputStream(pa.BufferReader(data), codec) as stream:
            found: bytes = stream.read(most + 1)
            return found

    return unpack


_CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "null": lambda data, _: data,
    "deflate": _deflate,
    "snappy": _snappy,
    "bzip2": lambda data, most: bz2.BZ2Decompressor().decompress(data, most + 1),
    "xz": lambda data, most: lzma.LZMADecompressor(memlimit=1 << 28).decompress(data, most + 1),
}
if pa.Codec.is_available("zstd"):
    _CODECS["zstandard"] = _streamed("zstd")
_FAULTS = (pa.ArrowException, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error)
