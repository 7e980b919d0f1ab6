"""What a Parquet file says of itself, judged before a library takes it at its word.

A few bytes can claim a page of gigabytes, a billion values, or a type that nests ten thousand levels deep.
Reads footers and the heads of pages only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.results.arrow.lines import MAX_DEPTH
from lro_notebook.results.formats.thrift import Compact, ThriftError
from lro_notebook.results.memory import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from lro_notebook.results.limits import Limits

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
DAMAGED = "not readable: the Parquet file is damaged or cut off"
DAMAGED_PART = "not read in full: a part of the Parquet file is damaged"
LOCKED = "not readable: the Parquet file is encrypted"
TOO_DEEP = f"nested too deep: more than {MAX_DEPTH} levels"

_TAIL = 8  # bytes behind the footer: its length and the magic
_SCHEMA = 2  # the field of the footer
_CHILDREN = 5  # the field of an element of the schema
_TREE = 200  # bytes of memory that a byte of a footer may become
_HEADS = (1 << 8, 1 << 14, 1 << 20, 1 << 24)  # bytes that the head of a page may have; most have some dozen
_DICTIONARY, _DATA, _DATA_V2 = 2, 0, 3  # types of pages
_HEAD_OF = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}  # their fields, in which field 1 is how many values
_ENCODING_OF = {_DATA: 2, _DATA_V2: 4}
_SHARED_PREFIXES = 7  # the encoding in which a value names how much of the one before it begins it
_MOST_ROWS = 1 << 16
_PIECE = 16 << 20  # bytes that the rows of a piece should take


class ClaimError(Exception):
    """A file, or a part of it, is not read; the message says why, in fixed words."""


def check_footer(file: BinaryIO, limits: Limits) -> None:
    """Raise `ClaimError` where a file has no footer that may be given to a library."""
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
    try:
        elements = _schema(Compact(file.read(length)))
    except ThriftError as error:
        raise ClaimError(DAMAGED) from error
    if _depth(elements) > MAX_DEPTH:
        raise ClaimError(TOO_DEEP)
    file.seek(0)


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


class Chunk(NamedTuple):
    """The values of one column in a row group, as pyarrow's metadata places them.

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
    def of(cls, parquet: Any, group: int, leaf: int) -> Chunk:
        """Return the chunk of a column of a row group."""
        meta, column = parquet.metadata.row_group(group).column(leaf), parquet.schema.column(leaf)
        start = meta.data_page_offset
        if meta.has_dictionary_page and 0 < (meta.dictionary_page_offset or 0) < start:
            start = meta.dictionary_page_offset
        kind = column.physical_type
        width = 0 if kind == "BYTE_ARRAY" else column.length if kind == "FIXED_LEN_BYTE_ARRAY" else 8
        repeats = column.max_repetition_level > 0
        return cls(start, meta.total_compressed_size, meta.num_values, max(width, 0), repeats)


class _Page(NamedTuple):
    kind: int
    size: int
    values: int
    encoding: int


def rows_at_once(file: BinaryIO, chunks: Sequence[Chunk], rows: int, limits: Limits) -> int:
    """Return how many rows of a row group with so many `rows` may be decoded at once.

    Raises
    ------
    ClaimError
        None: a page or a list claims too much.
    """
    weight = sum(_weight(file, chunk, rows, limits) for chunk in chunks)
    by_bytes = int(_PIECE / weight) if weight else _MOST_ROWS
    return max(1, min(_MOST_ROWS, by_bytes, limits.cells // max(len(chunks), 1)))


def _weight(file: BinaryIO, chunk: Chunk, rows: int, limits: Limits) -> float:
    """Return about how many bytes a row has in a chunk, at its densest place."""
    try:
        pages = list(_pages(file, chunk, limits))
    except ThriftError as error:
        raise ClaimError(DAMAGED_PART) from error
    values = sum(page.values for page in pages if page.kind != _DICTIONARY)
    if values > limits.cells and (chunk.repeats or any(page.values > limits.cells for page in pages)):
        raise ClaimError(f"not read in full: a part has {limits.over('cells', 'values')}")
    a_row = max(1.0, values / max(rows, 1))
    has_dictionary = any(page.kind == _DICTIONARY for page in pages)
    if chunk.width:
        return a_row * chunk.width
    if any(page.encoding == _SHARED_PREFIXES for page in pages):
        return a_row * max(page.size for page in pages)
    if has_dictionary:  # its values are counted as they are used
        return a_row * 8
    return a_row * max((page.size / max(page.values, 1) for page in pages), default=1.0)


def _pages(file: BinaryIO, chunk: Chunk, limits: Limits) -> Iterator[_Page]:
    place, end, seen = chunk.start, chunk.start + chunk.size, 0
    while place < end and seen < chunk.values:
        head, length = _head(file, place)
        kind, size, packed = head.get(1), head.get(2), head.get(3)
        if not all(isinstance(number, int) and number >= 0 for number in (kind, size, packed)):
            raise ThriftError("no page")
        if size > limits.line:
            raise ClaimError(f"not read in full: a page has {limits.over('line', 'bytes')}")
        inner = head.get(_HEAD_OF.get(kind, 0))
        inner = inner if isinstance(inner, dict) else {}
        values, encoding = inner.get(1, 0), inner.get(_ENCODING_OF.get(kind, 0), 0)
        if not isinstance(values, int) or values < 0:
            raise ThriftError("no page")
        yield _Page(kind, size, values, encoding)
        seen += values if kind != _DICTIONARY else 0
        place += length + packed


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
