"""Envelopes that are too large to be held: their fields first, then the elements of their list as they come.

The file is read twice, since what stands behind the list belongs to each element of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lro_notebook.results.arrow.encodings import as_utf8
from lro_notebook.results.arrow.json_structure import BLANKS, START, marks
from lro_notebook.results.arrow.json_values import CUT_OFF, Cutter, LargeError, cut, pieces, value_blocks
from lro_notebook.results.arrow.line_blocks import BLOCK, DAMAGED, Block
from lro_notebook.results.formats.json.envelopes import Beside, is_object
from lro_notebook.results.formats.json.members import members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.arrow.encodings import Utf8
    from lro_notebook.results.formats.json.envelopes import Envelope
    from lro_notebook.results.limits import Limits

HOLD = 8_000_000  # bytes of a document that are held: some times as many are needed to look at it
_LONGEST_KEY = 4096
_ESCAPE = ord("\\")
_LIST = b"["


def rows_of(
    envelope: Envelope, file: BinaryIO, limits: Limits, *, hold: int | None = None
) -> Iterator[Block]:
    """Yield the rows in a file of documents; see `value_blocks`."""
    split = envelope.splits(limits)
    try:
        yield from value_blocks(file, limits, split, hold=(hold or HOLD) if split else None)
    except LargeError:
        file.seek(0)
        outer = _outer_of(envelope, as_utf8(file), limits)
        file.seek(0)
        yield from _streamed(envelope, as_utf8(file), limits, *outer)


class _Part(NamedTuple):
    """A part of an object: what stands between its objects and lists, or in one of these.

    Attributes
    ----------
    key : str or None
        The field that the object or list is of; None for what is between them.
    text : bytes
        As in the file, but on one line where it is between.
    line : int
        Where it begins.
    place : int
        How many objects and lists were before; -1 for what is between them.
    """

    key: str | None
    text: bytes
    line: int
    place: int = -1


class _Object:
    """The object at the start of a text, part by part.

    Attributes
    ----------
    rest : bytes or None
        What the last piece holds behind it; None until it has ended.
    line : int
        Where that begins.
    """

    def __init__(self, source: Utf8, limits: Limits) -> None:
        self._source, self._limits = source, limits
        self.rest: bytes | None = None
        self.line = 1

    def parts(self) -> Iterator[_Part]:
        """Yield all parts."""
        state, key, before, count, begun = START, None, b"", 0, False
        for piece in pieces(self._source, self._limits):
            here = marks(piece, state)
            place, state = 0, here.state
            for number in (here.depths <= 1).nonzero()[0].tolist():
                at, depth = int(here.places[number]), int(here.depths[number])
                if not begun:
                    begun = True
                    continue
                if key is not None:
                    yield _Part(key, piece[place : at + 1], here.lines([place], self.line)[0], count)
                    key, before, place, count = None, b" ", at + 1, count + 1
                    continue
                end = at if depth else at + 1
                yield _Part(None, here.text[place:end], self.line)
                before, place = before + here.text[place:end], end
                if not depth:
                    self.rest, self.line = piece[end:], here.lines([at], self.line)[0]
                    return
                key = _key(before)
            if key is not None:
                yield _Part(key, piece[place:], here.lines([place], self.line)[0], count)
            else:
                yield _Part(None, here.text[place:], self.line)
                before = (before + here.text[place:])[-_LONGEST_KEY:]
            self.line += len(here.feeds)


def _key(before: bytes) -> str:
    """Return the field whose value comes next; what is no JSON is said of the object as a whole."""
    name = before[-_LONGEST_KEY:].rstrip(BLANKS).removesuffix(b":").rstrip(BLANKS)
    start = name.rfind(b'"', 0, -1)
    while start > 0 and _is_escaped(name, start):
        start = name.rfind(b'"', 0, start)
    try:
        return str(json.loads(name[max(start, 0) :]))
    except ValueError:
        return ""


def _is_escaped(text: bytes, place: int) -> bool:
    first = place
    while first and text[first - 1] == _ESCAPE:
        first -= 1
    return (place - first) % 2 == 1


def _outer_of(envelope: Envelope, source: Utf8, limits: Limits) -> tuple[bytes, str]:
    """Return the fields beside the list of the object at the start of a text; or why they are not read."""
    kept: list[bytes] = []
    size, place, is_list = 0, -1, False
    for part in _Object(source, limits).parts():
        text = part.text
        if part.place != place:
            place, is_list = part.place, part.key in envelope.lists and text.startswith(_LIST)
            text = b"[]" if is_list else text
        elif is_list:
            text = b""
        kept.append(text)
        size += len(text)
        if size > limits.line:
            return b"", f"too long: {limits.over('line', 'bytes')}"
    found = members(b"".join(kept).lstrip(BLANKS))
    beside = [m for m in found or () if m.whole and not (m.is_list and m.key in envelope.lists)]
    outer = envelope.outer(beside)
    if found is None or not is_object(outer, limits):
        return b"", "not valid JSON"
    return outer, ""


def _streamed(envelope: Envelope, source: Utf8, limits: Limits, outer: bytes, fault: str) -> Iterator[Block]:
    beside = Beside(outer, limits)
    whole, place, taken = _Object(source, limits), -1, 0
    is_list = has_list = False
    if fault:
        yield Block(b"", 1, fault=fault)
    cutter = Cutter(limits, shape=beside)
    for part in whole.parts():
        if beside.is_over or part.key not in envelope.lists:
            continue
        if part.place != place:
            yield from cutter.emptied(0)
            place, is_list = part.place, part.text.startswith(_LIST)
            has_list = has_list or is_list
            cutter = Cutter(limits, line=part.line, shape=beside)
        if is_list:
            cutter.take(part.text)
        if beside.is_over:
            yield Block(b"", part.line, fault=beside.fault)
            cutter = Cutter(limits)
        if cutter.size >= BLOCK or cutter.blocks:
            before, taken = taken, source.tell()
            yield from cutter.emptied(taken - before)
    yield from cutter.emptied(source.tell() - taken)
    if whole.rest is None:
        yield Block(b"", whole.line, fault=DAMAGED if source.damaged else CUT_OFF)
        return
    if not (has_list or fault):
        yield Block(b"{%b}\n" % outer, 1, limits=limits)
    after = Cutter(limits, envelope.splits(limits), whole.line)
    after.take(whole.rest)
    yield from cut(source, after, limits)
