"""``source_file=True``: each row says its file, in every format and every way out."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import fsspec
import pandas as pd
import pytest
from results import dicoms
from results.any_files import CSV, FILES, LINES, ROWS, put_named, quiet

import lro_notebook as lro
from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

MORE = {
    "ndjson": b'{"resourceType":"Patient","id":"1"}\n{"resourceType":"Patient","id":"2"}\n',
    "hl7": b"MSH|^~\\&|A\rPID|1||7\r\nMSH|^~\\&|B\rPID|1||8\r",
    "ids": b"Patient/1\nPatient/2\n",
    "dicom.json": json.dumps(
        [{"00080018": {"vr": "UI", "Value": [uid]}, "00080016": {"vr": "UI", "Value": ["1"]}} for uid in "12"]
    ).encode(),
}
EACH = FILES | MORE


@pytest.fixture(params=EACH)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder with two files of a format, of one table."""
    content = EACH[request.param]
    return put_named(tmp_path / "in", {f"rows_{n}.{request.param}": content for n in (1, 2)})


def per_file(frame: pd.DataFrame, place: str) -> list[int]:
    """Return how many rows are of each file, and check that the files are those at a place."""
    counts = frame["source_file"].value_counts()
    assert all(name.startswith(f"{place}/rows_") for name in counts.index)
    return sorted(counts.tolist())


def test_each_row_says_its_file(folder: Path) -> None:
    results = quiet(folder, source_file=True)
    main = next(iter(results))
    assert per_file(results[main], str(folder)) == [2, 2]
    assert str(results[main]["source_file"].dtype) == "string[pyarrow]"
    assert list(results[main].columns)[-1] == "source_file"
    assert "source_file" not in quiet(folder)[main].columns


@pytest.mark.parametrize("lists", ["first", "nested", "explode"])
def test_it_says_so_whatever_lists_become(folder: Path, lists: str) -> None:
    results = quiet(folder, source_file=True, lists=lists)
    assert per_file(results[next(iter(results))], str(folder)) == [2, 2]


def test_it_says_so_in_parquet_and_dask(folder: Path, tmp_path: Path) -> None:
    results = quiet(folder, source_file=True)
    main = next(iter(results))
    results.to_parquet(tmp_path / "parquet")
    assert per_file(pd.read_parquet(tmp_path / "parquet" / main), str(folder)) == [2, 2]
    frame = pickle.loads(pickle.dumps(results.dask(main)))  # noqa: S301 - as workers do
    assert per_file(frame.compute(scheduler="sync"), str(folder)) == [2, 2]


def test_it_says_so_of_a_remote_place(folder: Path) -> None:
    memory, there = fsspec.filesystem("memory"), f"/told/{folder.parent.name}"
    for path in folder.iterdir():
        memory.pipe_file(f"{there}/{path.name}", path.read_bytes())
    results = quiet(f"memory:/{there}", source_file=True)
    assert per_file(results[next(iter(results))], f"memory:/{there}") == [2, 2]


@pytest.mark.parametrize("suffix", FILES)
def test_chosen_columns_keep_it_and_may_name_it(tmp_path: Path, suffix: str) -> None:
    put_named(tmp_path, {f"rows.{suffix}": FILES[suffix]})
    for asked in (["name"], ["name", "source_file"]):
        frame = lro.read_results(tmp_path, columns=asked, source_file=True)["rows"]
        assert list(frame.columns) == ["name", "source_file"]
    with pytest.raises(ResultError, match=r"no column nam; near to it: .*name"):
        read(tmp_path, columns=["nam"])["rows"]
    assert list(lro.read_results(tmp_path, columns={"rows": ["id"]})["rows"].columns) == ["id"]


def test_lists_in_tables_of_their_own_are_found_by_the_row(tmp_path: Path) -> None:
    lines = '{"id":1,"tags":["a","b"]}\n{"id":2,"tags":["c"]}\n'
    put_named(tmp_path, {"rows_1.jsonl": lines, "rows_2.jsonl": lines})
    results = read(tmp_path, source_file=True, lists="explode")
    tags, rows = results["rows.tags"], results["rows"]
    assert "source_file" not in tags.columns
    files = rows["source_file"].iloc[tags["row"].to_numpy()].str.rpartition("/")[2]
    assert files.tolist() == ["rows_1.jsonl"] * 3 + ["rows_2.jsonl"] * 3


def test_files_without_rows_and_with_bad_ones_count_right(tmp_path: Path) -> None:
    files = {
        "rows_1.csv": "id,name\n",
        "rows_2.csv": f"{CSV}3\n",
        "rows_3.csv": "",
        "rows_4.csv": "id,name\n9,z\n",
    }
    results = quiet(put_named(tmp_path, files), source_file=True)
    told = results["rows"].assign(source_file=results["rows"]["source_file"].str[-5])
    assert told.to_dict("list") == {"id": [1, 2, 9], "name": ["x", "y", "z"], "source_file": ["2", "2", "4"]}
    assert results.bad_lines["line"].tolist() == [4]


def test_a_column_of_that_name_is_never_replaced(tmp_path: Path) -> None:
    put_named(tmp_path, {"rows.csv": "id,source_file\n1,own\n"})
    with pytest.raises(
        ConfigError, match="source_file=True: rows of delimited values in rows have a column of"
    ):
        read(tmp_path, source_file=True)["rows"]
    assert read(tmp_path)["rows"]["source_file"].tolist() == ["own"]


def test_objects_of_dicom_say_it_too(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.dcm").write_bytes(dicoms.made())
    frame = quiet(tmp_path, source_file=True)["instances"]
    assert sorted(frame["source_file"].str[-5:]) == ["a.dcm", "b.dcm"]


def test_a_thousand_small_files_are_told_apart(tmp_path: Path) -> None:
    put_named(tmp_path, {f"rows_{n:04d}.jsonl": f'{{"n":{n}}}\n' * (n % 3) for n in range(1000)})
    frame: Any = read(tmp_path, source_file=True)["rows"]
    assert (frame["source_file"].str[-10:-6].astype("int64") == frame["n"]).all()
    assert len(frame) == sum(n % 3 for n in range(1000))


def test_two_tables_of_one_place_each_say_their_own(tmp_path: Path) -> None:
    put_named(tmp_path, {"predictions_1.jsonl": LINES, "errors_1.jsonl": LINES, "errors_2.jsonl": LINES})
    results: Results = read(tmp_path, source_file=True)
    assert set(results["predictions"]["source_file"]) == {f"{tmp_path}/predictions_1.jsonl"}
    assert len(set(results["errors"]["source_file"])) == 2
    assert results["predictions"].drop(columns="source_file").to_dict("list") == ROWS
