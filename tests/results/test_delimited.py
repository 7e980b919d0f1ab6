"""CSV and TSV: dialects, names, types, and what is wrong in a file."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from results.delimiting import bad, load

from lro_notebook.errors import ResultError
from lro_notebook.results.export import parquet
from lro_notebook.results.formats.delimited.charset import READ_AS, REPLACED
from lro_notebook.results.formats.delimited.column_names import NO_NAMES, UNSURE, names_of, unique
from lro_notebook.results.formats.delimited.dialect import looks
from lro_notebook.results.formats.delimited.reader import FEWER, MORE, PLAIN_QUOTES
from lro_notebook.results.formats.delimited.rows import UNCLOSED

if TYPE_CHECKING:
    from pathlib import Path


def rows(folder: Path, *files: bytes | str, **options: Any) -> list[dict[str, Any]]:
    named = {f"{number}.csv": content for number, content in enumerate(files)}
    found: list[dict[str, Any]] = load(folder, named, **options).arrow("t").to_pylist()
    return found


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n"x\ny",2\n',
        'a\tb\r\n"x\ny"\t2\r\n',
        'a;b\r"x\ny";2\r',
        'a|b\n"x\ny"|2',
        "\ufeff'a','b'\n'x\ny','2'\n",
        '\n\na,b\n\n"x\ny",2\n\n',
    ],
)
def test_each_dialect(text: str, tmp_path: Path) -> None:
    assert rows(tmp_path, text) == [{"a": "x\ny", "b": 2}]


def test_one_column(tmp_path: Path) -> None:
    assert rows(tmp_path, "id\n7\n8\n") == [{"id": 7}, {"id": 8}]


def test_quotes_that_stand_around_no_cell_are_text(tmp_path: Path) -> None:
    results = load(tmp_path, {"x.tsv": 'a\tb\n"Hello" he said\t1\nfoo\t2\n'})
    assert results.arrow("t").to_pylist()[0] == {"a": '"Hello" he said', "b": 1}
    assert any(PLAIN_QUOTES in note for note in results["t"].attrs["notes"])


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ("1 -2 0", "int64"),
        ("9223372036854775807", "int64"),
        ("9223372036854775808", "string"),
        ("007 12", "string"),
        ("+49 5", "string"),
        ("1e3 2.5 7", "double"),
        ("0.1 1e-05 1.5E-7 5.0 3", "double"),
        ("0.10", "string"),
        ("250.00 401.9", "string"),
        ("0.1234567890123456789", "string"),
        ("1.5 9007199254740993", "string"),
        ("-0", "string"),
        ("nan 1.5", "string"),
        ("1_000", "string"),
        ("true false", "bool"),
        ("true 1", "string"),
        ("2020-01-01", "string"),
    ],
)
def test_a_column_has_a_type_only_if_all_its_values_are_sure(cells: str, dtype: str, tmp_path: Path) -> None:
    texts = cells.split()
    files = ["a,b\n" + "".join(f"{cell},x\n" for cell in texts), "a,b\n,y\n"]
    table = load(tmp_path, {"1.csv": files[0], "2.csv": files[1]}).arrow("t")
    assert str(table.schema.field("a").type) == dtype
    if dtype == "string":
        assert table["a"].to_pylist() == [*texts, None]


def test_types_are_of_all_files(tmp_path: Path) -> None:
    found = rows(tmp_path, "zip,n\n10115,1\n", "zip,n\n01067,2.5\n")
    assert found == [{"zip": "10115", "n": 1.0}, {"zip": "01067", "n": 2.5}]


def test_decimals(tmp_path: Path) -> None:
    text = "a,b\n0.1,1\n0.12345678901234567891,2\n"
    assert rows(tmp_path, text, decimals="exact")[1] == {"a": Decimal("0.12345678901234567891"), "b": 2}
    assert rows(tmp_path, text, decimals="text")[0] == {"a": "0.1", "b": "1"}


def test_dates_on_request(tmp_path: Path) -> None:
    text = "a,b,c\n2024-05-01T10:00:00+02:00,2024-05-01 08:00:00 UTC,2024\n"
    when = datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert rows(tmp_path, text, parse_dates=True) == [{"a": when, "b": when, "c": 2024}]
    assert rows(tmp_path, "a\n2024-05-01\n2024-05\n", parse_dates=True)[1] == {"a": "2024-05"}


def test_empty_cells_are_null_quoted_or_not(tmp_path: Path) -> None:
    assert rows(tmp_path, 'a,b\n,""\n1,2\n')[0] == {"a": None, "b": None}


def test_ragged_rows_are_bad_and_the_rest_loads(tmp_path: Path) -> None:
    results = load(tmp_path, {"x.csv": 'a,b\n"p\nq",1\n\n3\n4,5,6\n7,8\n'})
    assert results.arrow("t").to_pylist() == [{"a": "p\nq", "b": 1}, {"a": "7", "b": 8}]
    assert bad(results) == [(5, FEWER), (6, MORE)]
    with pytest.raises(ResultError, match="line 3"):
        load(tmp_path, {"x.csv": "a,b\n1,2\n3\n"}, errors="raise")


def test_a_quote_without_an_end_costs_one_line(tmp_path: Path) -> None:
    results = load(tmp_path, {"x.csv": '"a","b"\n"1","2"\n"3","4\n"5","6"\n"7","8"x\n"9","0"\n'})
    assert [row["a"] for row in results.arrow("t").to_pylist()] == [1, 5, 9]
    assert bad(results) == [(3, UNCLOSED), (5, UNCLOSED)]


def test_limits(tmp_path: Path) -> None:
    text = "a,b\n1,2\n" + "x" * 500 + ",3\n4,5\n"
    results = load(tmp_path, {"x.csv": text}, limits={"line": 100})
    assert results.arrow("t")["b"].to_pylist() == [2, 5]
    assert bad(results) == [(3, "too long: more than 100 bytes (limits: line)")]
    wide = load(tmp_path, {"x.csv": ",".join("abcdef") + "\n" + ",".join("123456")}, limits={"columns": 5})
    assert bad(wide) == [(1, "too wide: more than 5 columns (limits: columns)")]
    many = load(tmp_path, {"x.csv": "a,b\n" + "1\n" * 9 + "1,2\n"}, limits={"bad_lines": 2})
    assert (len(bad(many)), many.bad_lines.attrs["more"], many.arrow("t").num_rows) == (2, 7, 1)


def test_text_of_8_bits_is_read_and_told_once(tmp_path: Path) -> None:
    latin = READ_AS.format("cp1252")
    results = load(tmp_path, {"x.csv": "Größe,b\n1,2\nß,3\n4 €,5\n".encode("cp1252")})
    assert results.arrow("t").to_pydict() == {"Größe": ["1", "ß", "4 €"], "b": [2, 3, 5]}
    assert bad(results) == [(1, latin)]
    headless = load(tmp_path, {"x.csv": "1,ß\n2,x\n".encode("latin-1")})
    assert bad(headless) == [(1, latin)]
    assert headless.arrow("t")["column_2"].to_pylist() == ["ß", "x"]
    below = load(tmp_path, {"x.csv": "a,b\n1,x\n2,\xe4\n".encode("latin-1")})
    assert (bad(below), below.arrow("t")["b"].to_pylist()) == ([(3, latin)], ["x", "ä"])
    damaged = load(tmp_path, {"x.csv": "a,b\n1,äöü\n".encode()[:-2] + b"\n"})
    assert bad(damaged) == [(2, REPLACED.format("UTF-8"))]
    assert damaged.arrow("t")["b"].to_pylist() == ["äö\ufffd"]


def test_encoding_is_what_the_user_says(tmp_path: Path) -> None:
    text = "a,b\nЖив,1\n"
    results = load(tmp_path, {"x.csv": text.encode("cp1251")}, encoding="cp1251")
    assert (results.arrow("t")["a"].to_pylist(), bad(results)) == (["Жив"], [])
    marked = load(tmp_path, {"x.csv": text.encode("utf-8-sig")}, encoding="cp1251")
    assert marked.arrow("t")["a"].to_pylist() == ["Жив"]
    wide = load(tmp_path, {"x.csv": text.encode("gb18030")}, encoding="gb18030")
    assert wide.arrow("t")["a"].to_pylist() == ["Жив"]


def test_utf_16_with_and_without_a_mark(tmp_path: Path) -> None:
    torn = load(tmp_path, {"x.csv": b"\xff\xfe" + "a,b\n1,".encode("utf-16-le") + b"\x00\xdc" + b"\n\0"})
    assert bad(torn) == [(2, REPLACED.format("UTF-16"))]
    for codec in ("utf-16-le", "utf-16-be"):
        bare = load(tmp_path, {"x.csv": "a,b\n1,ß\n".encode(codec)})
        assert (bare.arrow("t")["b"].to_pylist(), bad(bare)) == (["ß"], [])


def test_a_zero_byte_is_a_character_and_many_are_no_text(tmp_path: Path) -> None:
    results = load(tmp_path, {"x.csv": "a,b\n1,x\0y\n" + "2,z\n" * 9})
    assert results.arrow("t")["b"].to_pylist() == ["x\0y"] + ["z"] * 9
    binary = load(tmp_path, {"x.csv": b"a,b\n" + bytes(50)})
    assert [line for line, _ in bad(binary)] == [None]


def test_several_files(tmp_path: Path) -> None:
    files = {"1.csv": "", "2.csv": "a,b\n", "3.csv": "b,a\n1,x\n", "4.csv": "c\n5\n"}
    assert load(tmp_path, files).arrow("t").to_pylist() == [
        {"a": "x", "b": 1, "c": None},
        {"a": None, "b": None, "c": 5},
    ]


def test_gzip_to_the_damage(tmp_path: Path) -> None:
    data = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n5,6\n")
    assert len(rows(tmp_path, data)) == 3
    results = load(tmp_path, {"x.csv": data[:-9]})
    assert results.arrow("t")["a"].to_pylist()[0] == 1
    assert [reason for _, reason in bad(results)] == [
        "not readable: the compressed data is damaged from here on"
    ]


def test_columns(tmp_path: Path) -> None:
    text = "a.x,b,c\n1,2,3\n"
    assert rows(tmp_path, text, columns=["c", "a.x"]) == [{"c": 3, "a.x": 1}]
    assert load(tmp_path, {"x.csv": text}, columns=[]).arrow("t").num_rows == 1
    with pytest.raises(ResultError, match="no column d"):
        load(tmp_path, {"x.csv": text}, columns=["d"])


@pytest.mark.parametrize("held", [0, 10**12])
def test_parquet_is_of_the_final_types(held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_HELD", held)
    files = {"1.csv": "a,b,c\n1,2,1.5\n", "2.csv": "a,b,c\n007,2.5,\n", "3.csv": "a,c,d\n5,7,x\n"}
    results = load(tmp_path, files)
    written = results.to_parquet(tmp_path / "pq")
    tables = [pq.ParquetFile(file).read() for file in written["file"]]
    assert [row for table in tables for row in table.to_pylist()] == results.arrow("t").to_pylist()
    assert {table.schema.remove_metadata() for table in tables} == {results.arrow("t").schema}


def test_dask_partitions_are_the_files(tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe")
    results = load(tmp_path, {"1.csv": "a,b\n1,2\n", "2.csv": "a,b\n007,2.5\n"}, lists="explode")
    frame = results.dask("t")
    assert frame.npartitions == 2
    assert frame.compute().to_dict("list") == {"a": ["1", "007"], "b": [2.0, 2.5]}


@pytest.mark.parametrize(
    ("first", "below", "has_names"),
    [
        ("gs://b/in.txt,de,gs://b/out.txt", "gs://b/x.txt,fr,gs://b/y.txt", False),
        ("1,anna,3.5", "2,bert,4.5", False),
        ("id,name", "1,anna", True),
        (",a,b", "0,1.5,2.5", True),
        (",0,1", "0,1.5,2.5", True),
        ("country,2019,2020", "DE,83.1,83.2", True),
        ("city,2024-01-22,2024-01-23", "Berlin,1,2", True),
        ("hello,en", "bye,en", False),
        ("true,x", "false,y", False),
    ],
)
def test_whether_the_first_row_has_names(first: str, below: str, *, has_names: bool, tmp_path: Path) -> None:
    results = load(tmp_path, {"index.csv": f"{first}\n{below}\n"})
    table = results.arrow("t")
    assert table.num_rows == 1 + (not has_names)
    assert (NO_NAMES in "".join(results["t"].attrs.get("notes", []))) is not has_names
    if not has_names:
        assert table.column_names[:2] == ["column_1", "column_2"]


def test_a_first_row_that_nothing_tells_from_the_others_is_noted() -> None:
    assert names_of([["name", "city"], ["anna", "berlin"]]) == (["name", "city"], 1, UNSURE)


def test_titles_above_the_names_are_bad_lines(tmp_path: Path) -> None:
    results = load(tmp_path, {"x.csv": "Report\n\nname,n\n" + "anna,1\n" * 5})
    assert results.arrow("t").column_names == ["name", "n"]
    assert bad(results) == [(1, FEWER)]


def test_names_are_made_unique() -> None:
    assert unique(["a", "a", "", "a_2", "a"]) == ["a", "a_3", "column_3", "a_2", "a_4"]


CSV = b"a,b\n1,2\n3,4\n"


@pytest.mark.parametrize(
    ("name", "start", "found"),
    [
        ("x.csv", b"", True),
        ("X.CSV", b"id\n", True),
        ("x.csv.gz", gzip.compress(CSV, mtime=0), True),
        ("x.csv-00000-of-00002", CSV, True),
        ("x.tab", b"a\tb\n", True),
        ("x.csv", CSV.decode().encode("utf-16"), True),
        ("x.csv", b'{"a": 1}\n', False),
        ("x.csv", b"PAR1\x15\x04\x15\x00", False),
        ("part-00000", CSV, True),
        ("000000000000", CSV, True),
        ("predictions_1.txt", b"a\tb\nc\td\n", True),
        ("x.json", CSV, False),
        ("x.dcm", CSV, False),
        ("notes.txt", b"Dear all, hello\nSee you, bye\n", False),
        ("notes.txt", b"one\ntwo\n", False),
        ("part", b"a,b\n1,2,3\n", False),
        ("part", b"a,b\n", False),
        ("part", b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', False),
        ("part", b'["a",\n"b",\n', False),
        ("part", b'"Patient/1"\n"Patient/2"\n', False),
        ("part", b"MSH|^~\\&|A|B\rPID|1||2\r", False),
        ("part", b"PID|1|2|3\rPV1|1|2|3\r", False),
        ("part", b"| a | b |\n|---|---|\n| 1 | 2 |\n", False),
        ("part", b"<a>,b\n<c>,d\n", False),
        ("part", bytes(range(256)) * 8, False),
        ("part", b"a,\xe4\nb,\xf6\n", False),
    ],
)
def test_what_looks_like_delimited_values(name: str, start: bytes, *, found: bool) -> None:
    assert looks(name, start) is found
