"""Nested columns to one type: objects whose fields differ, as of different files, on every pyarrow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.results.arrow.infer_schema import cast
from lro_notebook.results.arrow.json_fallback import table_of
from lro_notebook.results.arrow.unify import stack
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path


def column(values: list[Any]) -> pa.Table:
    return pa.table({"x": pa.array(values)})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([{"a": 1, "c": "x"}], [{"a": 1, "b": 2, "c": "x"}]),
        ([{"c": 2}], [{"a": 1, "c": 1}]),
        ([{"a": 1}], [{"c": 2}]),
        ([{"c": 2, "a": 3}, None], [{"a": 1}]),
        (None, [{"a": 1}]),
        ([{"p": [{"q": 1, "r": {"s": 1}}]}, {"p": None}], [{"p": [{"r": {"t": 1, "s": 2.5}, "z": [1]}]}]),
    ],
)
def test_objects_with_other_fields_are_one_column(first: Any, second: Any) -> None:
    def without_nulls(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_nulls(part) for key, part in value.items() if part is not None}
        return [without_nulls(part) for part in value] if isinstance(value, list) else value

    rows = stack([column([first, None]), column([second])])["x"].to_pylist()
    assert without_nulls(rows) == without_nulls([first, None, second])


def test_files_with_other_fields_are_one_nested_table(tmp_path: Path) -> None:
    names = [[{"given": ["y"], "use": "usual"}], [{"family": "x", "use": "old"}]]
    for number, name in enumerate(names):
        text = json.dumps({"id": str(number), "name": name})
        (tmp_path / f"Patient-{number:05d}-of-00002.ndjson").write_text(text)
    results = read(tmp_path, lists="nested")
    wanted = [
        [{"given": ["y"], "use": "usual", "family": None}],
        [{"given": None, "use": "old", "family": "x"}],
    ]
    assert results.arrow("Patient")["name"].to_pylist() == wanted
    results.to_parquet(tmp_path / "pq")
    assert pq.read_table(tmp_path / "pq" / "Patient")["name"].to_pylist() == wanted


KEYS = st.sampled_from("abc")
VALUES = st.recursive(
    st.integers(1, 9),
    lambda inner: (
        st.lists(inner.filter(bool), min_size=1, max_size=3)
        | st.dictionaries(KEYS, inner.filter(bool), min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"x": VALUES}), min_size=1, max_size=6), st.data())
def test_every_part_of_a_column_casts_to_the_type_of_all(rows: list[dict[str, Any]], data: Any) -> None:
    whole = table_of(rows)
    if not whole.num_columns:
        return
    dtype = whole["x"].type
    for place in range(len(rows)):
        part = table_of(rows[place : place + 1])
        if part.num_columns and pa.types.is_nested(dtype) and _fits(part["x"].type, dtype):
            assert (
                cast(part["x"].combine_chunks(), dtype).to_pylist() == whole["x"].slice(place, 1).to_pylist()
            )
    start = data.draw(st.integers(0, len(rows)))
    slice_ = whole["x"].combine_chunks().slice(start)
    wider = pa.struct([("z", pa.int8()), ("x", dtype)])
    outer = pa.StructArray.from_arrays([slice_], ["x"])
    assert cast(outer, wider).to_pylist() == [{"z": None, "x": value} for value in slice_.to_pylist()]


def _fits(part: pa.DataType, whole: pa.DataType) -> bool:
    """Tell whether the kinds of values are the same: what stands beside others is wrapped by the reader."""
    if pa.types.is_struct(part) and pa.types.is_struct(whole):
        return all(field.name in {other.name for other in whole} for field in part) and all(
            _fits(field.type, whole.field(field.name).type) for field in part
        )
    if pa.types.is_list(part) and pa.types.is_list(whole):
        return _fits(part.value_type, whole.value_type)
    return bool(part.equals(whole))


def test_a_part_without_rows_has_a_row_group_without_which_pyarrow_18_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "Patient-00000-of-00002.ndjson").write_text('{"resourceType": "Patient", "id": "a"}')
    (tmp_path / "Patient-00001-of-00002.ndjson").write_text("")
    results = read(tmp_path)
    files = results.to_parquet(tmp_path / "pq")["file"].tolist()
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "Patient.ndjson").write_text("\n")
    files.append(str(read(tmp_path / "none").scan("Patient").to_parquet(tmp_path / "view.parquet")))
    assert [pq.ParquetFile(file).num_row_groups for file in files] == [1, 1, 1]
    assert [pq.read_table(file).num_rows for file in files] == [1, 0, 0]
