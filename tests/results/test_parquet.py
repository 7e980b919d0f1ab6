"""Parquet files become tables in the types that they declare; what is wrong in one is said of it alone."""

from __future__ import annotations

import gzip
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results.declared import Far, results_of, rows_and_bad, rows_of

from lro_notebook.errors import ResultError, TruncatedListsWarning
from lro_notebook.results.formats.parquet.footer_checks import FIXED_LISTS
from lro_notebook.results.formats.parquet.reader import PARQUET
from lro_notebook.results.load_place import options_of
from lro_notebook.results.results import Results
from lro_notebook.results.sources import seekable

if TYPE_CHECKING:
    from pathlib import Path

DAY, MOMENT = date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 - a local time
INSTANT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

#: Type in the file -> its value there, type in the table, its value there.
TYPES: dict[str, tuple[pa.DataType, Any, pa.DataType, Any]] = {
    "text": (pa.string(), "é", pa.string(), "é"),
    "long text": (pa.large_string(), "a", pa.string(), "a"),
    "a dictionary": (pa.dictionary(pa.int8(), pa.string()), "a", pa.string(), "a"),
    "bytes": (pa.binary(), b"\xff", pa.binary(), b"\xff"),
    "long bytes": (pa.large_binary(), b"\xff", pa.binary(), b"\xff"),
    "fixed bytes": (pa.binary(2), b"\xff\0", pa.binary(), b"\xff\0"),
    "truth": (pa.bool_(), True, pa.bool_(), True),
    "int8": (pa.int8(), -1, pa.int64(), -1),
    "uint32": (pa.uint32(), 2**32 - 1, pa.int64(), 2**32 - 1),
    "uint64": (pa.uint64(), 5, pa.int64(), 5),
    "a large uint64": (pa.uint64(), 2**64 - 1, pa.decimal256(20, 0), Decimal(2**64 - 1)),
    "half": (pa.float16(), np.float16(1.5), pa.float64(), 1.5),
    "float": (pa.float32(), 1.5, pa.float64(), 1.5),
    "a decimal": (pa.decimal128(10, 2), Decimal("1.20"), pa.float64(), 1.2),
    "a wide decimal": (pa.decimal256(60, 2), Decimal("1.20"), pa.float64(), 1.2),
    "a whole decimal": (pa.decimal128(10, 0), Decimal(7), pa.int64(), 7),
    "a large decimal": (pa.decimal128(30, 0), Decimal(10**25), pa.decimal256(26, 0), Decimal(10**25)),
    "a date": (pa.date32(), DAY, pa.date32(), DAY),
    "a date of 64 bits": (pa.date64(), DAY, pa.date32(), DAY),
    "a time": (pa.time32("ms"), time(1, 2, 3), pa.time64("us"), time(1, 2, 3)),
    "a fine time": (pa.time64("ns"), time(1, 2, 3), pa.time64("us"), time(1, 2, 3)),
    "a local time": (pa.timestamp("us"), MOMENT, pa.timestamp("us"), MOMENT),
    "nanoseconds": (pa.timestamp("ns"), MOMENT, pa.timestamp("us"), MOMENT),
    "an instant": (pa.timestamp("ms", "UTC"), INSTANT, pa.timestamp("us", "UTC"), INSTANT),
    "a zone": (pa.timestamp("us", "Europe/Zurich"), INSTANT, pa.timestamp("us", "UTC"), INSTANT),
    "a duration": (pa.duration("s"), timedelta(seconds=5), pa.duration("us"), timedelta(seconds=5)),
    "nothing": (pa.null(), None, pa.string(), None),
}
#: What older versions of pyarrow do not write.
if hasattr(pa, "uuid"):  # pyarrow 18
    TYPES["text views"] = (pa.string_view(), "a", pa.string(), "a")
    TYPES["a uuid"] = (pa.uuid(), uuid.UUID(int=5).bytes, pa.string(), str(uuid.UUID(int=5)))
if hasattr(pa, "json_"):  # pyarrow 19
    TYPES["json"] = (pa.json_(), '{"a": 1}', pa.string(), '{"a": 1}')


def write(path: Path, table: pa.Table, **how: Any) -> Path:
    pq.write_table(table, path, **how)
    return path


def column(dtype: pa.DataType, *values: Any) -> pa.Table:
    return pa.table({"x": pa.array(values, dtype)})


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_becomes_a_plain_one_in_frames_parquet_and_dask(kind: str, tmp_path: Path) -> None:
    given, value, expected, shown = TYPES[kind]
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.parquet", column(given, value, None, value))
    results = results_of(folder, PARQUET)
    table = results.arrow("T")
    assert table.schema.field("x").type == expected
    assert table["x"].to_pylist() == [shown, None, shown]
    assert results["T"]["x"].dtype == pd.ArrowDtype(expected)
    assert results.bad_lines.empty
    results_of(folder, PARQUET).to_parquet(tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "T")["x"].to_pylist() == [shown, None, shown]
    frame = results_of(folder, PARQUET).dask("T").compute()
    assert pa.array(frame["x"]).cast(expected).to_pylist() == [shown, None, shown]


@pytest.mark.parametrize(
    ("decimals", "shown"),
    [
        ("float", {"d": 1.2, "n": 3, "f": 0.5, "w": Decimal(10**25), "m": 1e-40}),
        ("exact", {"d": Decimal("1.20"), "n": 3, "f": 0.5, "w": Decimal(10**25), "m": "1E-40"}),
        ("text", {"d": "1.20", "n": "3", "f": "0.5", "w": str(10**25), "m": "1E-40"}),
    ],
)
def test_decimals_are_what_is_asked_for(decimals: str, shown: Any, tmp_path: Path) -> None:
    table = pa.table(
        {
            "d": pa.array([Decimal("1.20")], pa.decimal128(9, 2)),
            "n": pa.array([3], pa.int16()),
            "f": pa.array([0.5], pa.float32()),
            "w": pa.array([Decimal(10**25)], pa.decimal128(30, 0)),
            "m": pa.array([Decimal("1e-40")], pa.decimal256(76, 40)),
        }
    )
    write(tmp_path / "a", table)
    (row,) = rows_of(tmp_path, PARQUET, decimals=decimals)
    assert row == shown


NESTED = pa.table(
    {
        "id": pa.array(["1", "2", "3"]),
        "o": pa.array([{"a": 1, "b": {"c": "x"}}, None, {"a": None, "b": None}]),
        "l": pa.array(
            [[{"v": "p"}, {"v": "q"}], [], None], pa.large_list(pa.struct([("v", pa.large_string())]))
        ),
        "m": pa.array([[("k", 1), ("j", 2)], None, []], pa.map_(pa.string(), pa.int32())),
        "f": pa.array([[1.0, 2.0], [5.0, 6.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        "a.b": pa.array([7, 8, 9]),
    }
)


def test_nested_values_are_made_flat_as_those_of_fhir_are(tmp_path: Path) -> None:
    write(tmp_path / "a", NESTED)
    with pytest.warns(TruncatedListsWarning):
        first, second, third = results_of(tmp_path, PARQUET).arrow("T").to_pylist()
    assert first == {
        "id": "1", "o.a": 1, "o.b.c": "x", "l.v": "p", "m.key": "k", "m.value": 1, "f": 1.0, "a\\.b": 7,
    }  # fmt: skip
    assert {name for name, value in second.items() if value is not None} == {"id", "f", "a\\.b"}
    assert third["f"] == 3.0
    nested = rows_of(tmp_path, PARQUET, lists="nested")
    assert nested[0]["m"] == [{"key": "k", "value": 1}, {"key": "j", "value": 2}]
    assert [row["f"] for row in nested] == [[1.0, 2.0], [5.0, 6.0], [3.0, 4.0]]
    exploded = results_of(tmp_path, PARQUET, lists="explode")
    assert exploded.arrow("T.m")["key"].to_pylist() == ["k", "j"]
    assert exploded.arrow("T.l")["v"].to_pylist() == ["p", "q"]
    assert exploded.arrow("T.f")["value"].to_pylist() == [1.0, 2.0, 5.0, 6.0, 3.0, 4.0]


def test_missing_lists_of_a_fixed_size_are_read_or_named(tmp_path: Path) -> None:
    lists = [[1.0, 2.0], None, [3.0, 4.0]]
    try:
        write(tmp_path / "a", column(pa.list_(pa.float64(), 2), *lists))
    except pa.ArrowNotImplementedError:
        pytest.skip("this pyarrow does not write them")
    rows, bad = rows_and_bad(tmp_path, PARQUET, lists="nested")
    old = int(pa.__version__.partition(".")[0]) < 26
    assert [row["x"] for row in rows] == ([] if old else lists)
    assert bad == ([("a", FIXED_LISTS)] if old else [])


def test_only_the_leaves_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a", NESTED, compression="none", use_dictionary=False)
    meta = pq.ParquetFile(path).metadata.row_group(0)
    wanted = ["o.b.c", "l.v", "a\\.b"]
    data = bytearray(path.read_bytes())
    for number in range(meta.num_columns):
        chunk = meta.column(number)
        if chunk.path_in_schema not in ("o.b.c", "l.list.element.v", "a.b"):  # all else may be anything
            data[chunk.data_page_offset : chunk.data_page_offset + chunk.total_compressed_size] = bytes(
                chunk.total_compressed_size
            )
    path.write_bytes(data)
    got, bad = rows_and_bad(tmp_path, PARQUET, columns=wanted)
    assert bad == []
    assert got[0] == {"o.b.c": "x", "l.v": "p", "a\\.b": 7}
    with pytest.raises(ResultError, match=r"no column o\.b\.d; near to it: o\.b\.c"):
        results_of(tmp_path, PARQUET, columns=["o.b.d", "a\\.b"]).arrow("T")


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (pa.array([1], pa.int32()), pa.array([2**40]), [1, 2**40]),
        (pa.array([1]), pa.array([1.5]), [1.0, 1.5]),
        (pa.array(["a"]), pa.array([1]), ["a", "1"]),
        (pa.array([None], pa.null()), pa.array([1]), [None, 1]),
        (pa.array([b"\xff"]), pa.array([1]), ["/w==", "1"]),
        (pa.array([DAY]), pa.array(["x"]), ["2026-01-02", "x"]),
        (pa.array([INSTANT]), pa.array([1]), ["2026-01-02T03:04:05.000000Z", "1"]),
        (
            pa.array([MOMENT]),
            pa.array([INSTANT]),
            ["2026-01-02T03:04:05.678901", "2026-01-02T03:04:05.000000Z"],
        ),
        (pa.array([Decimal("1.5")]), pa.array([2]), [1.5, 2.0]),
        (pa.array([DAY]), pa.array([[1]]), ["2026-01-02", "1"]),
    ],
)
def test_columns_of_different_types_join(
    first: pa.Array, second: pa.Array, joined: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a", pa.table({"x": first}))
    write(folder / "b", pa.table({"x": second, "y": pa.array(["new"])}))
    rows = rows_of(folder, PARQUET)
    assert [row["x"] for row in rows] == joined
    assert [row["y"] for row in rows] == [None, "new"]
    results_of(folder, PARQUET).to_parquet(tmp_path / "out")
    again = pq.read_table(tmp_path / "out" / "T")
    assert again["x"].to_pylist() == joined


def test_a_declared_time_stays_one_whatever_is_asked_of_text(tmp_path: Path) -> None:
    table = pa.table({"created": pa.array([MOMENT]), "birthDate": pa.array(["2026-01-02"])})
    write(tmp_path / "a", table)
    for parse in (False, True):
        types = results_of(tmp_path, PARQUET, parse_dates=parse).arrow("T").schema
        assert types.field("created").type == pa.timestamp("us")
    assert types.field("birthDate").type == pa.timestamp("us", "UTC")


def test_batches_say_whose_rows_they_have(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"{number}", column(pa.int64(), *range(10 * number)), row_group_size=7)
    main = results_of(tmp_path, PARQUET)._tables["T"]
    told: dict[str, int] = {}
    for batch in main.batches():
        for shard, rows in batch.files:
            told[shard.uri[-1]] = told.get(shard.uri[-1], 0) + rows
        assert sum(rows for _, rows in batch.files) == sum(table.num_rows for table in batch.tables.values())
    assert told == {"0": 0, "1": 10, "2": 20}
    assert main.tells_files


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "a", column(pa.int64()))
    assert results_of(tmp_path, PARQUET).arrow("T").schema == pa.schema([("x", pa.int64())])


def test_columns_of_one_name_are_all_there(tmp_path: Path) -> None:
    write(
        tmp_path / "a",
        pa.Table.from_arrays([pa.array([1]), pa.array(["a"]), pa.array([2])], ["x", "x", "x_2"]),
    )
    assert rows_of(tmp_path, PARQUET) == [{"x": 1, "x_2": "a", "x_2_2": 2}]


def test_a_far_file_is_copied_in_small_pieces_and_gzip_is_unpacked(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a", column(pa.int64(), *range(300_000)), compression="none", use_dictionary=False
    )
    data = path.read_bytes()
    packed = gzip.compress(data, 1)
    far = Far({"a": data, "b.gz": packed, "c": data[:-9], "d.gz": packed[:-1000]})
    results = Results(far, far.shards(PARQUET), options_of())
    with pytest.warns(match="bad lines"):
        assert results.arrow("T").num_rows == 600_000
    assert far.largest <= 1 << 20
    assert results.bad_lines["file"].tolist() == ["c", "d.gz"]
    assert results.bad_lines["reason"].str.contains("damaged|cut off").all()


def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = Far({"a": write(tmp_path / "a", column(pa.int64(), 1)).read_bytes()})
    monkeypatch.setattr("lro_notebook.results.sources.spool._SPARE", 2**62)
    with pytest.raises(ResultError, match=r"the disk of .* is full: .*TMPDIR"):
        Results(far, far.shards(PARQUET), options_of()).arrow("T")


def test_gzip_that_becomes_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seekable, "_SMALL", 1_000_000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    assert rows_and_bad(tmp_path, PARQUET) == (
        [],
        [("a.gz", "not read: the compressed data becomes more than 100 times its size")],
    )


def test_parquet_is_known_by_its_first_bytes_alone() -> None:
    assert PARQUET.looks is not None
    assert PARQUET.looks("000000000000", b"PAR1\x15\x04")
    for start in (b"", b"PAR", b"par1", b"Obj\x01", b'{"PAR1": 1}', b"MSH|", bytes(128) + b"DICM"):
        assert not PARQUET.looks("x.parquet", start)
