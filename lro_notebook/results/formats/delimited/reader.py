"""CSV, TSV and their like: a row per line, a column per cell, all cells as text.

The dialect is told by the first bytes of each file, and so is whether its first row names the columns. What
types the columns have is judged over all pieces and files: see `unify.Columns`.
"""

from __future__ import annotations

import re
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
from pyarrow import csv

from lro_notebook.results.arrow.batch import BadLine, Batch, Note
from lro_notebook.results.arrow.casting import read_back
from lro_notebook.results.arrow.infer_schema import rows_of
from lro_notebook.results.arrow.line_blocks import FIRST_BLOCK, is_utf8
from lro_notebook.results.arrow.memory_pool import POOL
from lro_notebook.results.formats.delimited.charset import READ_AS, Text, as_text
from lro_notebook.results.formats.delimited.column_names import NO_NAMES, Names, names_of
from lro_notebook.results.formats.delimited.dialect import (
    SAMPLE,
    first_line_names_delimiter,
    looks,
    quoted_cell,
    sniff,
)
from lro_notebook.results.formats.delimited.documented_columns import names_in
from lro_notebook.results.formats.delimited.rows import Rows, Splitter, Window, bounded
from lro_notebook.results.formats.format import Format
from lro_notebook.results.formats.hl7v2.charsets import DEFAULT
from lro_notebook.results.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.delimited.dialect import Dialect
    from lro_notebook.results.shards import Shard
    from lro_notebook.results.sources.source import Streams

FEWER, MORE = "fewer cells than columns", "more cells than columns"
PLAIN_QUOTES = "the quotes in it are read as text: they do not stand around whole cells"
_BINARY = "not text: it holds NUL bytes (binary data, or UTF-16 without a byte order mark)"
NO_NAMES_BUT_OTHERS = "its columns have no names, those of other files of its table have"
_FEW = 8  # of so many bytes one is zero at least in what is no text
_TWICE = "not text: it is compressed with gzip twice"
#: How gzip begins, as it stands there and as text of 8 bits.
_GZIP = (b"\x1f\x8b", b"\x1f\xc2\x8b", "\x1f\u2039".encode())
_SHOWN = 50  # rows that tell whether the first one has names
_LONG = 100_000  # bytes of a row that is split like all others, since the csv module has a limit
_MARK = b"\xef\xbb\xbf"
_FIRST_LINE = re.compile(rb"[\r\n]*[^\r\n]*")
_READ_AS = {READ_AS.format(codec) for codec in DEFAULT}


class _Piece(NamedTuple):
    """Some rows of a file, and what is needed to read them."""

    shard: Shard
    dialect: Dialect
    rows: Rows
    names: list[str]
    notes: list[str]
    taken: int


class _Parsed(NamedTuple):
    """The rows of a piece: None where it has no columns."""

    table: pa.Table | None
    bad: list[tuple[int, str]]


def read_delimited(
    source: Streams, shards: Sequence[Shard], options: Options, advance: Advance
) -> Iterator[Batch]:
    """Yield the rows of `shards`; see `Format.read`."""
    main = shards[0].table
    wanted = options.columns_of(main, main)
    seen: dict[str, None] = {}
    is_named = False
    pieces = (piece for shard in shards for piece in _pieces(source, shard, options))
    for piece, parsed in ahead(partial(_job, wanted, options), pieces):
        bad = [BadLine(piece.shard.uri, line or None, reason) for line, reason in parsed.bad]
        notes = [Note(piece.shard.uri, note) for note in piece.notes]
        if NO_NAMES in piece.notes and is_named:
            bad.append(BadLine(piece.shard.uri, None, NO_NAMES_BUT_OTHERS))
        is_named = is_named or (bool(piece.names) and bool(not seen) and NO_NAMES not in piece.notes)
        seen.update(dict.fromkeys(piece.names))
        if parsed.table is None:
            yield Batch({}, bad, notes=notes)
        else:
            files = [(piece.shard, parsed.table.num_rows)]
            yield Batch({main: parsed.table}, bad, names=list(seen), files=files, is_typed=False, notes=notes)
        advance(piece.taken)


def _pieces(source: Streams, shard: Shard, options: Options) -> Iterator[_Piece]:
    """Yield the rows of one file in pieces, and what is wrong in it, in their order."""
    with source.open(shard) as file:
        text = Text(file, options.encoding)
        start = text.read(FIRST_BLOCK)
        is_whole = len(start) < SAMPLE
        delimiter, head = first_line_names_delimiter(start)
        start = start[head:]
        dialect = sniff(start, _name(shard), whole=is_whole, delimiter=delimiter)
        splitter = Splitter(
            dialect, options.limits, text.encoding.upper().removesuffix("-LE").removesuffix("-BE")
        )
        start, mended = _mended(start, splitter.encoding)
        place, notes = 0, [PLAIN_QUOTES] if not dialect.quote else []
        names: Names | None = None
        told: set[str] = set()
        for rows in _blocks(text, start, splitter, line=2 if head else 1):
            if names is None and len(rows.filled()):
                names, rows = _named(rows, splitter, _name(shard), mended)  # noqa: PLW2901 - what is left of it
                notes += [names.note] if names.note else []
            before, place = place, file.tell()
            rows = rows._replace(bad=_told_once(rows.bad, told))  # noqa: PLW2901 - the same, with fewer lines
            yield _Piece(shard, dialect, rows, names.names if names else [], notes, place - before)
            notes = []
            if names and not names.names:  # too many
                return


def _told_once(bad: Sequence[tuple[int, str]], told: set[str]) -> list[tuple[int, str]]:
    """Return bad lines, of those that were read in another character set only the first of the file."""
    kept = []
    for line, reason in bad:
        if reason not in told:
            kept.append((line, reason))
        told |= {reason} & _READ_AS
    return kept


def _blocks(text: Text, start: bytes, splitter: Splitter, *, line: int) -> Iterator[Rows]:
    sample = start[:SAMPLE]
    if sample.startswith(_GZIP):  # where it tells no time, it has many zeros too
        return iter([Rows.fault(0, _TWICE)])
    if sample.count(b"\0") * _FEW > len(sample):
        return iter([Rows.fault(0, _BINARY)])
    return Window(text, start, splitter, line=line).blocks()


def _named(rows: Rows, splitter: Splitter, file: str, mended: str) -> tuple[Names, Rows]:
    """Return the names of the columns, and the first rows of a file without the row that has them."""
    limits, filled = splitter.limits, rows.filled().tolist()
    sample: list[list[str]] = []
    for row in filled[:_SHOWN]:
        end = rows.starts[row + 1] if row + 1 < len(rows.starts) else None
        data = rows.data[rows.starts[row] : end]
        if _width(data, splitter.dialect) > limits.columns:
            if not sample:
                reason = f"too wide: {limits.over('columns', 'columns')}"
                return Names([], 0), Rows.fault(int(rows.numbers[row]), reason)
            break
        sample.append(_cells(data, splitter.dialect))
    known = names_in(file, sample)
    names = Names(known, 0) if known else names_of(sample)
    width = len(names.names)
    reasons = [FEWER if len(cells) < width else MORE for cells in sample[: max(names.before - 1, 0)]]
    rest = rows.behind(filled[names.before - 1] + 1) if names.before else rows
    bad = [(int(rows.numbers[row]), reason) for row, reason in zip(filled, reasons, strict=False)]
    if mended:
        bad.insert(0, (int(rows.numbers[0]), mended))
    return names, rest._replace(bad=[*bad, *rest.bad])


def _cells(row: bytes, dialect: Dialect) -> list[str]:
    if len(row) < _LONG:
        return dialect.cells(row.decode())
    names = [f"f{place}" for place in range(_width(row, dialect))]
    table = csv.read_csv(
        pa.BufferReader(row),
        csv.ReadOptions(use_threads=False, block_size=len(row) + 1, column_names=names),
        csv.ParseOptions(
            delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=True
        ),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    return [str(column[0]) for column in table.columns]


def _width(row: bytes, dialect: Dialect) -> int:
    """Return how many cells a row has."""
    if dialect.quote:
        row = quoted_cell(dialect).sub(b"", row)
    return row.count(dialect.delimiter.encode()) + 1


def _mended(start: bytes, encoding: str) -> tuple[bytes, str]:
    """Return the start of a file with a first line that is UTF-8, and what was done for it."""
    first = _FIRST_LINE.match(start)
    line = first[0] if first else b""
    if is_utf8(line):
        return start, ""
    text, reason = as_text(line, encoding)
    return text + start[len(line) :], reason


def _job(wanted: Sequence[str] | None, options: Options, piece: _Piece) -> Callable[[], _Parsed]:
    return partial(_parse, piece, wanted, options)


def _parse(piece: _Piece, wanted: Sequence[str] | None, options: Options) -> _Parsed:
    """Return the rows of a piece, and what is wrong with others; runs in any thread.

    Columns are text, or numbers and truth values that as text are the same.
    """
    names, rows = piece.names, piece.rows
    if not names:
        return _Parsed(None, rows.bad)
    places = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    ragged: list[tuple[int, str]] = []

    def pass_over(row: csv.InvalidRow) -> str:
        ragged.append((row.number, FEWER if row.actual_columns < row.expected_columns else MORE))
        return "skip"

    table = _table(rows.data, piece.dialect, len(names), places, pass_over)
    count = table.num_rows
    given = (read_back(column, options.decimals) for column in table.columns)
    columns = dict(zip((names[place] for place in places), given, strict=False))
    bad = rows.bad
    if ragged:
        numbers = rows.numbers[rows.filled()]
        ragged = [(int(numbers[number - 1]), reason) for number, reason in ragged]
        bad = bounded(sorted([*bad, *ragged], key=itemgetter(0)), options.limits)
    return _Parsed(rows_of(columns, count), bad)


def _table(
    data: bytes, dialect: Dialect, width: int, places: Sequence[int], pass_over: Callable[[Any], str]
) -> pa.Table:
    """Return the columns at `places`, or the first one if there are none: all as text, empty cells null."""
    names = [str(place) for place in range(width)]
    if data.startswith(_MARK):
        data = b"\n" + data  # or the parser would take it for a byte order mark
    if not data:
        return pa.table({str(place): pa.array([], pa.string()) for place in places or [0]})
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            newlines_in_values=True,
            invalid_row_handler=pass_over,
        ),
        csv.ConvertOptions(
            check_utf8=False,  # they are
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            include_columns=[names[place] for place in places or [0]],
        ),
        memory_pool=POOL,
    )


def _name(shard: Shard) -> str:
    return shard.path.rpartition("/")[2]


DELIMITED = Format(
    "delimited values",
    read_delimited,
    looks=looks,
    tells_files=True,
    suffixes=frozenset({"csv", "tsv", "tab"}),
)
