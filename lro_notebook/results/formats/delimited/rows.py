"""Bytes of delimited values to blocks of whole rows, each row with the number of its line. Splits no cells.

A line break inside quotes is part of a cell. So that one quote without an end costs one line and not the rest
of the file, the lines that it would swallow are judged one by one.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from lro_notebook.results.arrow.lines import (
    BLOCK,
    DAMAGED,
    Codes,
    Gunzip,
    Unlisted,
    decompressed,
    is_utf8,
)
from lro_notebook.results.formats.delimited.dialect import encoding_of, quoted_cell, whole_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from lro_notebook.results.formats.delimited.dialect import Dialect
    from lro_notebook.results.limits import Limits

UNCLOSED = "a quote is not closed, or closed before the end of its cell"
IN_NAMES = "not valid {}: in the names of the columns U+FFFD stands for what is not"
_FEED, _RETURN = b"\n\r"
_MOST = 1 << 30  # bytes of a block: pyarrow's parser counts them in 32 bits

#: What is wrong with a row.
_WRONG, _TOO_LONG, _NOT_TEXT = 1, 2, 3
_ASCII, _NOTHING = 0x7F, 256

Places = np.ndarray[Any, np.dtype[np.int64]]
Marks = np.ndarray[Any, np.dtype[np.bool_]]


class Rows(NamedTuple):
    """Whole rows.

    Attributes
    ----------
    data : bytes
        They, without those that are bad.
    starts, numbers : array
        Where in `data` each begins, and the number of its line.
    bad : list of (int, str)
        Number and reason of the lines that were left out.
    used, lines : int
        How many bytes, and line breaks, of what was split they and the bad ones took.
    """

    data: bytes
    starts: Places
    numbers: Places
    bad: list[tuple[int, str]]
    used: int = 0
    lines: int = 0

    @classmethod
    def fault(cls, line: int, reason: str) -> Self:
        """Return no rows, and why: what is wrong from `line` on, from 1; 0 for a file as a whole."""
        none = np.zeros(0, np.int64)
        return cls(b"", none, none, [(line, reason)])

    def behind(self, count: int) -> Self:
        """Return them without the first `count`."""
        start = int(self.starts[count]) if count < len(self.starts) else len(self.data)
        return self._replace(
            data=self.data[start:], starts=self.starts[count:] - start, numbers=self.numbers[count:]
        )

    def filled(self) -> Places:
        """Return which of them are no blank lines."""
        codes = np.frombuffer(self.data, np.uint8)
        return np.flatnonzero(~np.isin(codes[self.starts], (_FEED, _RETURN)))


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits the bytes of a file at the ends of its rows.

    Attributes
    ----------
    dialect : Dialect
        How its cells are quoted.
    limits : Limits
        What is too much.
    encoding : str
        The encoding of the file, for reasons.
    """

    dialect: Dialect
    limits: Limits
    encoding: str = "UTF-8"

    def split(self, data: bytes, line: int, *, last: bool = False, force: bool = False) -> Rows:
        """Return the rows at the start of `data`, whose first line is `line`.

        Parameters
        ----------
        data : bytes
            Begins with a row.
        line : int
            The number of its first line.
        last : bool
            Whether nothing comes behind it, so that it ends with a row too.
        force : bool
            Whether a row that does not end in it is no row.
        """
        codes = np.frombuffer(data, np.uint8)
        ends = _line_ends(data, codes, last=last)
        is_end, faulty = self._ends_of_rows(data, codes, ends, last=last, force=force)
        row_ends = ends[is_end]
        used = int(row_ends[-1]) if len(row_ends) else 0
        starts = np.concatenate((np.zeros(1, np.int64), row_ends))[:-1]
        numbers = line + np.searchsorted(ends, starts, "right")
        lines = int(np.searchsorted(ends, used, "right"))
        faults = np.zeros(len(starts), np.uint8)
        faults[np.unique(np.searchsorted(row_ends, faulty, "right"))] = _WRONG
        faults[row_ends - starts > self.limits.line] = _TOO_LONG
        if not is_utf8(data[:used]):
            high = np.flatnonzero(codes[:used] > _ASCII)
            rows = np.unique(np.searchsorted(row_ends, high, "right"))
            rows = rows[faults[rows] == 0]
            pairs = zip(starts[rows].tolist(), row_ends[rows].tolist(), strict=True)
            faults[rows[[not _decodes(data[start:end]) for start, end in pairs]]] = _NOT_TEXT
        if not faults.any():
            return Rows(data[:used], starts, numbers, [], used, lines)
        keep = faults == 0
        lengths = row_ends - starts
        kept = codes[:used][np.repeat(keep, lengths)].tobytes()
        places = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths[keep])))[:-1]
        return Rows(kept, places, numbers[keep], self._listed(faults, numbers), used, lines)

    def _listed(self, faults: Codes, numbers: Places) -> list[tuple[int, str]]:
        """Return number and reason of the lines with a fault; of those past the limit only how many."""
        reasons = {
            _WRONG: UNCLOSED,
            _TOO_LONG: f"too long: {self.limits.over('line', 'bytes')}",
            _NOT_TEXT: f"not valid {self.encoding}",
        }
        rows = np.flatnonzero(faults)
        most = self.limits.bad_lines
        listed = rows[:most]
        pairs = zip(numbers[listed].tolist(), faults[listed].tolist(), strict=True)
        bad = [(number, reasons[fault]) for number, fault in pairs]
        if len(rows) > most:
            bad.append((int(numbers[rows[most]]), Unlisted.of(len(rows) - most, self.limits)))
        return bad

    def _ends_of_rows(
        self, data: bytes, codes: Codes, ends: Places, *, last: bool, force: bool
    ) -> tuple[Marks, list[int]]:
        """Return which of the line `ends` end a row, and where in the data a quote is wrong."""
        everywhere = np.ones(len(ends), bool)
        quote = self.dialect.quote.encode()
        if not quote or quote not in data:
            return everywhere, []
        quotes = np.flatnonzero(codes == quote[0])
        if not force and not (last and len(quotes) % 2) and self._are_well_formed(codes, quotes):
            return np.searchsorted(quotes, ends) % 2 == 0, []
        return self._judged_one_by_one(data, codes, ends, last=last, force=force)

    def _are_well_formed(self, codes: Codes, quotes: Places) -> bool:
        """Tell whether each first of two quotes begins a cell and each second ends one, or both are one."""
        edge = np.zeros(256, bool)
        edge[[*self.dialect.delimiter.encode(), *self.dialect.quote.encode(), _FEED, _RETURN]] = True
        opening, closing = quotes[::2], quotes[1::2]
        before = opening[1:] if len(opening) and opening[0] == 0 else opening
        behind = closing[:-1] if len(closing) and closing[-1] == len(codes) - 1 else closing
        return bool(edge[codes[before - 1]].all() and edge[codes[behind + 1]].all())

    def _judged_one_by_one(
        self, data: bytes, codes: Codes, ends: Places, *, last: bool, force: bool
    ) -> tuple[Marks, list[int]]:
        """Return the same of data in which some quotes do not stand around whole cells: cell by cell."""
        spans = [(*match.span(), bool(match[1])) for match in quoted_cell(self.dialect).finditer(data)]
        if not spans:
            return np.ones(len(ends), bool), []
        open_end = not spans[-1][2] and not (force or last)  # more of that cell may come
        starts, stops, closed = (np.array(part, np.int64) for part in zip(*spans, strict=True))
        first, behind = (np.searchsorted(ends - 1, places) for places in (starts, stops))
        if last and stops[-1] == len(data):
            behind[-1] = min(behind[-1], len(ends) - 1)  # what ends there is the last row
        if open_end:
            behind[-1] = len(ends)
        depth = np.zeros(len(ends) + 1, np.int64)
        np.add.at(depth, first, 1)
        np.add.at(depth, behind, -1)
        is_end = np.cumsum(depth)[:-1] == 0
        edge = np.zeros(257, bool)
        edge[[*self.dialect.delimiter.encode(), _FEED, _RETURN, _NOTHING]] = True
        is_wrong = (closed == 0) | ~edge[np.append(codes.astype(np.int64), _NOTHING)[stops]]
        wrong = starts[is_wrong[: len(spans) - open_end].nonzero()[0]]
        if force and len(ends) and not is_end.any():  # a row that does not end within the limit
            wrong = np.zeros(1, np.int64)
        return self._lines_apart(data, codes, ends, is_end, wrong) if len(wrong) else (is_end, [])

    def _lines_apart(
        self, data: bytes, codes: Codes, ends: Places, is_end: Marks, wrong: Places
    ) -> tuple[Marks, list[int]]:
        """Make each line of the rows with a wrong quote a row, and judge it alone."""
        row_ends = ends[is_end]
        rows = np.unique(np.searchsorted(row_ends, wrong, "right"))
        apart = np.isin(np.searchsorted(row_ends, ends), rows)
        quoted = np.searchsorted(ends, np.flatnonzero(codes == ord(self.dialect.quote)), "right")
        lines = np.unique(quoted[quoted < len(ends)])
        lines = lines[apart[lines]]
        starts = np.concatenate((np.zeros(1, np.int64), ends))
        pairs = zip(starts[lines].tolist(), ends[lines].tolist(), strict=True)
        right = whole_line(self.dialect)
        return is_end | apart, [start for start, end in pairs if not right.fullmatch(data, start, end)]


def _line_ends(data: bytes, codes: Codes, *, last: bool) -> Places:
    """Return the places behind the line breaks; also behind the last byte, if that ends the `last` row."""
    ends = np.flatnonzero(codes == _FEED) + 1
    if b"\r" in data:
        returns = np.flatnonzero(codes == _RETURN) + 1
        followed = returns[returns < len(codes)]
        alone = followed[codes[followed] != _FEED]
        at_end = returns[len(followed) :] if last else returns[:0]  # else a line feed may come next
        if len(alone) or len(at_end):
            ends = np.sort(np.concatenate((ends, alone, at_end)))
    if last and len(codes) and not (len(ends) and ends[-1] == len(codes)):
        ends = np.append(ends, len(codes))
    return ends


def _decodes(row: bytes) -> bool:
    try:
        row.decode()
    except UnicodeDecodeError:
        return False
    return True


def bounded(bad: list[tuple[int, str]], limits: Limits) -> list[tuple[int, str]]:
    """Return bad lines, of those past the limit only how many they are."""
    more = len(bad) - limits.bad_lines
    if more <= 0:
        return bad
    return [*bad[: limits.bad_lines], (bad[limits.bad_lines][0], Unlisted.of(more, limits))]


def _lone(error: UnicodeError) -> tuple[str, int]:
    """Stand in for what cannot be decoded: a surrogate, which becomes invalid UTF-8, and so a bad row."""
    return ("\udcff", error.end) if isinstance(error, UnicodeDecodeError) else ("", 0)


codecs.register_error("lro_notebook.lone", _lone)


class Text:
    """The text in a file as UTF-8, from its start: decompressed, without its byte order mark.

    Attributes
    ----------
    encoding : str
        What the mark says: ``utf-8`` without one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._source = decompressed(file)
        start = self._source.read(4)
        self.encoding, mark = encoding_of(start)
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


class Window:
    """Goes over the text of a file, and gives its rows in blocks of about `size` bytes.

    A longer row is a block by itself, up to the limit.
    """

    def __init__(self, text: Text, start: bytes, splitter: Splitter, size: int = BLOCK) -> None:
        self._text, self._held, self._splitter, self._size = text, start, splitter, size
        self._line = 1

    def blocks(self) -> Iterator[Rows]:
        """Yield the rows, and the lines that are none."""
        limit = self._splitter.limits.line
        more = True
        while more:
            rows = self._taken()
            if not rows.used and len(self._held) > limit:
                rows = self._taken(force=True)
                if not rows.used:
                    yield self._skipped()
                    continue
            if rows.used:
                yield rows
            part = self._text.read(min(max(self._size, len(self._held)), max(limit, 1), _MOST))
            more = bool(part)
            self._held += part
        if self._held and not self._text.is_damaged:
            yield self._taken(last=True)
        if self._text.is_damaged:
            yield Rows.fault(self._line, DAMAGED)

    def _taken(self, *, last: bool = False, force: bool = False) -> Rows:
        rows = self._splitter.split(self._held, self._line, last=last, force=force)
        self._held = self._held[rows.used :]
        self._line += rows.lines
        return rows

    def _skipped(self) -> Rows:
        """Pass over the rest of a line that is too long, of which nothing is kept."""
        limits, line = self._splitter.limits, self._line
        while True:
            ends = _line_ends(self._held, np.frombuffer(self._held, np.uint8), last=False)
            if len(ends):
                self._held = self._held[int(ends[0]) :]
                self._line += 1
                break
            tail = b"\r" if self._held.endswith(b"\r") else b""
            part = self._text.read(min(self._size, _MOST))
            self._held = tail + part if part else b""
            if not part:
                break
        return Rows.fault(line, f"too long: {limits.over('line', 'bytes')}")
