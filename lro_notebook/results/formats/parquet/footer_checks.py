"""What a Parquet file says of itself, judged before a library takes it at its word.

A few bytes can claim a page of gigabytes, a billion values, or a type that nests ten thousand levels deep.
Reads footers and the heads of pages only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.results.arrow.line_blocks import MAX_DEPTH
from lro_notebook.results.formats.parquet.thrift import Compact, ThriftError
from lro_notebook.results.memory_estimate import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.limits import Limits

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
DAMAGED = "not readable: the Parquet file is damaged or cut off"
DAMAGED_PART = "not read in full: a part of the Parquet file is damaged"
FIXED_LISTS = (
    "not read in full: of its lists of a fixed size some are missing, which needs pyarrow 26: "
    "pip install --upgrade pyarrow"
)
LOCKED = "not readable: the Parquet file is encrypted"
TOO_DEEP = f"nested too deep: more than {MAX_DEPTH} levels"

_TAIL = 8  # bytes behind the footer: its length and the magic
_SCHEMA = 2  # the field of the footer
_CHILDREN = 5  # the field of an element of the schema
_GROUPS, _COLUMNS, _ROWS, _META = 4, 1, 3, 3  # fields of the footer, of a row group, of a column in it
_VALUES, _SIZE, _PAGES, _WORDS = 5, 7, 9, 11  # fields of what a column in it is: values, bytes, two places
_TREE = 200  # bytes of memory that a byte of a footer may become
_HEADS = (1 << 8, 1 << 14, 1 << 20, 1 << 24)  # bytes that the head of a page may have; most have some dozen
_DICTIONARY, _DATA, _DATA_V2 = 2, 0, 3  # types of pages
_HEAD_OF = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}  # their fields, in which field 1 is how many values
_ENCODING_OF = {_DATA: 2, _DATA_V2: 4}
_OF_A_DICTIONARY = (2, 8)  # the encodings in which a value is the number of a word
_SHARED_PREFIXES = 7  # the encoding in which a value names how much of the one before it begins it
_MOST_ROWS = 1 << 16
LARGEST = 64 << 20  # bytes of text that a piece may become
_PIECE = 4 << 20  # bytes that the rows of a piece should take


class ClaimError(Exception):
    """A file, or a part of it, is not read; the message says why, in fixed words."""


def checked_footer(file: BinaryIO, limits: Limits) -> bytes:
    """Return the footer of a file.

    Raises
    ------
    ClaimError
        It has none that may be given to a library.
    """
    size = file.seek(0, 2)
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    if tail[4:] == ENCRYPTED:
        raise ClaimError(LOCKED)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or not 0 < length <= size - _TAIL - len(MAGIC):
        raise ClaimError(DAMAGED)
    if length > limits.line:
        raise ClaimError(f"not read: its footer has {limits.over('line', 'bytes')}")
    if length * _TREE > (available() or length * _TREE):
        raise ClaimError("not read: its footer may take more memory than there is")
    file.seek(size - _TAIL - length)
    footer = file.read(length)
    try:
        elements = _schema(Compact(footer))
    except ThriftError as error:
        raise ClaimError(DAMAGED) from error
    if _depth(elements) > MAX_DEPTH:
        raise ClaimError(TOO_DEEP)
    file.seek(0)
    return footer


def _schema(footer: Compact) -> list[dict[int, Any]]:
    """Return the elements of the schema, which comes first but for the version."""
    found = footer.field(_SCHEMA)
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise ThriftError("no schema")
    return found


def _depth(elements: Sequence[dict[int, Any]]) -> int:
    """Return how deep the tree nests that is written as a list: each node before its children."""
    deepest, open_children = 0, [1]
    for element in elements:
        while open_children and not open_children[-1]:
            open_children.pop()
        if not open_children:
            break
        open_children[-1] -= 1
        open_children.append(max(int(element.get(_CHILDREN) or 0), 0))
        deepest = max(deepest, len(open_children))
    return deepest


class Group(NamedTuple):
    """A row group, as the footer has it: how many rows, and where its columns are."""

    rows: int
    chunks: list[Any]


def groups(footer: bytes) -> Iterator[Group]:
    """Yield the row groups; pyarrow, asked for one that contradicts itself, ends the process.

    Raises
    ------
    ClaimError
        One is damaged.
    """
    try:
        for group in Compact(footer).elements(_GROUPS):
            chunks = group.get(_COLUMNS)
            yield Group(_count(group, _ROWS), chunks if isinstance(chunks, list) else [])
    except ThriftError as error:
        raise ClaimError(DAMAGED_PART) from error


class Chunk(NamedTuple):
    """The values of one column in a row group.

    Attributes
    ----------
    start, size : int
        Its bytes in the file.
    values : int
        How many there are, with nulls.
    width : int
        Bytes of a value of fixed length; 0 where they vary.
    repeats : bool
        Whether it is in a list.
    """

    start: int
    size: int
    values: int
    width: int
    repeats: bool

    @classmethod
    def of(cls, group: Group, leaf: int, column: Any) -> Chunk:
        """Return the chunk of a leaf in a row group, whose `column` is in pyarrow's schema."""
        chunk = group.chunks[leaf] if leaf < len(group.chunks) else None
        meta = chunk.get(_META) if isinstance(chunk, dict) else None
        if not isinstance(meta, dict):
            raise ClaimError(DAMAGED_PART)
        try:
            start, size, values = (_count(meta, number) for number in (_PAGES, _SIZE, _VALUES))
            words = _count(meta, _WORDS) if _WORDS in meta else 0
        except ThriftError as error:
            raise ClaimError(DAMAGED_PART) from error
        kind = column.physical_type
        width = 0 if kind == "BYTE_ARRAY" else column.length if kind == "FIXED_LEN_BYTE_ARRAY" else 8
        start = words if 0 < words < start else start
        return cls(start, size, values, max(width, 0), column.max_repetition_level > 0)


class _Page(NamedTuple):
    kind: int
    size: int
    values: int
    encoding: int


class Claim(NamedTuple):
    """What a chunk says of itself.

    Attributes
    ----------
    weight : float
        About how many bytes a row has, at the densest place.
    words : {"", "some", "all"}
        How many of its values, text or bytes, stand in a dictionary. A word that is there once may stand in
        a million rows: `weight` does not count it.
    """

    weight: float
    words: str = ""


def rows_at_once(claims: Sequence[Claim], longest: int, limits: Limits) -> int:
    """Return how many rows may be decoded at once, in which a word has so many bytes at most."""
    weight = sum(claim.weight for claim in claims)
    by_bytes = int(_PIECE / weight) if weight else _MOST_ROWS
    by_words = LARGEST // longest if longest else _MOST_ROWS
    return max(1, min(_MOST_ROWS, by_bytes, by_words, limits.cells // max(len(claims), 1)))


def claim_of(file: BinaryIO, chunk: Chunk, rows: int, limits: Limits) -> Claim:
    """Return what a chunk of a row group with so many `rows` says of itself.

    Raises
    ------
    ClaimError
        Too much: a page, or a list.
    """
    try:
        first, *others = pages = list(_pages(file, chunk, limits)) or [_Page(_DATA, 0, 0, 0)]
    except ThriftError as error:
        raise ClaimError(DAMAGED_PART) from error
    if any(page.kind == _DICTIONARY for page in others):  # one comes first, or there is none
        raise ClaimError(DAMAGED_PART)
    data = [page for page in pages if page.kind != _DICTIONARY]
    values = sum(page.values for page in data)
    if values > limits.cells and (chunk.repeats or any(page.values > limits.cells for page in pages)):
        raise ClaimError(f"not read in full: a part has {limits.over('cells', 'values')}")
    a_row = max(1.0, values / max(rows, 1))
    if chunk.width:
        return Claim(a_row * chunk.width)
    if any(page.encoding == _SHARED_PREFIXES for page in pages):
        return Claim(a_row * max(page.size for page in pages), "some" if first.kind == _DICTIONARY else "")
    density = a_row * max((page.size / max(page.values, 1) for page in data), default=1.0)
    if first.kind != _DICTIONARY:
        return Claim(density)
    is_all = all(page.encoding in _OF_A_DICTIONARY for page in data)
    return Claim(a_row * 8, "all") if is_all else Claim(max(a_row * 8, density), "some")


def _pages(file: BinaryIO, chunk: Chunk, limits: Limits) -> Iterator[_Page]:
    place, end, seen = chunk.start, chunk.start + chunk.size, 0
    while place < end and seen < chunk.values:
        head, length = _head(file, place)
        kind, size, packed = (_count(head, number) for number in (1, 2, 3))
        if size > limits.line:
            raise ClaimError(f"not read in full: a page has {limits.over('line', 'bytes')}")
        inner = head.get(_HEAD_OF.get(kind, 0))
        inner = inner if isinstance(inner, dict) else {}
        values = _count(inner, 1) if inner else 0
        encoding = inner.get(_ENCODING_OF.get(kind, 0), 0)
        yield _Page(kind, size, values, encoding)
        seen += values if kind != _DICTIONARY else 0
        place += length + packed


def _count(fields: dict[int, Any], number: int) -> int:
    value = fields.get(number)
    if not isinstance(value, int) or value < 0:
        raise ThriftError("no page")
    return value


def _head(file: BinaryIO, place: int) -> tuple[dict[int, Any], int]:
    """Return the head of the page at `place`, and how many bytes it has."""
    for most in _HEADS:
        file.seek(place)
        compact = Compact(data := file.read(most))
        try:
            return compact.struct(), compact.place
        except ThriftError:
            if len(data) < most or most == _HEADS[-1]:
                raise
    raise AssertionError("one of the two ends it")
