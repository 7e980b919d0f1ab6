"""How a file of delimited values is written: its delimiter and quotes, told by its first bytes. Pure."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from lro_notebook.results.arrow.encodings import marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Bytes of a file, and rows in them, that tell its dialect.
SAMPLE, ROWS = 1 << 16, 200
DELIMITERS = ",\t;|\x01~"  # \x01 is that of Hive
_HALF = 0.5
_START = 8192  # bytes that `looks` is given; a file with fewer is whole
_FEW = 2  # rows, and columns, that a file has at least whose name does not tell its format
_LONG = 100_000  # the csv module reads no cell of more than 131,072 characters
_NAMED = re.compile(r"\.(csv|tsv|tab)(?:-\d+-of-\d+|[._-]?\d+)?(?:\.gz|\.gzip)?\Z", re.ASCII | re.IGNORECASE)
#: No suffix, or one that says nothing: a number, ``txt``, the place among shards.
_UNTOLD = re.compile(r"[^.]*(?:\.(?:txt|\d+|[\w ]+-\d+-of-\d+))?(?:\.gz|\.gzip)?\Z", re.ASCII | re.IGNORECASE)
#: What other formats begin with, whatever a file is called; and what no file begins with that only looks so.
_OTHER = re.compile(r"\s*+(?:[{\[]\s*+[\"{\[\]}]|%PDF|\x0b?(?:MSH|FHS|BHS)\|)")
_DOUBTFUL = re.compile(
    r"""\s*+[{\[<]|\s*+"(?:[^"\\]|\\.)*"\s*:|(?:[ \t]*\|[^\n]*\n)*[ \t]*\|[ \t]*:?-{3,}|.*\ufffd.""",
    re.DOTALL,
)
_SEGMENTS = re.compile(r"(?:[A-Z][A-Z0-9]{2}\|[^\r\n]*(?:[\r\n]+|\Z))+\Z")
_UNPRINTABLE = re.compile(r"[\x00\x02-\x08\x0e-\x1f\x7f]")
#: Which bytes of ASCII text in UTF-16 are zero.
_WIDE = (False, True, False, True)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are parted.

    Attributes
    ----------
    delimiter : str
        What stands between two cells.
    quote : str
        What stands around a cell that holds delimiters or line breaks; twice, where the cell holds it
        itself. Empty where quotes are text like any other.
    escapes : bool
        Whether a quote inside a quoted cell has a backslash before it, as Spark and MySQL write it.
    pads : bool
        Whether blanks stand between a delimiter and the quote of a cell.
    """

    delimiter: str = ","
    quote: str = '"'
    escapes: bool = False
    pads: bool = False

    def cells(self, row: str) -> list[str]:
        """Return the cells of a row, with or without the end of its line."""
        return next(iter(self.rows(row)), [])

    def rows(self, text: str) -> Iterable[list[str]]:
        """Return the cells of rows without very long cells; no row for a blank line."""
        if self.quote:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, quotechar=self.quote)
        else:
            reader = csv.reader(
                io.StringIO(text, newline=""), delimiter=self.delimiter, quoting=csv.QUOTE_NONE
            )
        return (row for row in reader if row)

    def plain(self, data: bytes, *, inside: bool = False) -> bytes:
        """Return `data` with quotes twice where backslashes were before them, and no blanks before cells.

        `inside` is whether it begins in a quoted cell.
        """
        if self.escapes:
            quote = self.quote.encode()
            data = _ESCAPED.sub(lambda match: quote * 2 if match[1] else match[0], data)
        return self._unpadded(data, inside=inside) if self.pads else data

    def _unpadded(self, data: bytes, *, inside: bool) -> bytes:
        quote, delimiter = self.quote.encode(), self.delimiter.encode()
        parts = data.split(quote)
        for place in range(int(inside), len(parts) - 1, 2):  # those outside of cells
            bare = parts[place].rstrip(b" ")
            if bare.endswith(delimiter):
                parts[place] = bare
        return quote.join(parts)


_ESCAPED = re.compile(rb"\\(?:\\|(\"))")
_NAMED_DELIMITER = re.compile(rb"\"?sep=([^\sA-Za-z0-9])\"?(?:\r\n|\r|\n)")


def first_line_names_delimiter(start: bytes) -> tuple[str, int]:
    """Return the delimiter that a first line ``sep=;`` of Excel names, and its length; empty without one."""
    found = _NAMED_DELIMITER.match(start)
    return (found[1].decode("latin-1"), found.end()) if found and found[1] < b"\x80" else ("", 0)


@lru_cache
def quoted_cell(dialect: Dialect) -> re.Pattern[bytes]:
    """Return a pattern for a quoted cell; its one group is the closing quote, empty where that is missing."""
    delimiter, quote = re.escape(dialect.delimiter.encode()), dialect.quote.encode()
    pattern = rb"(?<![^%b\r\n])%b[^%b]*+(?:%b%b[^%b]*+)*+(%b?)"
    return re.compile(pattern % (delimiter, *(quote,) * 6))


@lru_cache
def whole_line(dialect: Dialect) -> re.Pattern[bytes]:
    """Return a pattern for a line in which each quote that begins a cell is closed at its end."""
    delimiter, quote = re.escape(dialect.delimiter.encode()), dialect.quote.encode()
    cell = rb"(?:%b[^%b]*+(?:%b%b[^%b]*+)*+%b|(?!%b)[^%b\r\n]*+)" % (*(quote,) * 7, delimiter)
    return re.compile(rb"%b(?:%b%b)*+[\r\n]*" % (cell, delimiter, cell))


def encoding_of(start: bytes) -> tuple[str, int]:
    """Return the encoding that a byte order mark says, and the length of the mark.

    Without one it is UTF-8, or UTF-16 where each second byte is zero.
    """
    found = marked(start)
    if found is None and len(start) >= len(_WIDE):
        zeros = tuple(code == 0 for code in start[: len(_WIDE)])
        found = (f"utf-16-{'le' if zeros == _WIDE else 'be'}", 0) if zeros in {_WIDE, _WIDE[::-1]} else None
    return found or ("utf-8", 0)


def delimiter_of(name: str) -> str | None:
    """Return the delimiter that the name of a file says; None if it says none."""
    named = _NAMED.search(name)
    return None if named is None else "," if named[1].lower() == "csv" else "\t"


def sniff(start: bytes, name: str = "", *, whole: bool = False, delimiter: str = "") -> Dialect:
    """Return the dialect of a file.

    Parameters
    ----------
    start : bytes
        Its first bytes in UTF-8; not more than `SAMPLE` are looked at.
    name : str
        What it is called: its suffix decides between dialects that go as well.
    whole : bool
        Whether `start` is all of it.
    delimiter : str
        The delimiter, where the file says it.
    """
    whole = whole and len(start) <= SAMPLE
    start = start[:SAMPLE]
    dialect = _sniffed(start, name, whole=whole, delimiter=delimiter)
    return _rewritten(dialect, start, name, whole=whole, delimiter=delimiter)


def _rewritten(dialect: Dialect, start: bytes, name: str, *, whole: bool, delimiter: str) -> Dialect:
    """Return `dialect`, or one with escapes or blanks with which all quotes stand around whole cells."""
    text = start.decode(errors="replace")
    width, share = _evenness(_rows(dialect, text, whole=whole))
    is_wrong = not dialect.quote or _quoted(dialect, text, whole=whole)[0] > 0
    for escapes, pads in ((True, ""), *((escapes, each) for each in ",;|" for escapes in (False, True))):
        given = Dialect(pads or ",", escapes=escapes, pads=bool(pads))
        data = given.plain(start)
        if data == start or (delimiter and pads not in ("", delimiter)):
            continue
        found = _sniffed(data, name, whole=whole, delimiter=pads or delimiter)
        plain = data.decode(errors="replace")
        if found.quote != given.quote or _quoted(found, plain, whole=whole)[0]:
            continue
        new_width, new_share = _evenness(_rows(found, plain, whole=whole))
        if new_share >= share and (is_wrong or (pads and (new_share == 1 or new_width <= width))):
            return replace(found, escapes=escapes, pads=bool(pads))
    return dialect


def _sniffed(start: bytes, name: str, *, whole: bool, delimiter: str) -> Dialect:
    text = start.decode(errors="replace")
    if delimiter:
        return _with_quotes(Dialect(delimiter), text, whole=whole)
    named = delimiter_of(name) or ","
    found = [
        (share, width, delimiter == named, delimiter)
        for delimiter in DELIMITERS
        if delimiter in text
        for width, share in [_evenness(_rows(Dialect(delimiter), text, whole=whole))]
        if width > 1
    ]
    if named == "\t" and any(share > _HALF for share, *_, each in found if each == named):
        found = [one for one in found if one[-1] == named]
    return _with_quotes(Dialect(max(found, default=(0, 0, False, named))[-1]), text, whole=whole)


def _with_quotes(dialect: Dialect, text: str, *, whole: bool) -> Dialect:
    """Return `dialect` with the quotes that `text` has."""
    single = Dialect(dialect.delimiter, "'")
    usual = _evenness(_rows(dialect, text, whole=whole))
    if "'" in text and not _quoted(single, text, whole=whole)[0]:
        first = next(iter(_rows(Dialect(dialect.delimiter, ""), text, whole=whole)), [])
        all_quoted = all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in first)
        width, share = _evenness(_rows(single, text, whole=whole))
        if (all_quoted and first) or (share == 1 > usual[1] and width > 1):
            return single
    wrong, quoted = _quoted(dialect, text, whole=whole)
    if wrong > quoted * _HALF:
        plain = Dialect(dialect.delimiter, "")
        width, share = _evenness(_rows(plain, text, whole=whole))
        if share == 1 and width >= usual[0]:
            return plain
    return dialect


def _quoted(dialect: Dialect, text: str, *, whole: bool) -> tuple[int, int]:
    """Return how many cells have a quote that does not close at their end, and how many begin with one."""
    if not dialect.quote:
        return 0, 0
    data = text.encode()
    edges = {*dialect.delimiter.encode(), *b"\r\n"}
    wrong = count = 0
    for match in quoted_cell(dialect).finditer(data):
        end = match.end()
        if end == len(data) and not whole:
            break
        count += 1
        wrong += not match[1] or (end < len(data) and data[end] not in edges)
    return wrong, count


def _rows(dialect: Dialect, text: str, *, whole: bool) -> list[list[str]]:
    """Return the first rows; the last one in `text` only where it is whole, or no other is there."""
    rows: list[list[str]] = []
    try:
        for row in dialect.rows(text[:_LONG]):
            rows.append(row)
            if len(rows) > ROWS:
                break
    except csv.Error:  # a cell is too long: what is before it
        return rows
    return rows if whole or len(rows) <= 1 or text.endswith(("\n", "\r")) else rows[:-1]


def _evenness(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Return how many cells most rows have, and how large a part of all these are."""
    if not rows:
        return 0, 0.0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    return width, count / len(rows)


def looks(name: str, start: bytes) -> bool:
    """Tell whether a file holds delimited values; see `Format.looks`.

    A name says it unless the bytes are plainly something else. Without such a name, there have to be two
    rows at least, all of as many cells, and more than one.
    """
    named = delimiter_of(name) is not None
    if not named and not _UNTOLD.match(name):
        return False
    text = _text_of(start)
    if text is None or _OTHER.match(text):
        return False
    return named or _is_even(text, whole=len(start) < _START)


def _is_even(text: str, *, whole: bool) -> bool:
    """Tell whether a text without a telling name is of rows of as many cells each."""
    if _DOUBTFUL.match(text) or _SEGMENTS.match(text):
        return False
    dialect = sniff(text.encode(), whole=whole)
    rows = _rows(dialect, text, whole=whole)
    widths = set(map(len, rows))
    if len(rows) < _FEW or len(widths) > 1 or min(widths) < _FEW:
        return False
    inner = [cell for row in rows for cell in row[1:] if cell]
    is_prose = dialect.delimiter in ",;" and all(cell.startswith(" ") for cell in inner)
    return not is_prose and not _quoted(dialect, text, whole=whole)[0]


def _text_of(start: bytes) -> str | None:
    """Return the first bytes of a file as text, as far as they are whole; None if they are none."""
    if start.startswith(b"\x1f\x8b"):
        try:
            start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, SAMPLE)
        except zlib.error:
            return None
    encoding, mark = encoding_of(start)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(start[mark:])
    return None if _UNPRINTABLE.search(text) else text
