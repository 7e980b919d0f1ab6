"""Names of tables, from the names of their files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.results.discovery.file_sets import table_names

#: The paths of files below a place, and the tables that they make.
SETS: dict[str, tuple[list[str], list[str]]] = {
    "numbered lines": (["predictions_0001.jsonl", "predictions_0002.jsonl"], ["predictions"] * 2),
    "errors beside predictions": (
        ["predictions_1.jsonl", "errors_1.jsonl", "prediction.errors_stats-00000-of-00001"],
        ["predictions", "errors", "errors"],
    ),
    "shards": (
        ["prediction.results-00000-of-00002", "prediction.results-00001-of-00002"],
        ["predictions"] * 2,
    ),
    "pages": (["output-1-to-2.json", "output-3-to-3.json"], ["scans"] * 2),
    "bare numbers": (["000000000000.csv", "000000000001.csv"], ["scans"] * 2),
    "numbers behind a name": (["export-000000000000.csv.gz", "t000000000001.csv"], ["scans", "t"]),
    "a folder per kind": (["Instance/0", "Instance/1", "Disk/0"], ["Instance", "Instance", "Disk"]),
    "a folder per document": (["77/0/report-0.json", "77/1/letter-0.json"], ["report", "letter"]),
    "transcripts": (
        ["a_transcript_66ecb1f0-0000-2b34-9c44-582429c1ba34.json", "b_transcript_66ec2b349c44582429c1.json"],
        ["transcripts"] * 2,
    ),
    "an id in front": (["1234567890123456_scores.csv", "9234567890123456_scores.csv"], ["scores"] * 2),
    "days and times": (
        ["logs_2026-01-02T03:04:05.678Z.json", "logs-2026-01-03T00:00:00Z.json", "logs 10:00:00"],
        ["logs"] * 3,
    ),
    "hours of Cloud Logging": (
        ["syslog/2026/01/02/03:00:00_03:59:59_S0.json", "syslog/2026/01/02/04:00:00_04:59:59_S1.json"],
        ["syslog"] * 2,
    ),
    "copies": (["rows (1).csv", "rows.csv", "rows (12).csv"], ["rows"] * 3),
    "keys of Hive": (
        ["day=2026-01-01/part-00000.parquet", "day=2026-01-02/part-0.snappy.parquet"],
        ["scans"] * 2,
    ),
    "a word of its own": (["scores.csv", "ages.tsv"], ["scores", "ages"]),
    "no word at all": (["_", "..", "0"], ["scans", "scans", "scans"]),
    "any letters": (["Über-1.csv", "Über-2.csv", "名前_01.json"], ["Über", "Über", "名前"]),
    "errors alone": (["errors.jsonl", "parse_errors.jsonl"], ["errors", "parse_errors"]),
}


@pytest.mark.parametrize("kind", SETS)
def test_files_of_a_set_are_one_table(kind: str) -> None:
    paths, tables = SETS[kind]
    assert table_names(paths, "scans") == tables


def test_a_place_without_a_word_is_called_data() -> None:
    assert table_names(["0.csv", "part-1.csv"], "7") == ["data", "part"]
    assert table_names([]) == []


_PIECES = st.text(st.sampled_from("ab0129cS-_. ()é:T=/ofto"), max_size=30)


@given(st.lists(st.text(max_size=60) | _PIECES, max_size=8), st.text(max_size=10))
@settings(derandomize=True, max_examples=300)
def test_any_names_make_a_table_each(paths: list[str], place: str) -> None:
    tables = table_names(paths, place)
    assert len(tables) == len(paths)
    assert all(tables)


@given(
    st.text(st.sampled_from("abcxyzé"), min_size=2, max_size=12),
    st.lists(st.integers(0, 10**9), min_size=2, max_size=5),
    st.sampled_from(["{}-{:05d}.csv", "{}_{}.jsonl", "{}.{}.parquet", "{} ({}).json", "{}-{:012d}", "{}/{}"]),
)
@settings(derandomize=True, max_examples=200)
def test_names_that_differ_in_their_number_are_of_one_table(word: str, numbers: list[int], form: str) -> None:
    tables = table_names([form.format(word, number) for number in numbers], "place")
    assert len(set(tables)) == 1
    assert table_names([form.format(word, numbers[0])], "place") == tables[:1]  # whatever is beside it


@pytest.mark.parametrize("name", ["1-" * 510 + ".csv", "(1) " * 250 + "x", "0" * 1024, "x" * 1024])
def test_names_as_long_as_they_may_be_are_names(name: str) -> None:
    assert all(table_names([name, f"folder/{name}"], "place"))
