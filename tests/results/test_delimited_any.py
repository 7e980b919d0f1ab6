"""Tables of any text, written by Python's csv module in any dialect, read back as they were."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results.delimiting import load

from lro_notebook.results.arrow.casting import read_back
from lro_notebook.results.arrow.unify import Columns, stack
from lro_notebook.results.formats.delimited.charset import Text
from lro_notebook.results.formats.delimited.dialect import Dialect
from lro_notebook.results.formats.delimited.rows import Splitter, Window
from lro_notebook.results.limits import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

CELL = st.text(
    st.sampled_from("ab \"',;\t|\n\r€é0") | st.characters(blacklist_categories=("Cs", "Cc")), max_size=6
)
ANY = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def written(draw: st.DrawFn) -> tuple[list[list[str]], bytes, str]:
    """Return the rows of a table, and bytes and name of a file that holds them."""
    width = draw(st.integers(2, 4))
    rows = draw(st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=8))
    delimiter = draw(st.sampled_from(",\t;|"))
    quote = draw(st.sampled_from('""\''))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    # With other line ends the writer quotes no carriage returns, and nobody could tell what they are.
    quotes_all = quote == "'" or line_end != "\r\n" or draw(st.booleans())
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quotechar=quote,
        quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL,
        lineterminator=line_end,
    )
    names = [f"name {place}" for place in range(width)]
    writer.writerows([names, *rows])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    data = text.getvalue().encode(encoding)
    name = draw(st.sampled_from(["t.csv", "t.tsv" if delimiter == "\t" else "t"]))
    return [names, *rows], gzip.compress(data) if draw(st.booleans()) else data, name


@given(table=written())
@ANY
def test_what_was_written_is_read(table: tuple[list[list[str]], bytes, str], tmp_path: Path) -> None:
    (names, *rows), data, name = table
    results = load(tmp_path, {name: data}, decimals="text")
    found = results.arrow("t")
    assert results.bad_lines.empty
    assert found.column_names == names
    assert [list(row.values()) for row in found.to_pylist()] == [
        [cell or None for cell in row] for row in rows
    ]


def split(data: bytes, size: int, limit: int = 10**6) -> list[tuple[int, bytes | str]]:
    """Return number and bytes of each row of `data`, read in pieces; number and reason of bad lines."""
    splitter = Splitter(Dialect(), replace(DEFAULT, line=limit))
    found: list[tuple[int, bytes | str]] = []
    for rows in Window(Text(io.BytesIO(data)), b"", splitter, size).blocks():
        ends = [*rows.starts.tolist(), len(rows.data)][1:]
        parts = [rows.data[start:end] for start, end in zip(rows.starts.tolist(), ends, strict=True)]
        found += [*zip(rows.numbers.tolist(), parts, strict=True), *rows.bad]
    return sorted(found, key=lambda one: one[0])


@given(table=written(), size=st.integers(1, 30))
@ANY
def test_rows_do_not_depend_on_the_pieces(table: tuple[list[list[str]], bytes, str], size: int) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(table[0])
    data = text.getvalue().encode()
    found = split(data, size)
    assert found == split(data, 10**6)
    assert b"".join(row for _, row in found if isinstance(row, bytes)) == data
    assert len(found) == len(table[0])


@given(
    text=st.text(st.sampled_from('ab",\n\r'), max_size=60), size=st.integers(1, 20), limit=st.integers(5, 80)
)
@settings(ANY, max_examples=400)
def test_each_line_is_in_a_row_or_bad(text: str, size: int, limit: int) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    there: list[int] = []
    found = split(text.encode(), size, limit)
    for (number, row), (behind, _) in pairwise([*found, (len(lines) + 1, "")]):
        if isinstance(row, bytes):
            assert len(row) <= limit
            breaks = row.decode().replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").count("\n")
            there += range(number, number + breaks + 1)
        else:
            there += range(number, behind if row.startswith("too long") else number + 1)
    filled = {number for number, line in enumerate(lines, 1) if line}
    assert filled <= set(there) <= set(range(1, len(lines) + 1))
    assert len(there) == len(set(there))


NUMBERS = st.one_of(
    st.integers(-(2**66), 2**66).map(str),
    st.integers(-99, 99).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-999, 999).map(lambda tenths: str(tenths / 10)),
)
ODD = st.sampled_from(["007", "+1", "1,000", " 1", "1.50", "0x1F", "1_0", "-0", "nan", "inf", "1e400", "٣"])
KINDS = [NUMBERS, st.integers(-99, 99).map(str), st.sampled_from(["true", "false"]), NUMBERS | ODD]


@given(
    batches=st.sampled_from(KINDS).flatmap(
        lambda kind: st.lists(st.lists(st.none() | kind, max_size=4), min_size=1, max_size=4)
    ),
    decimals=st.sampled_from(["float", "exact", "text"]),
)
@settings(ANY, max_examples=400)
def test_types_do_not_depend_on_the_pieces_and_no_digit_is_lost(
    batches: list[list[str | None]], decimals: str
) -> None:
    texts = [pa.table({"a": pa.array(cells, pa.string())}) for cells in batches]
    tables = [pa.table({"a": read_back(table["a"], decimals)}) for table in texts]
    columns, whole = Columns(decimals=decimals), Columns(decimals=decimals)
    drafts = []
    for table in tables:
        columns.add(table, typed=False)
        drafts.append(columns.draft(table)["a"].cast(table["a"].type))
    together = pa.concat_tables(texts).combine_chunks()
    whole.add(together, typed=False)
    assert [draft.cast(pa.string()).to_pylist() for draft in drafts] == batches
    found, alone = stack(tables, columns)["a"], whole.fit(together)["a"]
    assert found.to_pylist() == alone.to_pylist()
    assert found.type == alone.type
    for value, cell in zip(found.to_pylist(), (cell for cells in batches for cell in cells), strict=True):
        assert value == cell or type(value) is not str
        if isinstance(value, bool):
            assert str(value).lower() == cell
        elif isinstance(value, int | float | Decimal):
            assert cell is not None
            assert Decimal(repr(value) if isinstance(value, float) else value) == Decimal(cell)
            assert str(value) == cell or not isinstance(value, int)
