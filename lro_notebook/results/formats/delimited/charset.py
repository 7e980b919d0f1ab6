"""The text of files of delimited values, whatever character set it is in, as UTF-8."""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import TYPE_CHECKING

from lro_notebook.results.arrow.line_blocks import Gunzip, decompressed
from lro_notebook.results.formats.delimited.dialect import encoding_of
from lro_notebook.results.formats.hl7v2.charsets import DEFAULT

if TYPE_CHECKING:
    from typing import BinaryIO

READ_AS = (
    "not valid UTF-8 here; such lines are read as {}, encoding= of read_results and op.load says another"
)
REPLACED = "not valid {}: U+FFFD stands for what is not"


def as_text(row: bytes, encoding: str = "UTF-8") -> tuple[bytes, str]:
    """Return a row that is not UTF-8 as UTF-8, and what was done: it is Latin text of 8 bits, or damaged."""
    text = row.decode(errors="replace")
    wrong = text.count("\ufffd")
    if encoding != "UTF-8" or sum(letter > "\x7f" for letter in text) - wrong > wrong:
        return text.encode(), REPLACED.format(encoding)
    for codec in DEFAULT:
        with suppress(UnicodeDecodeError):
            return row.decode(codec).encode(), READ_AS.format(codec)
    return text.encode(), REPLACED.format(encoding)


def _lone(error: UnicodeError) -> tuple[str, int]:
    """Stand in for what cannot be decoded: a surrogate, which becomes invalid UTF-8, and so a bad row."""
    return ("\udcff", error.end) if isinstance(error, UnicodeDecodeError) else ("", 0)


codecs.register_error("lro_notebook.lone", _lone)


class Text:
    """The text in a file as UTF-8, from its start: decompressed, without its byte order mark.

    Attributes
    ----------
    encoding : str
        What the mark says: without one that which the user gave, or ``utf-8``.
    """

    def __init__(self, file: BinaryIO, encoding: str = "") -> None:
        self._source = decompressed(file)
        start = self._source.read(4)
        self.encoding, mark = encoding_of(start)
        if encoding and not mark and self.encoding == "utf-8":
            self.encoding = encoding.replace("_", "-")
        self._held = start[mark:]
        self._decoder = (
            None
            if self.encoding == "utf-8"
            else codecs.getincrementaldecoder(self.encoding)("lro_notebook.lone")
        )

    @property
    def is_damaged(self) -> bool:
        """Whether what was compressed could not be read to its end."""
        return isinstance(self._source, Gunzip) and self._source.damaged

    def read(self, size: int) -> bytes:
        """Return about `size` more bytes; none only at the end."""
        data, self._held = self._held + self._source.read(size), b""
        if self._decoder is None:
            return data
        text = self._decoder.decode(data, final=not data)
        while data and not text:  # a part of a character
            data = self._source.read(size)
            text = self._decoder.decode(data, final=not data)
        return text.encode(errors="surrogatepass")
