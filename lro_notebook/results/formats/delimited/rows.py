"""Bytes of delimited values to blocks of whole rows, each row with the number of its line. Splits no cells.

A line break inside quotes is part of a cell. So that one quote without an end costs one line and not the rest
of the file, the lines that it would swallow are judged one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from lro_notebook.results.arrow.line_blocks import (
    BLOCK,
    DAMAGED,
    Codes,
    Unlisted,
    is_utf8,
)
from lro_notebook.results.formats.delimited.charset import as_text
from lro_notebook.results.formats.delimited.dialect import quoted_cell, whole_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.formats.delimited.charset import Text
    from lro_notebook.results.formats.delimited.dialect import Dialect
    from lro_notebook.results.limits import Limits

UNCLOSED = "a quote is not closed, or closed before the end of its cell"
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
        bad = self._listed(faults, numbers)
        misread = np.flatnonzero(faults == _NOT_TEXT)
        if len(misread):
            data, starts, row_ends, reasons = self._as_text(data, starts, row_ends, misread)
            bad = sorted([*bad, *zip(numbers[misread].tolist(), reasons, strict=True)], key=itemgetter(0))
            codes = np.frombuffer(data, np.uint8)
        keep = (faults == 0) | (faults == _NOT_TEXT)
        lengths = row_ends - starts
        total = len(data) if len(misread) else used
        kept = codes[:total][np.repeat(keep, lengths)].tobytes()
        places = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths[keep])))[:-1]
        return Rows(kept, places, numbers[keep], bad, used, lines)

    def _as_text(
        self, data: bytes, starts: Places, ends: Places, rows: Places
    ) -> tuple[bytes, Places, Places, list[str]]:
        """Return all rows with those of `rows` as UTF-8, where each begins and ends, and what was done."""
        texts, reasons, parts, place = [], [], [], 0
        for start, end in zip(starts[rows].tolist(), ends[rows].tolist(), strict=True):
            text, reason = as_text(data[start:end], self.encoding)
            texts.append(text)
            reasons.append(reason)
            parts += [data[place:start], text]
            place = end
        lengths = ends - starts
        lengths[rows] = [len(text) for text in texts]
        parts.append(data[place : int(ends[-1])])
        behind = np.cumsum(lengths)
        return b"".join(parts), behind - lengths, behind, reasons

    def _listed(self, faults: Codes, numbers: Places) -> list[tuple[int, str]]:
        """Return number and reason of the lines with a fault; of those past the limit only how many."""
        reasons = {
            _WRONG: UNCLOSED,
            _TOO_LONG: f"too long: {self.limits.over('line', 'bytes')}",
        }
        rows = np.flatnonzero((faults != 0) & (faults != _NOT_TEXT))
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


class Window:
    """Goes over the text of a file, and gives its rows in blocks of about `size` bytes.

    A longer row is a block by itself, up to the limit.
    """

    def __init__(
        self, text: Text, start: bytes, splitter: Splitter, size: int = BLOCK, *, line: int = 1
    ) -> None:
        self._text, self._splitter, self._size, self._line = text, splitter, size, line
        self._raw = b""  # what may be rewritten with what comes behind it
        self._inside = False  # whether that begins in a quoted cell
        self._held = self._plain(start)

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
            self._held += self._plain(part)
        if self._held and not self._text.is_damaged:
            yield self._taken(last=True)
        if self._text.is_damaged:
            yield Rows.fault(self._line, DAMAGED)

    def _plain(self, part: bytes) -> bytes:
        """Return what comes next as the dialect reads it, whole as far as more could change it."""
        dialect = self._splitter.dialect
        if not (dialect.escapes or dialect.pads):
            return part
        data = self._raw + part
        edge = {*dialect.delimiter.encode(), *dialect.quote.encode(), *b"\\ "}
        end = len(data)
        while part and end and data[end - 1] in edge:
            end -= 1
        self._raw = data[end:]
        plain = dialect.plain(data[:end], inside=self._inside)
        self._inside ^= bool(plain.count(dialect.quote.encode()) % 2)
        return plain

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
            self._held = tail + self._plain(part) if part else b""
            if not part:
                break
        return Rows.fault(line, f"too long: {limits.over('line', 'bytes')}")
