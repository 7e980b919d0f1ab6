"""Which files at a place are of which format and table, and which of none: what any API leaves there."""

from __future__ import annotations

import gzip
import re
import struct
from typing import TYPE_CHECKING

import pytest
from results.any_files import CSV, FILES, LINES, ROWS, columns, put, put_named, quiet

from lro_notebook.errors import LeftOutWarning, ResultError
from lro_notebook.results.discovery.classify import classify
from lro_notebook.results.formats.unsupported import _masked
from lro_notebook.results.load_place import read
from lro_notebook.results.location import locate
from lro_notebook.results.remote.retried_calls import USUAL

if TYPE_CHECKING:
    from pathlib import Path

TFRECORD = struct.pack("<Q", 5) + struct.pack("<I", _masked(struct.pack("<Q", 5))) + b"12345" + b"\0" * 4


@pytest.mark.parametrize("suffix", FILES)
def test_a_single_file_of_each_format_is_one_table(tmp_path: Path, suffix: str) -> None:
    put_named(
        tmp_path, {f"rows.{suffix}": FILES[suffix], f"packed.{suffix}.gz": gzip.compress(FILES[suffix])}
    )
    assert columns(quiet(tmp_path / f"rows.{suffix}")) == {"rows": ROWS}
    assert columns(quiet(tmp_path / f"packed.{suffix}.gz")) == {"packed": ROWS}


@pytest.mark.parametrize("suffix", FILES)
def test_a_name_prefix_and_a_glob_name_the_files_of_each_format(tmp_path: Path, suffix: str) -> None:
    put_named(tmp_path, {f"run1_{n}.{suffix}": FILES[suffix] for n in (1, 2)})
    put_named(tmp_path, {f"run2_1.{suffix}": FILES[suffix], "other/run1_9.txt": "nothing"})
    twice = {"run1": {name: values * 2 for name, values in ROWS.items()}}
    assert columns(quiet(tmp_path / "run1_")) == twice
    assert columns(quiet(f"{tmp_path}/run1*.{suffix}")) == twice
    assert columns(quiet(f"{tmp_path}/**/run1_[12].*")) == twice


def test_six_formats_under_one_prefix_are_tables_of_their_own(tmp_path: Path) -> None:
    """Without suffixes too; text with other delimiters is of one format."""
    numbered = {f"part-{n:05d}": content for n, content in enumerate(FILES.values())}
    for files in (numbered, {f"scan.{suffix}": content for suffix, content in FILES.items()}):
        results = quiet(put_named(tmp_path / str(len(list(tmp_path.iterdir()))) / "scan", files))
        assert sorted(results) == [
            "scan",
            "scan_avro",
            "scan_json_documents",
            "scan_json_lines",
            "scan_parquet",
        ]
        assert sum(len(results[name]) for name in results) == 2 * len(FILES)
        assert results.skipped.empty


def test_what_jobs_leave_beside_their_output_is_told_but_no_news(tmp_path: Path) -> None:
    put_named(
        tmp_path,
        {
            "rows.csv": CSV,
            "_SUCCESS": "",
            "_started_77": "x",
            ".rows.csv.crc": "crc",
            "_metadata.json": "{}",
            "part-00000": "",
            "nothing.csv": "",
        },
    )
    results = read(tmp_path)  # a warning would be an error
    assert columns(results) == {
        "nothing": {},
        "rows": ROWS,
    }  # it is called a table, so it is one without rows
    reasons = dict(
        zip(results.skipped["file"].str.rpartition("/")[2], results.skipped["reason"], strict=True)
    )
    hidden = "its name says that it is no result"
    assert reasons == dict.fromkeys(
        ("_SUCCESS", "_started_77", ".rows.csv.crc", "_metadata.json"), hidden
    ) | {"part-00000": "empty"}


def test_placeholders_of_folders_are_no_results() -> None:
    """Consoles of object stores make empty objects whose names end with a slash, which some list as files."""
    location = locate("memory://placeholders/")
    location.fs.pipe_file("/placeholders/deep/rows.csv", CSV.encode())
    infos = [
        {"name": "/placeholders/deep/", "size": 0, "type": "file"},
        {"name": "/placeholders/", "size": 0, "type": "file"},
        location.fs.info("/placeholders/deep/rows.csv"),
    ]
    found = classify(location, infos, None, USUAL)
    assert [shard.table for shard in found.shards] == ["rows"]
    assert [(each.reason, each.quiet) for each in found.skipped] == [("empty", True)] * 2


UNREAD = {
    "a.tfrecord": (TFRECORD, "TFRecord"),
    "no_suffix": (TFRECORD, "TFRecord"),
    "all.overall_export_metadata": (b"x", "Datastore or Firestore export"),
    "report.pdf": (b"%PDF-1.7", "PDF"),
    "scan.tif": (b"II*\0" + bytes(20), "TIFF"),
    "page": (b"\x89PNG\r\n\x1a\n", "image"),
    "all.zip": (b"PK\x03\x04", "zip archive"),
    "table.xlsx": (b"PK\x03\x04", "Excel"),
    "dump.sql": (b"-- dump\nCREATE TABLE a (b int);", "SQL dump"),
    "talk.vtt": (b"WEBVTT\n\n00:00 --> 00:01\nhi", "subtitles"),
    "model.pkl": (b"\x80\x04x", "pickle"),
    "noise.bin": (bytes(range(128, 256)) * 4, "in no format that is read here"),
}


def test_files_that_are_not_read_are_named_once_with_what_reads_them(tmp_path: Path) -> None:
    put_named(tmp_path, {"rows.csv": CSV} | {name: content for name, (content, _) in UNREAD.items()})
    with pytest.warns(LeftOutWarning) as caught:
        results = read(tmp_path)
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith(f"{len(UNREAD)} files at {tmp_path} left out: ")
    assert text.count("(") >= 5
    assert text.endswith("…; results.skipped lists them")
    told = dict(zip(results.skipped["file"].str.rpartition("/")[2], results.skipped["reason"], strict=True))
    assert {name for name, (_, words) in UNREAD.items() if words not in told[name]} == set()
    assert columns(results) == {"rows": ROWS}  # no second warning


def test_nothing_but_what_is_not_read_is_an_error_that_says_what_it_is(tmp_path: Path) -> None:
    put(tmp_path, a__pdf=b"%PDF-1.7", b__zip=b"PK\x03\x04", _SUCCESS=b"")
    with pytest.raises(
        ResultError, match=r"of 3 files none holds results; .*a\.pdf \(a PDF .*b\.zip \(a zip"
    ):
        read(tmp_path)


@pytest.mark.parametrize("suffix", FILES)
def test_the_same_data_twice_is_read_once_in_each_format(tmp_path: Path, suffix: str) -> None:
    content = FILES[suffix]
    put_named(
        tmp_path,
        {f"a.{suffix}": content, f"a.{suffix}.gz": gzip.compress(content), f"a (1).{suffix}": content},
    )
    with pytest.warns(LeftOutWarning, match="2 files"):
        results = read(tmp_path)
    assert columns(results) == {"a": ROWS}
    assert sorted(results.skipped["reason"]) == [
        f"a copy of a.{suffix}",
        f"the same as a.{suffix}, compressed",
    ]


def test_a_file_that_is_only_called_like_a_copy_is_read(tmp_path: Path) -> None:
    put_named(tmp_path, {"a.csv": CSV, "a (1).csv": f"{CSV}3,z\n"})
    assert columns(read(tmp_path)) == {"a": {"id": [1, 2, 3, 1, 2], "name": ["x", "y", "z", "x", "y"]}}


def test_of_many_files_alike_each_is_looked_at_where_the_samples_differ(tmp_path: Path) -> None:
    """A sample may miss the odd one: it is then a bad line, and not lost."""
    put_named(tmp_path, {f"r-{n:04d}.json": f'{{"n":{n}}}' for n in range(1000)})
    put_named(tmp_path, {"r-0998.json": "\x01\x02 no JSON"})
    results = quiet(tmp_path)
    assert len(results["r"]) == 999
    assert results.bad_lines["file"].str.rpartition("/")[2].tolist() == ["r-0998.json"]


def test_names_with_times_in_front_are_of_no_operation(tmp_path: Path) -> None:
    """Twelve digits may be a minute, and more of them a second or a part of one."""
    times = ["202601021200", "20260102120001", "20260102120001123", "20261231235959123456"]
    put_named(tmp_path, {f"{time}_rows.jsonl": LINES for time in times})
    assert len(read(tmp_path)["rows"]) == 2 * len(times)


@pytest.mark.parametrize("name", ["209913021200_rows.csv", "4711471147114711_rows.csv"])
def test_other_long_numbers_in_front_are_ids(tmp_path: Path, name: str) -> None:
    put_named(tmp_path, {name: CSV})
    results = read(tmp_path)
    assert results["rows"].attrs["operation"] == re.match(r"\d+", name)[0]  # type: ignore[index]  # it matches
