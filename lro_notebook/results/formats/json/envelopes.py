"""What the rows of a table of JSON documents are: the documents, or the elements of a list in each.

It is decided for a table as a whole. A list of known name decides alone. Of others all documents are looked
at: each must have the same list, with objects in it, and no second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from lro_notebook.results.arrow.encodings import as_utf8
from lro_notebook.results.arrow.json_structure import BLANKS, marks
from lro_notebook.results.arrow.json_values import NOT_JSON, elements, value_blocks
from lro_notebook.results.arrow.line_blocks import Block, sort_lines
from lro_notebook.results.formats.json.google_documents import kind_of
from lro_notebook.results.formats.json.members import members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from lro_notebook.results.arrow.json_values import Lines
    from lro_notebook.results.formats.json.members import Member
    from lro_notebook.results.limits import Limits

_START = 1 << 16  # bytes of a file that show its kind
_OBJECT = b"{"
_RATIO = 20  # of the fields beside a list, so many times what is in it
#: The name before those fields of a document whose names its elements have too.
DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the rows of a table of documents are.

    Attributes
    ----------
    lists : frozenset of str
        The list whose elements are the rows, under any of its names; none where a document is a row.
    plain : frozenset of str or None
        The fields beside the list that keep their names; None for all but those in `clashing`.
    clashing : frozenset of str
        Those that are put below `under`.
    under : str
        A name that no element has.
    """

    lists: frozenset[str] = frozenset()
    plain: frozenset[str] | None = None
    clashing: frozenset[str] = frozenset()
    under: str = DOCUMENT

    def keeps(self, key: str) -> bool:
        """Tell whether a field beside the list keeps its name."""
        return key not in self.clashing and (self.plain is None or key in self.plain)

    def splits(self, limits: Limits) -> Callable[[bytes, int], Lines] | None:
        """Return what makes the lines of a document; None where each document is one."""
        if not self.lists:
            return None
        return lambda data, line: self._split(data, line, limits)

    def _split(self, data: bytes, line: int, limits: Limits) -> Lines:
        here = marks(data)
        found = members(data, here)
        if found is None:
            return [here.text], [line], ""
        whole = len(here.at(0)) > 1
        listed = [member for member in found if member.is_list and member.key in self.lists]
        outer = self.outer(member for member in found if member not in listed and member.whole)
        if not listed:
            return ([_OBJECT + outer + b"}"], [line], "") if whole else ([], [], "")
        lines: list[bytes] = []
        numbers: list[int] = []
        if not is_object(outer, limits):
            lines, numbers, outer = [NOT_JSON], [line], b""
        for member in listed:
            first = here.lines([member.start], line)[0]
            rows, places = elements(data[member.start : member.start + len(member.text)], first, limits)
            lines += rows
            numbers += places
        beside = Beside(outer, limits)
        rows = [beside(row) for row in lines]
        return ([], [], beside.fault) if beside.is_over else (rows, numbers, "")

    def outer(self, found: Iterable[Member]) -> bytes:
        """Return the text of the fields beside the list."""
        plain: list[bytes] = []
        below: list[bytes] = []
        for member in found:
            text = orjson.dumps(member.key) + b":" + member.text
            (plain if self.keeps(member.key) else below).append(text)
        if below:
            plain.append(b'"%s":{%s}' % (self.under.encode(), b",".join(below)))
        return b",".join(plain)


def is_object(fields: bytes, limits: Limits) -> bool:
    """Tell whether the text of some fields can be read as that of an object."""
    good, _ = sort_lines(Block(_OBJECT + fields + b"}", 1, limits=limits))
    return bool(good)


class Beside:
    """Puts the fields that stand beside a list into its elements, up to a bound."""

    def __init__(self, outer: bytes, limits: Limits) -> None:
        self._outer, self._limits = outer, limits
        self._rows = self._bytes = 0

    def __call__(self, row: bytes) -> bytes:
        """Return an element on a line with the fields in front; as it is where it is no object."""
        self._rows += 1
        self._bytes += len(row)
        if not self._outer or self.is_over or not row.startswith(_OBJECT):
            return row
        rest = row[1:]
        return _OBJECT + self._outer + (rest if not rest.rstrip(b"}" + BLANKS) else b"," + rest)

    @property
    def is_over(self) -> bool:
        """Whether the fields would be much more than the elements are."""
        return len(self._outer) * self._rows > self._limits.line + _RATIO * self._bytes

    @property
    def fault(self) -> str:
        """Why the elements are not read then."""
        return f"too long with the fields beside its list: {self._limits.over('line', 'bytes')}"


def envelope_of(opened: Sequence[Callable[[], AbstractContextManager[BinaryIO]]], limits: Limits) -> Envelope:
    """Return what the rows of a table are, whose files the functions open.

    Of files the first bytes are read; all only where no document is of a kind that is known.
    """
    starts = []
    for each in opened:
        with each() as file:
            start = as_utf8(file).read(_START).lstrip(BLANKS)
        starts.append(start)
        kind = kind_of(start)
        if kind is not None:
            return Envelope(kind.lists, kind.fields)
    judge = _Judge(limits)
    for each, start in zip(opened, starts, strict=True):
        if start.startswith(_OBJECT):
            with each() as file:
                judge.look(file)
        if judge.is_decided:
            break
    return judge.verdict()


class _Decided(Exception):
    """A document was found that is not like an envelope."""


class _Judge:
    """Looks at documents until one tells that they are the rows."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._filled: set[str] = set()  # lists that held objects
        self._common: set[str] | None = None  # lists that all documents have
        self._outer: set[str] = set()
        self._inner: set[str] = set()
        self._bare = True  # a list is all that each document has
        self._count = 0
        self.is_decided = False

    def look(self, file: BinaryIO) -> None:
        """Look at the documents of a file: an envelope is the only value in it."""
        self._count = 0
        try:
            for _ in value_blocks(file, self._limits, self._seen):
                pass
        except _Decided:
            self.is_decided = True

    def _seen(self, data: bytes, line: int) -> Lines:
        del line
        here = marks(data)
        found = members(data, here)
        self._count += 1
        if self._count > 1 or found is None:
            raise _Decided
        lists = {member.key for member in found if member.holds_objects or member.is_empty}
        self._common = lists if self._common is None else self._common & lists
        self._filled |= {member.key for member in found if member.holds_objects}
        self._outer |= {member.key for member in found}
        self._bare = self._bare and len(found) == 1
        if not self._common or len(self._filled) > 1:
            raise _Decided
        if len(self._outer) > 1:
            for member in found:
                if member.key in self._filled:
                    self._inner |= _keys(elements(member.text, 1, self._limits)[0])
        return [], [], ""

    def verdict(self) -> Envelope:
        """Return what was found."""
        lists = self._filled or (set(self._common or ()) if self._bare else set())
        if self.is_decided or not lists or not lists <= (self._common or set()):
            return Envelope()
        under = DOCUMENT
        while under in self._inner | self._outer:
            under += "_"
        return Envelope(frozenset(lists), None, frozenset((self._outer - lists) & self._inner), under)


def _keys(lines: Iterable[bytes]) -> set[str]:
    keys: set[str] = set()
    for line in lines:
        try:
            keys.update(orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError):  # what reads the line says so, or orjson alone refuses
            keys.update(member.key for member in members(line) or ())
    return keys
