"""Files of JSON values to blocks of one object a line: a list gives its elements, any other value itself.

The text of a value stays as it is but for line feeds: so what reads lines keeps numbers exact, and finds
what is no JSON. Holds a piece of the file and one value at a time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

import orjson

from lro_notebook.results.arrow.encodings import as_utf8
from lro_notebook.results.arrow.json_structure import BLANKS, Marks, State, marks
from lro_notebook.results.arrow.line_blocks import BLOCK, DAMAGED, FIRST_BLOCK, Block
from lro_notebook.results.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.encodings import Utf8

    #: Makes the lines of an object on the top level, as it stands in the file, and of its line there.
    Split = Callable[[bytes, int], "Lines"]
    Lines = tuple[list[bytes], list[int], str]

_PIECE = 1 << 20  # bytes that are looked at together
_OBJECT, _END = b"{]"
#: Lines that stand for what is not read: what reads lines says why.
_NOT_OBJECT, NOT_JSON = b"null", b"?"
_GAP = 1 << 20  # bytes that are no object, and that are judged together
_RESTARTS = 100
_RESTART = re.compile(rb"\n(?=[{\[])")
CUT_OFF = "cut off: it does not end in this file"
LOST = "not valid JSON from here on"


class LargeError(Exception):
    """The first value of a file is an object that is not held as a whole; nothing was made of it."""


def value_blocks(
    file: BinaryIO, limits: Limits = DEFAULT, split: Split | None = None, *, hold: int | None = None
) -> Iterator[Block]:
    """Yield the objects in `file` in blocks of some MB, each on a line, with the numbers of their lines.

    gzip, a byte order mark and the encodings that it tells are recognised. What is no object is a line that
    cannot be read. A value that is too long, and one that does not end, is a block that says so.

    Parameters
    ----------
    file : binary file
        Values one after the other, with blanks between them at most: objects, and lists of objects.
    limits : Limits
        What is too much.
    split : callable, optional
        Makes lines of the objects that are in no list.
    hold : int, optional
        Bytes of such an object from which on it is large.

    Raises
    ------
    LargeError
        The file begins with an object that is large.
    """
    yield from cut(as_utf8(file), Cutter(limits, split, hold=hold), limits)


def cut(source: Utf8, cutter: Cutter, limits: Limits) -> Iterator[Block]:
    """Yield what a cutter makes of what is left of a text."""
    place, most = 0, FIRST_BLOCK
    for piece in pieces(source, limits):
        cutter.take(piece)
        if cutter.size >= most or cutter.blocks:
            before, place, most = place, source.tell(), BLOCK
            yield from cutter.emptied(place - before)
    cutter.end(damaged=source.damaged)
    yield from cutter.emptied(source.tell() - place)


def pieces(source: Utf8, limits: Limits) -> Iterator[bytes]:
    """Yield what is left of a text."""
    while piece := source.read(min(_PIECE, limits.line)):
        yield piece


def elements(text: bytes, line: int, limits: Limits) -> tuple[list[bytes], list[int]]:
    """Return the lines of a list that begins on this line of a file, and their numbers."""
    cutter = Cutter(limits, line=line)
    cutter.take(text)
    return cutter.lines, cutter.numbers


class Cutter:
    """Takes a file piece by piece, and cuts values out of it.

    Parameters
    ----------
    limits, split, hold
        See `value_blocks`.
    line : int
        The first line.
    shape : callable, optional
        Is called with each line, and returns what it becomes.
    """

    def __init__(
        self,
        limits: Limits,
        split: Split | None = None,
        line: int = 1,
        *,
        hold: int | None = None,
        shape: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._limits, self._split, self._hold, self._shape = limits, split, hold, shape
        self.blocks: list[Block] = []
        self.size = 0  # of the lines
        self.lines: list[bytes] = []
        self.numbers: list[int] = []
        self._state = State()
        self._line = line  # of the piece
        self._kind = 0  # of the value on the top level that is open
        self._value: list[bytes] | None = None  # the parts of the object that is open
        self._length = self._start = 0  # its bytes so far, its line
        self._since = 0  # the line of the gap
        self._gap = self._left = b""  # what stands between objects, and what was before it
        self._emptied = False
        self._restarts, self._lost, self._fed = 0, False, True

    def take(self, data: bytes) -> None:
        """Take the next piece."""
        while data:
            data = self._sought(data) if self._lost else self._taken(data)

    def emptied(self, taken: int) -> Iterator[Block]:
        """Yield what there is, and forget it."""
        self._flush()
        self._emptied = self._emptied or bool(self.blocks)
        blocks, self.blocks = self.blocks, []
        for number, block in enumerate(blocks):
            yield (
                block
                if number
                else Block(block.data, block.line, taken, block.fault, block.limits, numbers=block.numbers)
            )

    def end(self, *, damaged: bool) -> None:
        """Judge what is left open at the end of the file."""
        if not self._kind:
            self._judge_gap(self._line)
        elif self._value is not None and self._split and self._kind == _OBJECT and not self._is_long:
            self._put(*self._split(b"".join(self._value), self._start))
        if damaged:
            self._fault(self._line, DAMAGED)
        elif self._kind:
            is_long = self._value is not None and self._is_long
            line = self._line if self._value is None else self._start
            self._fault(line, self._too_long if is_long else CUT_OFF)

    def _taken(self, data: bytes) -> bytes:
        """Take a piece up to its end, or to a bracket that closes nothing; return what is left then."""
        here = marks(data, self._state)
        stray = here.depths < 0
        last = int(stray.argmax()) if len(stray) and stray.any() else len(here.places)
        stop = int(here.places[last]) if last < len(here.places) else len(data)
        self._walk(data, here, last, stop)
        self._state = here.state
        if stop == len(data):
            self._line += len(here.feeds)
            return b""
        self._line += here.lines([stop], 0)[0]
        self._judge_gap(self._line)
        self._put([NOT_JSON], [self._line])
        self._lost, self._fed, self._kind, self._state = True, False, 0, State()
        self._restarts += 1
        if self._restarts == _RESTARTS:
            self._fault(self._line, LOST)
        return data[stop + 1 :]

    def _sought(self, data: bytes) -> bytes:
        """Return what is left where a value begins on a new line."""
        found = None if self._restarts >= _RESTARTS else _RESTART.search(data)
        if self._fed and self._restarts < _RESTARTS and data[0] in b"{[":
            self._lost = False
            return data
        self._fed = data.endswith(b"\n")
        self._line += data.count(b"\n", 0, found.end() if found else len(data))
        if found:
            self._lost = False
            return data[found.end() :]
        return b""

    def _walk(self, data: bytes, here: Marks, last: int, stop: int) -> None:
        """Go through the values on the top level that are in a piece, whose first `last` brackets count."""
        place = done = 0
        for number in (here.depths[:last] == 0).nonzero()[0].tolist():
            at = int(here.places[number])
            if not self._kind:
                self._between(here, place, at)
                self._judge_gap(self._line)
                self._kind, place, self._left = data[at], at, b""
                if self._kind == _OBJECT:
                    self._open(here.lines([at], self._line)[0])
                else:
                    place += 1
            else:
                if self._kind == _OBJECT:
                    self._close((data if self._split else here.text)[place : at + 1])
                else:
                    self._elements(here, (done, number), place, at)
                    self._judge_gap(here.lines([at], self._line)[0])
                    if data[at] != _END:
                        self._put([NOT_JSON], here.lines([at], self._line))
                self._kind, place = 0, at + 1
            done = number + 1
        if self._kind == _OBJECT:
            self._add((data if self._split else here.text)[place:stop])
        elif self._kind:
            self._elements(here, (done, last), place, stop)
            self._judge_part(self._line)
        else:
            self._between(here, place, stop)

    def _elements(self, here: Marks, brackets: tuple[int, int], place: int, stop: int) -> None:
        """Cut the objects out of a part of a list."""
        text, places = here.text, here.at(1, *brackets)
        if self._value is not None:
            if not places:
                self._add(text[place:stop])
                return
            end = places.pop(0) + 1
            self._close(text[place:end])
            place = end
        starts, ends = places[::2], [end + 1 for end in places[1::2]]
        numbers = here.lines(starts, self._line)
        if starts:
            self._between(here, place, starts[0])
            self._judge_gap(numbers[0], before=True)
        gaps = [text[end:start] for end, start in zip(ends, starts[1:], strict=False)]
        found = [text[start:end] for start, end in zip(starts, ends, strict=False)]
        if b";".join(gaps).translate(None, BLANKS) == b";".join([b","] * len(gaps)):
            self._put(found, numbers[: len(found)])
        else:
            self._put_apart(here, starts, ends)
        if found:
            self._left = b"0"
        if len(starts) > len(ends):
            self._open(numbers[-1])
            self._add(text[starts[-1] : stop])
        else:
            self._between(here, ends[-1] if ends else place, stop)

    def _put_apart(self, here: Marks, starts: Sequence[int], ends: Sequence[int]) -> None:
        """Put elements of a list of which not all are objects."""
        numbers = here.lines([*starts], self._line)
        for index, end in enumerate(ends):
            self._put([here.text[starts[index] : end]], [numbers[index]])
            self._left = b"0"
            if index + 1 < len(starts):
                self._between(here, end, starts[index + 1])
                self._judge_gap(numbers[index + 1], before=True)

    def _open(self, line: int) -> None:
        self._value, self._length, self._start = [], 0, line

    def _add(self, part: bytes) -> None:
        if self._value is not None:
            self._length += len(part)
            self._value.append(part)
            if self._hold and self._length > self._hold and self._kind == _OBJECT and self._is_first:
                raise LargeError
            if self._is_long:
                self._value.clear()

    def _close(self, part: bytes) -> None:
        self._add(part)
        parts, self._value, self._left = self._value or [], None, b"0"
        if self._is_long:
            self._fault(self._start, self._too_long)
        elif self._split and self._kind == _OBJECT:
            self._put(*self._split(b"".join(parts), self._start))
        else:
            self._put([b"".join(parts)], [self._start])

    @property
    def _is_long(self) -> bool:
        return self._length > self._limits.line

    @property
    def _is_first(self) -> bool:
        return not (self.lines or self.blocks or self._emptied)

    @property
    def _too_long(self) -> str:
        return f"too long: {self._limits.over('line', 'bytes')}"

    def _between(self, here: Marks, start: int, end: int) -> None:
        """Take what stands between objects."""
        text = here.text[start:end]
        bare = text.translate(None, BLANKS)
        if bare and not self._gap.strip(b","):
            rest = text.lstrip(BLANKS + b",") or text.lstrip(BLANKS)
            self._since = here.lines([end - len(rest)], self._line)[0]
        self._gap = (self._gap + bare)[:_GAP]

    def _judge_part(self, line: int) -> None:
        """Judge the elements of a list that are no objects, so far: they may be many."""
        end = self._gap.rfind(b",")
        if end > 0:
            rest, self._gap = self._gap[end + 1 :], self._gap[:end]
            self._judge_gap(line)
            self._gap, self._left = rest, b"0,"

    def _judge_gap(self, line: int, *, before: bool = False) -> None:
        """Make lines of what stands between objects, if it is more than the comma of a list."""
        gap, self._gap = self._gap, b""
        line = self._since if gap else line
        if not self._kind:
            if gap:
                self._put([_NOT_OBJECT if _is_json(gap) else NOT_JSON], [line])
            return
        left, right = self._left, b"0" if before else b""
        if gap == (b"," if left == b"0" and right else b"") and (right or left != b"0,"):
            return
        whole = b"[%b %b %b]" % (left, gap, right)
        if not _is_json(whole):
            self._put([NOT_JSON], [line])
            return
        count = len(orjson.loads(whole)) - bool(left) - before
        self._put([_NOT_OBJECT] * count, [line] * count)

    def _put(self, lines: Sequence[bytes], numbers: Sequence[int], fault: str = "") -> None:
        lines = [self._shape(line) for line in lines] if self._shape else lines
        self.lines.extend(lines)
        self.numbers.extend(numbers)
        self.size += sum(map(len, lines))
        if fault:
            self._fault(self._start, fault)

    def _fault(self, line: int, fault: str) -> None:
        self._flush()
        self.blocks.append(Block(b"", line, fault=fault, limits=self._limits))

    def _flush(self) -> None:
        if self.lines:
            data = b"\n".join(self.lines) + b"\n"
            numbers = self.numbers
            self.blocks.append(Block(data, numbers[0], limits=self._limits, numbers=numbers))
            self.lines, self.numbers, self.size = [], [], 0


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
