"""Parquet and Dask: the rows and types that memory would hold, shard by shard; what does not fit in it."""

from __future__ import annotations

import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from results.uneven import SHARDS, write_uneven

from lro_notebook.errors import BadLinesWarning, ConfigError, LroWarning, ResultError
from lro_notebook.results import memory_estimate, progress_bar, results
from lro_notebook.results.load_place import read
from lro_notebook.results.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook.results.results import Results


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir()
    write_uneven(place)
    return place


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        yield


OPTIONS: list[dict[str, Any]] = [
    {},
    {"decimals": "exact"},
    {"decimals": "text"},
    {"lists": "nested"},
    {"lists": "explode"},
    {"parse_dates": True},
    {"columns": ["late.key", "id", "n"]},
]


def ids_of(options: dict[str, Any]) -> str:
    return next(iter(options.items()), ("defaults", ""))[0] + str(next(iter(options.values()), ""))


@pytest.mark.parametrize("options", OPTIONS, ids=ids_of)
def test_parquet_holds_what_memory_would(folder: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    written = read(folder, **options).to_parquet(tmp_path / "pq")
    loaded = read(folder, **options)
    assert set(written["table"]) == set(loaded)
    for name in loaded:
        files = sorted((tmp_path / "pq" / name).iterdir())
        assert len(files) == len(SHARDS)
        wanted = loaded.arrow(name).schema
        for file in files:
            schema = pq.read_schema(file).remove_metadata()
            assert sorted(schema.names) == sorted(wanted.names)
            assert schema.names == wanted.names or options.get("lists") == "explode"
            assert all(schema.field(column).equals(wanted.field(column)) for column in wanted.names)
        assert pq.read_table(tmp_path / "pq" / name).to_pylist() == loaded.arrow(name).to_pylist()


def test_parquet_says_what_it_wrote_and_what_was_bad(folder: Path, tmp_path: Path) -> None:
    found = read(folder)
    with pytest.warns(BadLinesWarning):
        written = found.to_parquet(tmp_path / "pq")
    assert written.dtypes.astype(str).tolist() == ["string", "string", "Int64", "Int64"]
    assert written["rows"].tolist() == [2, 1, 0, 2]
    assert written["file"].tolist()[0] == f"{tmp_path}/pq/T/part-00000.parquet"
    for path in folder.iterdir():
        path.write_bytes(b"")  # what was bad is known without another reading
    assert found.bad_lines["line"].tolist() == [2]


def test_parquet_replaces_what_an_earlier_call_wrote(folder: Path, tmp_path: Path) -> None:
    read(folder).to_parquet(tmp_path / "pq")
    read(folder / "9_T-0-of-4", partial=True).to_parquet(tmp_path / "pq")
    assert pq.read_table(tmp_path / "pq" / "T")["id"].to_pylist() == ["1", "2"]


def test_parquet_goes_to_any_file_system(folder: Path) -> None:
    written = read(folder).to_parquet("memory://bucket/pq")
    assert written["file"].tolist()[0] == "memory://bucket/pq/T/part-00000.parquet"


def test_parquet_goes_back_into_the_bucket_that_was_read(folder: Path, tmp_path: Path) -> None:
    found = read("gs://out", buckets=str(tmp_path))
    written = found.to_parquet("gs://out/pq")
    assert written["file"].tolist()[0] == "gs://out/pq/T/part-00000.parquet"
    assert (folder / "pq" / "T" / "part-00003.parquet").is_file()
    with pytest.raises(ConfigError, match="does not stay inside a bucket"):
        found.to_parquet("gs://out/../../elsewhere")


def test_parquet_of_a_response(tmp_path: Path) -> None:
    found = results.Results.from_response({"items": [{"a": 1}, {"a": 2}]})
    assert found.to_parquet(tmp_path)["rows"].tolist() == [2]


def test_parquet_shows_its_progress(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LRO_NOTEBOOK_PROGRESS", "1")
    monkeypatch.setattr(progress_bar, "_FROM", 1)
    read(folder).to_parquet(tmp_path / "pq")
    assert "T to Parquet" in capsys.readouterr().err


@pytest.mark.parametrize("options", OPTIONS, ids=ids_of)
def test_dask_computes_what_memory_would(folder: Path, options: dict[str, Any]) -> None:
    found, loaded = read(folder, **options), read(folder, **options)
    for name in list(loaded):
        frame = found.dask(name)
        assert frame.npartitions == len(SHARDS)
        computed = frame.compute(scheduler="sync").reset_index(drop=True)
        assert frame.dtypes.sort_index().equals(loaded[name].dtypes.sort_index())
        pd.testing.assert_frame_equal(computed, loaded[name], check_like=options.get("lists") == "explode")
        for part in frame.partitions:
            assert part.compute(scheduler="sync").dtypes.equals(frame.dtypes)


def test_dask_names_the_tables_that_there_are(folder: Path) -> None:
    with pytest.raises(KeyError, match="no table 'Nope'; there are T"):
        read(folder).dask("Nope")
    with pytest.raises(KeyError, match=r"no table 'T\.nope'"):
        read(folder, lists="explode").dask("T.nope")


def test_without_dask_the_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(ConfigError, match=r'pip install "dask\[dataframe\]"'):
        read(folder).dask("T")


def test_dask_names_a_table_without_a_look_at_its_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shard, "__dask_tokenize__", lambda _: pytest.fail("a look"), raising=False)
    results = read(folder, lists="explode")
    frames = [results.dask("T"), results.dask("T.list"), read(folder).dask("T")]
    assert len({frame._name for frame in frames}) == 3


def many(folder: Path, monkeypatch: pytest.MonkeyPatch, free: int | None) -> Results:
    row = json.dumps({"id": "x" * 200, "n": 1}).encode() + b"\n"
    (folder / "U.ndjson").write_bytes(row * 10_000)
    monkeypatch.setattr(memory_estimate, "available", lambda: free)
    monkeypatch.setattr(memory_estimate, "_SURE_FROM", 100_000)
    return read(folder / "U.ndjson")


def test_what_does_not_fit_is_said_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResultError, match=r"U will take about .* GB.*columns=.*to_parquet.*dask.*BigQuery"):
        many(tmp_path, monkeypatch, 1_000)["U"]


@pytest.mark.parametrize("free", [None, 100_000_000])
def test_what_fits_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int | None) -> None:
    assert len(many(tmp_path, monkeypatch, free)["U"]) == 10_000


def test_bad_lines_of_what_does_not_fit_are_found_without_keeping_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = many(tmp_path, monkeypatch, 1_000)
    with (tmp_path / "U.ndjson").open("ab") as file:
        file.write(b"broken")
    assert found.bad_lines["line"].tolist() == [10_001]
    assert not found._loaded
    assert "not read yet</td><td>1</td>" in found._repr_html_()


def test_the_memory_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"max": "1000", "current": "700", "stat": "anon 5\ninactive_file 200\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr(memory_estimate, "_CGROUP", tmp_path)
    assert memory_estimate.available() == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert (memory_estimate.available() or 0) > 1_000_000
    monkeypatch.setattr(memory_estimate, "_MEMINFO", tmp_path / "none")
    assert (memory_estimate.available() or 0) > 1_000_000
