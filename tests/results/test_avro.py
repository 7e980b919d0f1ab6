"""Avro files become tables in the types of their schema; what is wrong in one is said of it alone."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results.avros import block, header, number, record, written
from results.declared import Far, results_of, rows_and_bad, rows_of

from lro_notebook.errors import ConfigError, TruncatedListsWarning
from lro_notebook.results.formats.avro.reader import AVRO
from lro_notebook.results.load_place import options_of
from lro_notebook.results.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PART = "not read in full: the Avro file is damaged or cut off"
INSTANT = datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC)


def one(folder: Path, kind: Any, *values: Any, **options: Any) -> tuple[pa.Table, list[Any]]:
    (folder / "a").write_bytes(written(record(x=kind), [{"x": value} for value in values]))
    table = results_of(folder, AVRO, **options).arrow("T")
    return table, table["x"].to_pylist()


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


FIXED = {"type": "fixed", "name": "F", "size": 16}
TYPES: dict[str, tuple[Any, Any, pa.DataType, Any]] = {
    "text": ("string", "é", pa.string(), "é"),
    "int": ("int", -1, pa.int64(), -1),
    "long": ("long", 2**62, pa.int64(), 2**62),
    "float": ("float", 1.5, pa.float64(), 1.5),
    "double": ("double", 0.1, pa.float64(), 0.1),
    "truth": ("boolean", True, pa.bool_(), True),
    "bytes": ("bytes", b"\xff", pa.binary(), b"\xff"),
    "fixed": (FIXED, b"x" * 16, pa.binary(), b"x" * 16),
    "enum": ({"type": "enum", "name": "E", "symbols": ["P", "Q"]}, "Q", pa.string(), "Q"),
    "nothing": ("null", None, pa.string(), None),
    "date": (logical("int", "date"), date(2026, 1, 2), pa.date32(), date(2026, 1, 2)),
    "time-millis": (logical("int", "time-millis"), time(1, 2, 3), pa.time64("us"), time(1, 2, 3)),
    "time-micros": (logical("long", "time-micros"), time(1, 2, 3, 4), pa.time64("us"), time(1, 2, 3, 4)),
    "timestamp-millis": (logical("long", "timestamp-millis"), INSTANT, pa.timestamp("us", "UTC"), INSTANT),
    "timestamp-micros": (logical("long", "timestamp-micros"), INSTANT, pa.timestamp("us", "UTC"), INSTANT),
    "local-timestamp-micros": (
        logical("long", "local-timestamp-micros"),
        INSTANT.replace(tzinfo=None),
        pa.timestamp("us"),
        INSTANT.replace(tzinfo=None),
    ),
    "decimal": (logical("bytes", "decimal", precision=9, scale=2), Decimal("-1.20"), pa.float64(), -1.2),
    "a fixed decimal": (
        {**FIXED, "logicalType": "decimal", "precision": 38, "scale": 9},
        Decimal("1.5"),
        pa.float64(),
        1.5,
    ),
    "uuid": (logical("string", "uuid"), "a-b", pa.string(), "a-b"),
    "a logical type of nobody": (logical("string", "datetime"), "2026-01-02", pa.string(), "2026-01-02"),
    "one that does not suit": (logical("string", "date"), "x", pa.string(), "x"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_with_and_without_null_goes_to_frames_parquet_and_dask(kind: str, tmp_path: Path) -> None:
    schema, value, expected, shown = TYPES[kind]
    folder = tmp_path / "in"
    folder.mkdir()
    many = [schema] if isinstance(schema, str) and schema == "null" else ["null", schema]
    table, got = one(folder, many, None, value)
    assert table.schema.field("x").type == expected
    assert got == [None, shown]
    assert one(folder, schema, value)[1] == [shown]
    assert results_of(folder, AVRO)["T"]["x"].dtype == pd.ArrowDtype(expected)
    results_of(folder, AVRO).to_parquet(tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "T")["x"].to_pylist() == [shown]
    assert pa.array(results_of(folder, AVRO).dask("T").compute()["x"]).to_pylist() == [shown]


@pytest.mark.parametrize(("decimals", "shown"), [("float", 1.5), ("exact", Decimal("1.5")), ("text", "1.50")])
def test_decimals_are_what_is_asked_for(decimals: str, shown: Any, tmp_path: Path) -> None:
    kind = logical("bytes", "decimal", precision=9, scale=2)
    assert one(tmp_path, kind, Decimal("1.5"), decimals=decimals)[1] == [shown]


A = {"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}, {"name": "x", "type": "string"}]}
B = {
    "type": "record",
    "name": "B",
    "fields": [{"name": "b", "type": "string"}, {"name": "x", "type": "long"}],
}


@pytest.mark.parametrize(
    ("kinds", "values", "shown"),
    [
        (["int", "long"], [1, 2**40], [1, 2**40]),
        (["int", "double"], [1, 1.5], [1.0, 1.5]),
        (["string", "long", "boolean", "bytes"], ["a", 5, True, b"\xff"], ["a", "5", "true", "/w=="]),
        (["string", logical("long", "timestamp-millis")], ["a", INSTANT], ["a", INSTANT.isoformat()]),
        (["string", logical("int", "date")], ["a", date(2026, 1, 2)], ["a", "2026-01-02"]),
        (["null", "string", {"type": "array", "items": "int"}], ["a", [1, 2], None], ["a", "[1, 2]", None]),
        (["int", A], [5, {"a": 1, "x": "é"}], ["5", '{"a": 1, "x": "é"}']),
    ],
)
def test_unions_keep_every_kind(kinds: Any, values: Any, shown: Any, tmp_path: Path) -> None:
    assert one(tmp_path, kinds, *values)[1] == shown


def test_records_that_stand_at_one_place_are_one_object(tmp_path: Path) -> None:
    rows = [{"o": {"a": 1, "x": "p"}}, {"o": {"b": "q", "x": 5}}, {"o": None}]
    (tmp_path / "a").write_bytes(written(record(o=["null", A, B]), rows))
    assert rows_of(tmp_path, AVRO) == [
        {"o.a": 1, "o.x": "p", "o.b": None},
        {"o.a": None, "o.x": "5", "o.b": "q"},
        {"o.a": None, "o.x": None, "o.b": None},
    ]


NESTED = record(
    id="string",
    m={"type": "map", "values": ["null", logical("int", "date")]},
    l={"type": "array", "items": ["null", A]},
    o=["null", {"type": "record", "name": "O", "fields": [{"name": "in", "type": "A"}]}],
)
ROWS = [
    {"id": "1", "m": {"k": date(2026, 1, 2), "j": None}, "l": [{"a": 1, "x": "p"}, None], "o": None},
    {"id": "2", "m": {}, "l": [], "o": {"in": {"a": 2, "x": "q"}}},
]


def test_nested_values_are_made_flat_as_those_of_fhir_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(written(NESTED, ROWS))
    with pytest.warns(TruncatedListsWarning):
        first, second = results_of(tmp_path, AVRO).arrow("T").to_pylist()
    assert (first["m.key"], first["m.value"]) == ("k", date(2026, 1, 2))
    assert (first["l.a"], second["o.in.x"], second["l.a"]) == (1, "q", None)
    assert rows_of(tmp_path, AVRO, lists="nested")[0]["l"] == [{"a": 1, "x": "p"}, None]
    exploded = results_of(tmp_path, AVRO, lists="explode").arrow("T.m")
    assert exploded.to_pylist() == [
        {"id": "1", "index": 0, "key": "k", "value": date(2026, 1, 2)},
        {"id": "1", "index": 1, "key": "j", "value": None},
    ]


@pytest.mark.parametrize("columns", [["o.in.x"], ["id"], ["l.x", "id"], ["m.key"]])
def test_columns_that_are_asked_for_are_those_of_the_whole(columns: list[str], tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(written(NESTED, ROWS))
    whole = [{name: row[name] for name in columns} for row in rows_and_bad(tmp_path, AVRO)[0]]
    assert rows_and_bad(tmp_path, AVRO, columns=columns) == (whole, [])


def test_rows_that_are_no_records_are_the_column_value(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(written("string", ["a", "b"]))
    assert rows_of(tmp_path, AVRO) == [{"value": "a"}, {"value": "b"}]


SNAPPY = pa.Codec("snappy")
CODECS: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": lambda data: data,
    b"deflate": lambda data: zlib.compress(data, wbits=-15),
    b"bzip2": bz2.compress,
    b"xz": lzma.compress,
    b"snappy": lambda data: SNAPPY.compress(data, asbytes=True) + zlib.crc32(data).to_bytes(4, "big"),
    b"zstandard": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
}


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_is_read_and_a_block_damaged_in_it_costs_that_block(codec: bytes, tmp_path: Path) -> None:
    rows = b"".join(number(n) for n in range(100))
    pack = CODECS[codec]
    head, good = header(record(x="long"), codec), block(100, pack(rows))
    (tmp_path / "a").write_bytes(head + good + good)
    assert [row["x"] for row in rows_of(tmp_path, AVRO)] == [*range(100)] * 2
    broken = bytes(len(pack(rows)) - 8) + b"\xff" * 8
    (tmp_path / "a").write_bytes(head + good + block(100, broken) + good)
    got, bad = rows_and_bad(tmp_path, AVRO)
    if codec != b"null":
        assert bad == [("a", PART)]
        assert [row["x"] for row in got] == [*range(100)] * 2


def test_a_codec_that_is_not_known_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(header(record(x="long"), b"brotli"))
    assert rows_and_bad(tmp_path, AVRO)[1] == [
        ("a", "not readable: the Avro file is compressed in a way that is not known")
    ]


def test_columns_of_different_types_join_over_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(written(record(x="int"), [{"x": 1}]))
    (tmp_path / "b").write_bytes(written(record(x="double", y="string"), [{"x": 1.5, "y": "n"}]))
    assert rows_of(tmp_path, AVRO) == [{"x": 1.0, "y": None}, {"x": 1.5, "y": "n"}]
    (tmp_path / "c").write_bytes(written(record(x="string"), [{"x": "z"}]))
    assert [row["x"] for row in rows_of(tmp_path, AVRO)] == ["1", "1.5", "z"]


def test_batches_say_whose_rows_they_have(tmp_path: Path) -> None:
    for count in range(3):
        (tmp_path / str(count)).write_bytes(written(record(x="int"), [{"x": n} for n in range(count * 5)]))
    told = [
        (s.uri[-1], n) for batch in results_of(tmp_path, AVRO)._tables["T"].batches() for s, n in batch.files
    ]
    assert told == [("0", 0), ("1", 5), ("2", 10)]


def test_a_forward_stream_is_enough_and_gzip_is_unpacked() -> None:
    data = written(record(x="long"), [{"x": n} for n in range(200_000)])
    packed = gzip.compress(data)
    far = Far({"a": data, "b": gzip.compress(data[:1000]) + gzip.compress(data[1000:]), "c": packed[:-5000]})
    results = Results(far, far.shards(AVRO), options_of())
    with pytest.warns(match="bad lines"):
        assert 400_000 < results.arrow("T").num_rows < 600_000
    assert far.largest <= 1 << 20
    assert results.bad_lines["file"].tolist() == ["c"]


def test_without_fastavro_the_next_step_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"Obj\x01")
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(ConfigError, match=r"need fastavro.*pip install fastavro"):
        results_of(tmp_path, AVRO).arrow("T")


def test_avro_is_known_by_its_first_bytes_alone() -> None:
    assert AVRO.looks is not None
    assert AVRO.looks("000000000000", header(record(x="int")))
    for start in (b"", b"Obj", b"Obj\x02", b"PAR1", b'{"Obj": 1}', b"MSH|", bytes(128) + b"DICM"):
        assert not AVRO.looks("x.avro", start)
