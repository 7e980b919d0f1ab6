"""Ways to write delimited values that the csv module has not: as other programs do, in random tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results.delimiting import bad, load

from lro_notebook.results.formats.delimited.charset import READ_AS
from lro_notebook.results.formats.delimited.column_names import SHORT, names_of
from lro_notebook.results.formats.delimited.reader import FEWER, NO_NAMES_BUT_OTHERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

CELL = st.text(st.sampled_from("abé€ ',;\t|\n\""), max_size=6)
NAMES = ["name 0", "name 1", "name 2"]
ANY = settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def escaped(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Write as Spark and MySQL do: a backslash before each quote in a cell."""
    cells = [['"' + cell.replace('"', '\\"') + '"' for cell in row] for row in rows]
    return "".join(delimiter.join(row) + "\n" for row in cells)


def padded(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Write as people do: a blank behind each delimiter."""
    cells = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    return "".join(f"{delimiter} ".join(row) + "\n" for row in cells)


@pytest.mark.parametrize("write", [escaped, padded])
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=8),
    delimiter=st.sampled_from(",;|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@ANY
def test_what_was_written_is_read(
    write: Callable[[Sequence[Sequence[str]], str], str],
    rows: list[list[str]],
    delimiter: str,
    encoding: str,
    tmp_path: Path,
) -> None:
    rows = [['he said "a", then left', "b", "c"], *rows]
    results = load(tmp_path, {"t.csv": write([NAMES, *rows], delimiter).encode(encoding)}, decimals="text")
    found = results.arrow("t")
    assert (found.column_names, bad(results)) == (NAMES, [])
    assert [list(row.values()) for row in found.to_pylist()] == [
        [cell or None for cell in row] for row in rows
    ]


@pytest.mark.parametrize("size", [20_000])
@pytest.mark.parametrize("write", [escaped, padded])
def test_it_is_so_in_all_pieces_of_a_long_file(
    write: Callable[[Sequence[Sequence[str]], str], str], size: int, tmp_path: Path
) -> None:
    rows = [[str(number), 'one "two"\nthree, four', "x" * (number % 50)] for number in range(size)]
    results = load(tmp_path, {"t.csv": write([NAMES, *rows], ",")}, decimals="text")
    found = results.arrow("t")
    assert bad(results) == []
    assert found["name 0"].to_pylist() == [row[0] for row in rows]
    assert set(found["name 1"].to_pylist()) == {rows[0][1]}
    assert found["name 2"].to_pylist() == [row[2] or None for row in rows]


def test_a_backslash_before_the_last_quote_is_text_where_quotes_are_doubled(tmp_path: Path) -> None:
    results = load(tmp_path, {"t.csv": 'a,b\n"C:\\dir\\","x ""y"""\n"D:\\","z"\n'})
    assert results.arrow("t")["a"].to_pylist() == ["C:\\dir\\", "D:\\"]
    assert results.arrow("t")["b"].to_pylist() == ['x "y"', "z"]


@given(rows=st.lists(st.lists(st.text("abäöüß", max_size=5), min_size=3, max_size=3), max_size=8))
@ANY
def test_latin_text_is_read_whatever_is_in_it(rows: list[list[str]], tmp_path: Path) -> None:
    rows = [["Müller", "a", "b"], *rows]
    text = "".join(";".join(row) + "\r\n" for row in [NAMES, *rows])
    results = load(tmp_path, {"t.csv": text.encode("cp1252")}, decimals="text")
    assert [list(row.values()) for row in results.arrow("t").to_pylist()] == [
        [cell or None for cell in row] for row in rows
    ]
    assert bad(results) == [(2, READ_AS.format("cp1252"))]


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("sep=;\r\na;b\r\n1;x,y\r\n", ["a", "b"], [["1", "x,y"]]),
        ("sep=,\na,b\n1,2\n", ["a", "b"], [["1", "2"]]),
        ('"a","b"\n"r","1","x"\n"s","2","y"\n', ["column_1", "a", "b"], [["r", "1", "x"], ["s", "2", "y"]]),
        ("a,b\n1,2,\n3,4,\n", ["a", "b", "column_3"], [["1", "2", None], ["3", "4", None]]),
        ("id, name\n1, x\n2, y\n", ["id", "name"], [["1", " x"], ["2", " y"]]),
        ("a\x01b\n1\x01x\n2\x01y\n", ["a", "b"], [["1", "x"], ["2", "y"]]),
        ("a~b\n1~x\n2~y\n", ["a", "b"], [["1", "x"], ["2", "y"]]),
        ("c0\nv0\na;b\n", ["c0"], [["v0"], ["a;b"]]),
    ],
)
def test_what_the_first_lines_say(
    text: str, names: list[str], rows: list[list[str | None]], tmp_path: Path
) -> None:
    results = load(tmp_path, {"t.csv": text}, decimals="text")
    assert results.arrow("t").column_names == names
    assert [list(row.values()) for row in results.arrow("t").to_pylist()] == rows
    assert bad(results) == []


def test_lines_of_text_above_the_names_are_bad_lines(tmp_path: Path) -> None:
    text = "Report\nAccount X\n\nday\ttype\tcount\n" + "2024-01-01\tBUY\t3\n" * 8
    results = load(tmp_path, {"t.csv.gzip": text})
    assert results.arrow("t").column_names == ["day", "type", "count"]
    assert results.arrow("t").num_rows == 8
    assert bad(results) == [(1, FEWER), (2, FEWER)]


def test_a_file_that_grows_wider_keeps_its_names_and_rows(tmp_path: Path) -> None:
    results = load(tmp_path, {"t.csv": "a,b\n" + "1,2\n" * 20 + "1,2,3\n" * 200})
    assert (results.arrow("t").column_names, results.arrow("t").num_rows) == (["a", "b"], 20)
    assert len(results.bad_lines) == 200


def test_a_short_first_row_of_numbers_or_above_names_has_no_names() -> None:
    assert names_of([["a", "b"], ["r", "1", "2"], ["s", "3", "4"]]).note == SHORT
    assert names_of([["1", "2"], ["r", "1", "2"], ["s", "3", "4"]]).note != SHORT
    title = [
        ["Sales", "Europe"],
        ["year", "city", "sum"],
        ["2020", "x", "1"],
        ["2021", "y", "2"],
        ["2022", "z", "3"],
    ]
    assert names_of(title).names == ["year", "city", "sum"]


def test_a_file_without_names_beside_one_with_names_is_told(tmp_path: Path) -> None:
    results = load(tmp_path, {"1.csv": "id,name\n1,Anna\n2,Bob\n", "2.csv": "3,Cleo\n4,Dan\n"})
    assert [reason for _, reason in bad(results)] == [NO_NAMES_BUT_OTHERS]
    assert results.arrow("t").num_rows == 4
