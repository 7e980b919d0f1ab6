"""Every table in a database: the same rows and types, safe names, all or nothing."""

from __future__ import annotations

import json
import sqlite3
import warnings
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from places import SHARED

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results import table_stream
from lro_notebook.results.databases.naming import distinct, quoted
from lro_notebook.results.databases.sqlite import Sqlite
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from lro_notebook.results.results import Results

SYNTHEA = SHARED / "data" / "synthea-10"
NAME = {"family": "Ö'\"x", "given": ["A", "B"]}
PATIENTS = [
    {
        "resourceType": "Patient",
        "id": "1",
        "active": True,
        "name": [{"family": "Ö'\"x", "given": ["A", "B"]}],
    },
    {"resourceType": "Patient", "id": "2", "multipleBirthInteger": 2**62, "birthDate": "1970-03-01"},
]


@pytest.fixture(params=["sqlite", "duckdb"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "duckdb":
        pytest.importorskip("duckdb")
    return name


def written(results: Results, kind: str, place: Any, **how: Any) -> pd.DataFrame:
    return results.to_sqlite(place, **how) if kind == "sqlite" else results.to_duckdb(place, **how)


def rows_of(kind: str, path: Path, query: str) -> list[tuple[Any, ...]]:
    if kind == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()
    import duckdb

    with duckdb.connect(str(path)) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return rows


def tables_of(kind: str, path: Path) -> set[str]:
    query = {
        "sqlite": "SELECT name FROM sqlite_master",
        "duckdb": "SELECT table_name FROM information_schema.tables",
    }
    return {name for (name,) in rows_of(kind, path, query[kind])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir()
    (place / "Patient.ndjson").write_text("".join(json.dumps(row) + "\n" for row in PATIENTS))
    (place / "Device.ndjson").write_text('{"resourceType":"Device","id":"d"}\n')
    return place


def test_every_table_and_view_is_written_and_counted(folder: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "all.db"
    frame = written(read(folder, lists="nested"), kind, path, views=["Patient"])
    assert frame["table"].tolist() == ["Device", "Patient", "Patient_view"]
    assert frame["rows"].tolist() == [1, 2, 2]
    assert frame.dtypes.astype(str).tolist() == ["string", "Int64"]
    assert tables_of(kind, path) == {"Device", "Patient", "Patient_view"}
    select = 'SELECT id, active, "multipleBirthInteger", "birthDate" FROM "Patient" ORDER BY id'
    assert rows_of(kind, path, select) == [("1", True, None, None), ("2", None, 2**62, "1970-03-01")]
    assert rows_of(kind, path, "SELECT family FROM \"Patient_view\" WHERE id = '1'") == [("Ö'\"x",)]


def test_a_second_time_replaces_the_first(folder: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "all.db"
    written(read(folder, lists="nested"), kind, path)
    written(read(folder, tables=["Patient"], lists="nested"), kind, path)
    assert rows_of(kind, path, 'SELECT count(*) FROM "Patient"') == [(2,)]
    assert tables_of(kind, path) == {"Device", "Patient"}


def test_names_that_differ_in_case_or_are_sql_are_safe(tmp_path: Path, kind: str) -> None:
    names = ["id", "ID", 'x"; DROP TABLE t; --', "", "select", "a b"]
    table = pa.table([pa.array([number]) for number in range(len(names))], names=names)
    pq.write_table(table, tmp_path / "t.parquet")
    pq.write_table(table, tmp_path / "T.parquet")
    path = tmp_path / "names.db"
    frame = written(read(tmp_path), kind, path)
    assert sorted(name.casefold() for name in frame["table"]) == ["t", "t_2"]
    assert rows_of(kind, path, "SELECT * FROM t") == [(0, 1, 2, 3, 4, 5)]
    assert rows_of(kind, path, 'SELECT "ID_2", "x""; DROP TABLE t; --", "column" FROM t') == [(1, 2, 3)]


def test_names_get_numbers_until_no_two_are_one() -> None:
    assert distinct(["a", "A", "a_2", "", "\x00"], ["x"]) == ["a", "A_2", "a_2_2", "column", "\ufffd"]
    assert distinct(["x"], ["X"]) == ["x_2"]
    assert quoted('a"b') == '"a""b"'


def test_types_stay_what_they_are(tmp_path: Path, kind: str) -> None:
    utc = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "whole": pa.array([2**63 - 1, None], pa.int64()),
            "large": pa.array([2**64 - 1, None], pa.uint64()),
            "half": pa.array([0.1, None], pa.float64()),
            "exact": pa.array([Decimal("1.50"), None], pa.decimal128(20, 2)),
            "flag": pa.array([False, None], pa.bool_()),
            "bytes": pa.array([b"\x00\xff", None], pa.binary()),
            "list": pa.array([["a", "b"], None], pa.list_(pa.string())),
            "time": pa.array([1_700_000_000_120_000, None], utc),
            "words": pa.array(["ä", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    path = tmp_path / "types.db"
    written(read(tmp_path, lists="nested", decimals="exact"), kind, path)
    select = "SELECT typeof(whole), typeof(half), typeof(exact), typeof(bytes), typeof(list) FROM t"
    (kinds, _) = rows_of(kind, path, select)
    values, nothing = rows_of(kind, path, "SELECT whole, half, flag, bytes, words FROM t")
    assert values == (2**63 - 1, 0.1, False, b"\x00\xff", "ä")
    assert nothing == (None,) * 5
    if kind == "sqlite":
        assert kinds == ("integer", "real", "text", "blob", "text")
        told = rows_of(kind, path, "SELECT large, exact, list, time, unixepoch(time) FROM t")[0]
        assert told == (str(2**64 - 1), "1.5", '["a", "b"]', "2023-11-14T22:13:20.12Z", 1_700_000_000)
    else:
        assert kinds == ("BIGINT", "DOUBLE", "DECIMAL(2,1)", "BLOB", "VARCHAR[]")
        told = rows_of(kind, path, "SELECT large, exact, list, epoch_us(time) FROM t")[0]
        assert told == (2**64 - 1, Decimal("1.50"), ["a", "b"], 1_700_000_000_120_000)


def test_a_broken_write_leaves_everything_as_it_was(
    folder: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = tmp_path / "old.db", tmp_path / "new.db"
    written(read(folder, lists="nested"), kind, path)
    results = read(folder, lists="nested")
    results["Patient"]
    (folder / "Device.ndjson").unlink()
    for place in (path, new):
        with pytest.raises(ResultError):
            written(results, kind, place)
    assert not new.exists()

    def broken(table: pa.Table) -> Any:
        yield table.slice(0, 1)
        raise ResultError("half way")

    monkeypatch.setattr(table_stream, "_cut", broken)
    for place in (path, new):
        with pytest.raises(ResultError):
            written(results, kind, place, tables=["Patient"])
    assert not new.exists()
    assert rows_of(kind, path, 'SELECT count(*) FROM "Patient"') == [(2,)]
    assert tables_of(kind, path) == {"Device", "Patient"}


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path, kind: str) -> None:
    with pytest.raises(ResultError, match="cannot write there"):
        written(read(folder, lists="nested"), kind, tmp_path / "nowhere" / "x.db")
    other = tmp_path / "letter.db"
    other.write_text("Dear database, " * 500)
    with pytest.raises(ResultError, match="cannot write there"):
        written(read(folder, lists="nested"), kind, other)
    assert other.read_text().startswith("Dear")


def test_only_some_tables_on_request_and_unknown_ones_are_refused(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    frame = written(read(folder, lists="nested"), kind, tmp_path / "some.db", tables=["Device"])
    assert frame["table"].tolist() == ["Device"]
    with pytest.raises(KeyError, match="there are Device, Patient"):
        written(read(folder, lists="nested"), kind, tmp_path / "none.db", tables=["Nope"])
    with pytest.raises(ConfigError, match="give a list"):
        written(read(folder, lists="nested"), kind, tmp_path / "none.db", views="Patient")
    assert not (tmp_path / "none.db").exists()
    named = written(
        read(folder, lists="nested"), kind, tmp_path / "some.db", tables=[], views={"people": "Patient"}
    )
    assert named["table"].tolist() == ["people"]


def test_tables_of_lists_are_written_too(folder: Path, tmp_path: Path, kind: str) -> None:
    frame = written(read(folder, lists="explode"), kind, tmp_path / "x.db")
    assert dict(zip(frame["table"], frame["rows"], strict=True))["Patient.name.given"] == 2
    some = written(read(folder, lists="explode"), kind, tmp_path / "y.db", tables=["Patient.name"])
    assert some["table"].tolist() == ["Patient.name"]


@pytest.mark.parametrize("level", ["", None, "IMMEDIATE"])
def test_an_open_sqlite_connection_keeps_its_transaction(folder: Path, level: Any) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=level)) as connection:
        connection.execute("CREATE TABLE mine (x)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO mine VALUES (1)")
        read(folder, lists="nested").to_sqlite(connection)
        assert connection.in_transaction
        connection.rollback()
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
        read(folder, lists="nested").to_sqlite(connection)
        assert not connection.in_transaction
        assert connection.execute('SELECT count(*) FROM "Patient"').fetchone() == (2,)


def test_an_open_duckdb_connection_is_used_outside_of_a_transaction(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        read(folder, lists="nested").to_duckdb(connection)
        assert connection.execute('SELECT count(*) FROM "Patient"').fetchone() == (2,)
        connection.begin()
        with pytest.raises(ConfigError, match="commit it first"):
            read(folder, lists="nested").to_duckdb(connection)


def test_more_columns_than_sqlite_takes_are_told_before(tmp_path: Path) -> None:
    table = pa.table({f"c{number}": [1] for number in range(2_001)})
    with (
        closing(sqlite3.connect(tmp_path / "wide.db")) as connection,
        pytest.raises(ResultError, match="2,000"),
    ):
        Sqlite(connection).write("wide", table_stream.Stream.of(table))


@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/data/synthea-10 is not here")
def test_real_data_has_all_its_rows(tmp_path: Path, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = read(SYNTHEA)
        frame = written(results, kind, tmp_path / "all.db", views=["Observation"])
        counts = dict(zip(frame["table"], frame["rows"], strict=True))
        for name in results:
            assert counts.pop(name) == len(results[name])
        assert counts == {"Observation_view": len(results.view("Observation"))}
