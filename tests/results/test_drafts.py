"""Parquet that is written before all columns are known: the files are those of one that knew them."""

from __future__ import annotations

import json
import random
import warnings
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results.odd_shards import OPTIONS, is_kept

from lro_notebook.errors import LroWarning, ResultError
from lro_notebook.results.arrow import coalesce
from lro_notebook.results.export import drafts, parquet
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def early(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(parquet, "_HELD", 0)
    monkeypatch.setattr(coalesce.coalesced, "__kwdefaults__", {"first": 1, "size": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        yield


def write(folder: Path, *shards: list[dict[str, Any]], **options: Any) -> list[pa.Table]:
    (folder / "in").mkdir(exist_ok=True)
    for number, rows in enumerate(shards):
        (folder / "in" / f"T.{number:03d}.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    read(folder / "in", **options).to_parquet(folder / "pq")
    return [pq.ParquetFile(path).read() for path in sorted((folder / "pq" / "T").iterdir())]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("seed", range(12))
def test_early_late_and_in_memory_are_the_same(seed: int, options: dict[str, Any], tmp_path: Path) -> None:
    assert is_kept(random.Random(seed), tmp_path, options)  # noqa: S311 - no secret


def test_only_parts_that_lack_something_are_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    before = drafts._Writer.__init__

    def counted(self: drafts._Writer, fs: Any, draft: drafts.Draft, compression: str) -> None:
        opened.append(draft.path.rpartition("/")[2][:11])
        before(self, fs, draft, compression)

    monkeypatch.setattr(drafts._Writer, "__init__", counted)
    tables = write(tmp_path, [{"a": 1}], [{"a": 2, "b": 1}], [{"a": 3}], [{"b": 4}], [{}])
    assert opened.count(".part-00000") == 2
    assert [opened.count(f".part-0000{number}") for number in (1, 2, 3)] == [1, 1, 1]
    assert [table.to_pylist() for table in tables] == [
        [{"a": 1, "b": None}],
        [{"a": 2, "b": 1}],
        [{"a": 3, "b": None}],
        [{"a": None, "b": 4}],
        [{"a": None, "b": None}],
    ]


@pytest.mark.parametrize(
    ("decimals", "values", "want"),
    [
        ("float", [1, 1.5, "x"], ["1", "1.5", "x"]),
        ("float", [10**15, 1.5, 2**60], ["1000000000000000", "1.5", str(2**60)]),
        ("float", [True, "x"], ["true", "x"]),
        ("exact", [1.50, "x"], ["1.5", "x"]),
        ("float", [{"b": [1]}, {"b": ["x"]}], ["1", "x"]),
    ],
)
def test_text_of_a_later_file_makes_earlier_numbers_the_text_that_they_were(
    tmp_path: Path, decimals: str, values: list[Any], want: list[str]
) -> None:
    tables = write(tmp_path, *([{"v": value}] for value in values), decimals=decimals)
    assert [row for table in tables for row in table.column(0).to_pylist()] == want


def test_a_partial_date_of_a_later_file_makes_earlier_instants_the_text_that_they_were(
    tmp_path: Path,
) -> None:
    dates = ["2020-05-01T10:00:00+02:00", "2020-01-01", "unknown"]
    tables = write(tmp_path, *([{"date": date}] for date in dates), parse_dates=True)
    assert [row for table in tables for row in table["date"].to_pylist()] == dates


def test_numbers_in_a_column_of_dates_are_text(tmp_path: Path) -> None:
    tables = write(tmp_path, [{"date": "2020-01-01"}], [{"date": 1.5}], parse_dates=True)
    assert [row for table in tables for row in table["date"].to_pylist()] == ["2020-01-01", "1.5"]


def test_what_parquet_cannot_hold_can_be_a_draft(tmp_path: Path) -> None:
    (first, second) = write(tmp_path, [{"a": [{}]}], [{"a": [{"x": 1}]}], lists="nested")
    assert first.to_pylist() == [{"a": [{"x": None}]}]
    assert second.to_pylist() == [{"a": [{"x": 1}]}]
    with pytest.raises(ResultError, match="column a has only objects without keys"):
        write(tmp_path, [{"a": [{}]}], [{"a": [{}]}], lists="nested")
    assert list(tmp_path.rglob("*.partial")) == []


def test_a_wide_table_of_many_files_has_no_quadratic_drafts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    before = drafts._Writer.__init__

    def counted(*given: Any) -> None:
        nonlocal count
        count += 1
        before(*given)

    monkeypatch.setattr(drafts._Writer, "__init__", counted)
    tables = write(tmp_path, *([{f"k{number}": 1}] for number in range(30)))  # each file has a new column
    assert count <= 2 * 30
    assert all(table.num_columns == 30 for table in tables)
