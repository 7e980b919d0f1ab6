"""Odd things in a folder of results: links, pipes, names of any letters, files that are not what they say."""

from __future__ import annotations

import gzip
import os
import socket
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from results.any_files import CSV, FILES, LINES, ROWS, columns, put_named, quiet
from systems import named_pipes

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.platforms import IS_WINDOWS
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

NO_UNICODE = os.fsdecode(b"r\xff.csv")
BYTES = pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")


@named_pipes
def test_pipes_and_sockets_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_named(tmp_path, {"rows.csv": CSV})
    os.mkfifo(tmp_path / "pipe.csv")
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.csv")
        assert columns(read(tmp_path)) == {"rows": ROWS}
    with pytest.raises(ResultError, match=r"no results at .*pipe.csv"):
        read(tmp_path / "pipe.csv")


def test_links_to_files_are_those_files(tmp_path: Path) -> None:
    """As folders hold them that a tool or a cluster fills: files elsewhere, under names that tell."""
    put_named(tmp_path / "cache", {"9f86d081884c": CSV, "2c26b46b68ff": FILES["parquet"]})
    folder = put_named(tmp_path / "out", {})
    (folder / "rows.csv").symlink_to(tmp_path / "cache" / "9f86d081884c")
    (folder / "more.parquet").symlink_to("../cache/2c26b46b68ff")
    (folder / "again.csv").symlink_to("rows.csv")
    for place in (folder, f"{folder}/*", f"file://{folder}"):
        assert columns(quiet(place)) == {"again": ROWS, "more": ROWS, "rows": ROWS}
    assert read(folder).summary["bytes"].tolist() == [len(CSV), len(FILES["parquet"]), len(CSV)]


def test_links_that_lead_nowhere_or_in_circles_are_left_alone(tmp_path: Path) -> None:
    put_named(tmp_path, {"deep/rows.csv": CSV})
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "deep" / "self").symlink_to(tmp_path / "deep")
    (tmp_path / "me.csv").symlink_to(tmp_path / "me.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "not there")
    for how in ({"deep": True}, {"deep": False}):
        assert columns(quiet(tmp_path, **how)) == {"rows": ROWS}


def test_no_link_leads_out_of_a_bucket(tmp_path: Path) -> None:
    put_named(tmp_path, {"secret.csv": CSV, "buckets/b/rows.csv": CSV})
    (tmp_path / "buckets" / "b" / "link.csv").symlink_to(tmp_path / "secret.csv")
    how: dict[str, Any] = {"buckets": str(tmp_path / "buckets")}
    assert columns(quiet("gs://b", **how)) == {"rows": ROWS}
    with pytest.raises(ConfigError, match="does not stay inside a bucket"):
        read("gs://b/link.csv", **how)


NAMES = [
    "ü é.csv",
    "a%20b.csv",
    "q?x.csv",
    "h#y.csv",
    "new\nline.csv",
    "[br].csv",
    "'quote\".csv",
    "x" * 240 + ".csv",
]


@pytest.mark.parametrize("name", [*NAMES, pytest.param(NO_UNICODE, marks=BYTES)])
def test_a_file_of_any_name_is_read_alone_and_among_others(tmp_path: Path, name: str) -> None:
    if IS_WINDOWS and (set(name) & set('?"\n') or len(name) > 200):
        pytest.skip("Windows has no files of such names")
    put_named(tmp_path, {name: CSV, "rows.csv": CSV})
    alone = read(tmp_path / name, source_file=True)
    (table,) = alone
    assert alone[table]["id"].tolist() == ROWS["id"]
    assert alone.summary["table"].tolist() == [table]
    both = read(tmp_path, source_file=True)
    assert {name: len(both[name]) for name in both} == {table: 2, "rows": 2}
    both.to_parquet(tmp_path / "parquet")
    assert both.skipped.empty


@BYTES
def test_a_bad_file_of_any_name_is_told(tmp_path: Path) -> None:
    put_named(tmp_path, {NO_UNICODE: f"{CSV}3\n", f"{NO_UNICODE}.pdf": b"%PDF-1.7"})
    results = quiet(tmp_path)
    assert results.bad_lines["file"].tolist() == [f"{tmp_path}/r?.csv"]
    assert results.skipped["file"].tolist() == [f"{tmp_path}/r?.csv.pdf"]


def test_folders_of_any_depth_are_looked_through(tmp_path: Path) -> None:
    put_named(tmp_path / "/".join("d" * 300), {"rows.csv": CSV})
    assert columns(read(tmp_path)) == {"rows": ROWS}


def many(suffix: str) -> bytes:
    """Return 5,000 rows, compressed."""
    rows = {"csv": b"id,name\n" + b"1,x\n" * 5000, "jsonl": b'{"id":1,"name":"x"}\n' * 5000}
    return gzip.compress(rows[suffix])


_NUL = "not text: it holds NUL bytes (binary data, or UTF-16 without a byte order mark)"
_CUT, _DAMAGED = (
    "not readable: the compressed data is cut off",
    "not readable: the compressed data is damaged from here on",
)
_PARQUET = "not readable: the Parquet file is damaged or cut off"
_AVRO = "not readable: the Avro file is damaged or cut off"

_TWICE = "not text: it is compressed with gzip twice"
_8_BITS = (
    "not valid UTF-8 here; such lines are read as cp1252, encoding= of read_results and op.load says another"
)
_SOME = -1
#: File, content, how many rows are read, and the reason for the rest.
DAMAGE: dict[str, tuple[str, bytes, int, str | None]] = {
    "gzip of gzip": ("x.csv", gzip.compress(gzip.compress(CSV.encode(), mtime=1)), 0, _TWICE),
    "gzip of gzip that tells no time": ("x.csv", gzip.compress(gzip.compress(b"a", mtime=0)), 0, _TWICE),
    "cut gzip": ("x.csv", many("csv")[:-15], _SOME, _DAMAGED),
    "cut gzip of lines": ("x.jsonl", many("jsonl")[:-15], _SOME, _DAMAGED),
    "cut gzip of Parquet": ("x.parquet", gzip.compress(FILES["parquet"])[:-15], 0, _CUT),
    "the head of a gzip": ("x.csv", b"\x1f\x8b\x08", 0, _DAMAGED),
    "gzip of nothing": ("x.csv", gzip.compress(b""), 0, None),
    "two members": ("x.csv", gzip.compress(CSV.encode()) + gzip.compress(b"3,z\n"), 3, None),
    "a mark alone": ("x.csv", b"\xef\xbb\xbf", 0, None),
    "a mark": ("x.csv", b"\xef\xbb\xbf" + CSV.encode(), 2, None),
    "UTF-16": ("x.csv", CSV.encode("utf-16"), 2, None),
    "UTF-16 without a mark": ("x.csv", CSV.encode("utf-16-le"), 2, None),
    "Latin-1": (
        "x.csv",
        "id,name\n1,é\n2,y\n".encode("latin-1"),
        2,
        _8_BITS,
    ),
    "NUL bytes": ("x.csv", bytes(100), 0, _NUL),
    "ragged": ("x.csv", b"id,name\n1\n2,y\n", 1, "fewer cells than columns"),
    "no Parquet": ("x.parquet", CSV.encode() * 9, 0, _PARQUET),
    "cut Parquet": ("x.parquet", FILES["parquet"][:-9], 0, _PARQUET),
    "the head of a Parquet file": ("x.parquet", b"PAR1", 0, _PARQUET),
    "no Avro": ("x.avro", b"Obj\x02" + bytes(40), 0, _AVRO),
    "cut lines": ("x.jsonl", LINES.encode()[:-9], 1, "not valid JSON"),
    "cut document": ("x.json", FILES["json"][:-9], 1, "cut off: it does not end in this file"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_damaged_is_told_by_its_file_and_the_rest_loads(tmp_path: Path, what: str) -> None:
    name, content, rows, reason = DAMAGE[what]
    put_named(tmp_path, {name: content, "good.jsonl": LINES})
    results = quiet(tmp_path)
    told = results.bad_lines
    assert set(told["reason"]) == ({reason} if reason else set())
    assert set(told["file"]) <= {f"{tmp_path}/{name}"}
    count = len(results["x"])
    assert 0 < count < 5000 if rows == _SOME else count == rows
    assert columns(results)["good"] == ROWS
    if reason:
        with pytest.raises(ResultError, match=r'x\.\w+.*errors="report" loads the rest'):
            read(tmp_path, errors="raise")["x"]


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("held", FILES)
def test_a_file_of_one_format_with_the_suffix_of_another(tmp_path: Path, suffix: str, held: str) -> None:
    """Either it is read for what it holds, or each part that cannot be is told: never silently less."""
    put_named(tmp_path, {f"x.{suffix}": FILES[held]})
    results = quiet(tmp_path)
    got: Any = columns(results).get("x")
    assert got == ROWS or len(results.bad_lines) + len(results.skipped) > 0, got


def test_a_file_that_goes_while_it_is_waited_for_is_one_error(tmp_path: Path) -> None:
    for suffix, content in FILES.items():
        put_named(tmp_path, {f"{suffix}_1.{suffix}": content, f"{suffix}_2.{suffix}": content})
    results = read(tmp_path)
    (tmp_path / "csv_2.csv").unlink()
    for table in list(results):
        if table == "csv":
            with pytest.raises(ResultError, match=r"csv_2.csv cannot be read: FileNotFoundError"):
                results[table]
        else:
            assert len(results[table]) == 4


def test_lists_of_warnings_stay_short_whatever_is_there(tmp_path: Path) -> None:
    put_named(tmp_path, {f"{'x' * 200}{n}.pdf": b"%PDF-1.7" for n in range(300)} | {"rows.csv": CSV})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(tmp_path)
    (warning,) = caught
    assert len(str(warning.message)) < 3000
