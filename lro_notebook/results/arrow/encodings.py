"""Text in the encodings that a byte order mark tells, as UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, BinaryIO, cast

from lro_notebook.results.arrow.line_blocks import DAMAGED, Block, Gunzip, blocks, decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.limits import Limits

#: Marks, the longer ones first: that of UTF-16 begins as that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_LONGEST = 4
_NO_TEXT = "\udcff"  # becomes a byte that no UTF-8 has: what reads it says so


def marked(start: bytes) -> tuple[str, int] | None:
    """Return the encoding that a byte order mark says, and the length of the mark; None without one."""
    return next(((name, len(mark)) for mark, name in _MARKS if start.startswith(mark)), None)


def encoding_of(start: bytes) -> str:
    """Return the encoding of text that begins so, by its byte order mark, which is in the text for it.

    UTF-8 where there is none.
    """
    found = marked(start)
    return found[0].removesuffix("-le").removesuffix("-be") if found else "utf-8"


def utf8_of(start: bytes) -> bytes:
    """Return the start of a text as UTF-8, without a byte order mark; what is cut at its end is left out."""
    encoding = encoding_of(start)
    if encoding == "utf-8":
        return start.removeprefix(codecs.BOM_UTF8)
    return codecs.getincrementaldecoder(encoding)("replace").decode(start).encode()


def as_utf8(file: BinaryIO) -> Utf8:
    """Return what gives the text in `file` from its start, which may be gzip, as UTF-8 without a mark."""
    return Utf8(file)


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _NO_TEXT, error.end


codecs.register_error("lro_notebook.marked", _marked)


class Utf8:
    """The text of a file as UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begin()

    def _begin(self) -> None:
        self._source = decompressed(self._file)
        start = self._source.read(_LONGEST)
        self.encoding = encoding_of(start)
        self._decoder: codecs.IncrementalDecoder | None = None
        if self.encoding == "utf-8":
            self._start = start.removeprefix(codecs.BOM_UTF8)
        else:
            self._decoder = codecs.getincrementaldecoder(self.encoding)("lro_notebook.marked")
            self._start = self._recoded(self._decoder, start)

    @property
    def damaged(self) -> bool:
        """Whether compressed data was found damaged."""
        return isinstance(self._source, Gunzip) and self._source.damaged

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        if size < 0:
            raise ValueError("a text is read in pieces")
        parts, wanted = [self._start], size - len(self._start)
        while wanted > 0:
            data = self._source.read(wanted)
            part = data if self._decoder is None else self._recoded(self._decoder, data)
            parts.append(part)
            wanted -= len(part)
            if not data:
                break
        whole = b"".join(parts)
        self._start = whole[size:]
        return whole[:size]

    @staticmethod
    def _recoded(decoder: codecs.IncrementalDecoder, data: bytes) -> bytes:
        return decoder.decode(data, not data).encode("utf-8", "surrogatepass")

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go back to the start, the only place there is."""
        if place or whence:
            raise io.UnsupportedOperation("a text is read from its start")
        self._begin()
        return 0

    def tell(self) -> int:
        """Return how many bytes of the file, as stored, were read."""
        return self._file.tell()


def text_blocks(file: BinaryIO, limits: Limits) -> Iterator[Block]:
    """Yield the lines of `file` as `lines.blocks`; another encoding is known by its byte order mark."""
    is_utf8 = encoding_of(decompressed(file).read(4)) == "utf-8"
    file.seek(0)
    if is_utf8:
        yield from blocks(file, limits)
        return
    text, line = Utf8(file), 1
    for block in blocks(cast("BinaryIO", text), limits):
        yield block
        line = block.line + block.data.count(b"\n") + bool(block.fault)
    if text.damaged:
        yield Block(b"", line, fault=DAMAGED)
