"""Random tables in random dialects of Parquet and Avro are read back as they were written."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from results.declared import rows_of

from lro_notebook.results.formats.avro.reader import AVRO
from lro_notebook.results.formats.parquet.reader import PARQUET

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.formats.format import Format

from pathlib import Path

_NAMES = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=4)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
_LONG = st.integers(-(2**63), 2**63 - 1)
_DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001

#: What a column may be: in Arrow, in Avro, and its values.
_LEAVES: list[tuple[pa.DataType, Any, st.SearchStrategy[Any]]] = [
    (pa.string(), "string", _TEXT),
    (pa.int64(), "long", _LONG),
    (pa.float64(), "double", st.floats(allow_nan=False)),
    (pa.bool_(), "boolean", st.booleans()),
    (pa.binary(), "bytes", st.binary(max_size=5)),
    (pa.date32(), {"type": "int", "logicalType": "date"}, _DATES),
    (pa.timestamp("us", "UTC"), {"type": "long", "logicalType": "timestamp-micros"}, _TIMES),
]

Column = tuple[pa.DataType, Any, st.SearchStrategy[Any]]


@st.composite
def _columns(draw: Callable[..., Any], depth: int = 0) -> Column:
    kind = draw(st.sampled_from(["leaf", "leaf", "list", "object"] if depth < 2 else ["leaf"]))
    if kind == "leaf":
        dtype, schema, values = draw(st.sampled_from(_LEAVES))
        return dtype, ["null", schema], st.none() | values
    if kind == "list":
        dtype, schema, values = draw(_columns(depth + 1))
        return (
            pa.list_(dtype),
            ["null", {"type": "array", "items": schema}],
            st.none() | st.lists(values, max_size=3),
        )
    parts = draw(st.dictionaries(_NAMES, _columns(depth + 1), min_size=1, max_size=3))
    fields = [{"name": name, "type": part[1]} for name, part in parts.items()]
    return (
        pa.struct([(name, part[0]) for name, part in parts.items()]),
        ["null", {"type": "record", "name": "R", "fields": fields}],
        st.none() | st.fixed_dictionaries({name: part[2] for name, part in parts.items()}),
    )


@st.composite
def _tables(draw: Callable[..., Any]) -> tuple[dict[str, Column], list[dict[str, Any]]]:
    columns = draw(st.dictionaries(_NAMES, _columns(), min_size=1, max_size=4))
    row = st.fixed_dictionaries({name: column[2] for name, column in columns.items()})
    return columns, draw(st.lists(row, max_size=12))


def _flat(value: Any, dtype: pa.DataType, path: str) -> dict[str, Any]:
    if not pa.types.is_struct(dtype):
        return {path: value}
    parts = [
        _flat((value or {}).get(part.name), part.type, f"{path}.{part.name}".lstrip(".")) for part in dtype
    ]
    return {name: cell for part in parts for name, cell in part.items()}


def _check(data: bytes, reading: Format, columns: dict[str, Column], rows: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "a").write_bytes(data)
        got = rows_of(Path(folder), reading, lists="nested")
    want = [
        {
            name: cell
            for top, column in columns.items()
            for name, cell in _flat(row[top], column[0], top).items()
        }
        for row in rows
    ]
    assert got == want


_SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)


def _are_all_there(file: io.BytesIO, rows: int) -> bool:
    """Tell whether pyarrow reads what it has written, alone and as words: a last null list may get lost."""
    plain = pq.ParquetFile(file)
    paths = [plain.schema.column(leaf).path for leaf in range(plain.metadata.num_columns)]
    groups = range(plain.num_row_groups)
    ways = (plain, pq.ParquetFile(file, read_dictionary=paths))
    try:
        return all(
            sum(batch.num_rows for group in groups for batch in way.iter_batches(100, row_groups=[group]))
            == rows
            for way in ways
        )
    except pa.ArrowInvalid:  # it cannot read what it has written
        return False


@given(
    table=_tables(),
    codec=st.sampled_from(["none", "snappy", "gzip", "zstd"]),
    dictionary=st.booleans(),
    group=st.integers(1, 13),
    page=st.sampled_from([1, 100, 10**6]),
    version=st.sampled_from(["1.0", "2.0"]),
)
@_SETTINGS
def test_parquet_is_read_back_as_it_was_written(
    table: Any, codec: str, page: int, version: str, group: int, *, dictionary: bool
) -> None:
    columns, rows = table
    out = io.BytesIO()
    schema = pa.schema([(name, column[0]) for name, column in columns.items()])
    pq.write_table(
        pa.Table.from_pylist(rows, schema),
        out,
        compression=codec,
        use_dictionary=dictionary,
        row_group_size=group,
        data_page_size=page,
        data_page_version=version,
    )
    assume(_are_all_there(out, len(rows)))
    _check(out.getvalue(), PARQUET, columns, rows)


@given(
    table=_tables(), codec=st.sampled_from(["null", "deflate", "bzip2", "xz"]), interval=st.integers(1, 300)
)
@_SETTINGS
def test_avro_is_read_back_as_it_was_written(table: Any, codec: str, interval: int) -> None:
    columns, rows = table
    out = io.BytesIO()
    fields = [{"name": name, "type": column[1]} for name, column in columns.items()]
    schema = _unique({"type": "record", "name": "Top", "fields": fields}, [0])
    fastavro.writer(out, fastavro.parse_schema(schema), rows, codec=codec, sync_interval=interval)
    _check(out.getvalue(), AVRO, columns, rows)


def _unique(schema: Any, count: list[int]) -> Any:
    """Return a schema whose records have names of their own."""
    if isinstance(schema, list):
        return [_unique(each, count) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "record":
        count[0] += 1
        name = f"R{count[0]}"
        fields = [{**field, "type": _unique(field["type"], count)} for field in schema["fields"]]
        return {"type": "record", "name": name, "fields": fields}
    return {key: _unique(value, count) if key == "items" else value for key, value in schema.items()}
