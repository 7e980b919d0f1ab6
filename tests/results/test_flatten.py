"""Flattening: what every list mode keeps, compared with what json.loads sees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results.oracle import oracle, same

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import table_of
from lro_notebook.results.arrow.json_lines import Reader
from lro_notebook.results.arrow.line_blocks import Block
from lro_notebook.results.arrow.unify import stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results

    Load = Callable[..., Results]

OBSERVATION = {
    "resourceType": "T",
    "id": "o1",
    "category": [{"coding": [{"code": "vital"}, {"code": "other"}]}, {"coding": [{"code": "lab"}]}],
    "component": [
        {"id": "c1", "code": {"text": "sys"}, "value": 120},
        {"code": {"text": "dia"}, "value": 80},
    ],
    "note": ["n1", "n2"],
}


def dump(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_first_elements_and_what_they_hide(load: Load) -> None:
    results = load(dump(OBSERVATION, {"id": "o2", "component": []}))
    frame = results["T"]
    assert list(frame.columns) == [
        "resourceType",
        "id",
        "category.coding.code",
        "component.id",
        "component.code.text",
        "component.value",
        "note",
    ]
    assert frame.iloc[0].tolist() == ["T", "o1", "vital", "c1", "sys", 120, "n1"]
    assert frame.loc[1, "component.value"] is pd.NA
    hidden = results.truncated
    assert dict(zip(hidden["column"], hidden["rows"], strict=True)) == {
        "T.category.coding": 1,
        "T.category": 1,
        "T.component": 1,
        "T.note": 1,
    }


def test_all_dtypes_are_arrow_types(load: Load) -> None:
    frame = load(dump({"s": "x", "b": True, "i": 1, "f": 1.5, "l": [{"x": "y"}]}))["T"]
    assert all(isinstance(kind, pd.ArrowDtype) for kind in frame.dtypes)


def test_nested_keeps_lists_across_drifting_shards(load: Load) -> None:
    results = load(dump({"a": [{"x": 1}]}), dump({"a": [{"y": "s", "x": 1.5}, {}]}), lists="nested")
    assert results.arrow("T").to_pylist() == [
        {"a": [{"x": 1.0, "y": None}]},
        {"a": [{"x": 1.5, "y": "s"}, {"x": None, "y": None}]},
    ]
    assert results.truncated.empty


def test_nested_lists_that_clash_become_json_text(load: Load) -> None:
    results = load(dump({"a": [1]}), dump({"a": "x"}), lists="nested")
    assert [row["a"] for row in results.arrow("T").to_pylist()] == ["[1]", "x"]


def test_explode_gives_every_list_a_table_with_keys(load: Load) -> None:
    results = load(dump(OBSERVATION, {"id": "o2"}), dump({"id": "o3", "note": ["n3"]}), lists="explode")
    assert list(results) == [
        "T",
        "T.category",
        "T.category.coding",
        "T.component",
        "T.note",
    ]
    assert results["T"]["id"].tolist() == ["o1", "o2", "o3"]
    assert results.arrow("T.component").to_pylist() == [
        {"id": "o1", "index": 0, "id_": "c1", "code.text": "sys", "value": 120},
        {"id": "o1", "index": 1, "id_": None, "code.text": "dia", "value": 80},
    ]
    assert results.arrow("T.category.coding").to_pylist() == [
        {"id": "o1", "category.index": 0, "index": 0, "code": "vital"},
        {"id": "o1", "category.index": 0, "index": 1, "code": "other"},
        {"id": "o1", "category.index": 1, "index": 0, "code": "lab"},
    ]
    assert results.arrow("T.note").to_pylist() == [
        {"id": "o1", "index": 0, "value": "n1"},
        {"id": "o1", "index": 1, "value": "n2"},
        {"id": "o3", "index": 0, "value": "n3"},
    ]
    assert results.truncated.empty


def test_explode_without_ids_counts_rows_over_all_files(load: Load) -> None:
    results = load(dump({"a": [1]}, {"a": []}), dump({"a": [[2, 3], None]}), lists="explode")
    assert results.arrow("T.a").select(["row", "index"]).to_pylist() == [
        {"row": 0, "index": 0},
        {"row": 2, "index": 0},
        {"row": 2, "index": 1},
    ]


def test_keys_of_elements_never_hide_the_keys_of_their_table(load: Load) -> None:
    results = load(dump({"id": "p", "a": [{"id": "e", "id_": "f", "index": "g"}]}), lists="explode")
    (row,) = results.arrow("T.a").to_pylist()
    assert row == {"id": "p", "index": 0, "id_": "e", "id__": "f", "index_": "g"}


def test_a_dot_in_a_key_does_not_collide(load: Load) -> None:
    got = load(dump({"a.b": 1, "a": {"b": 2}, "a\\": {"b": 3}}))["T"]
    assert got.iloc[0].to_dict() == {"a\\.b": 1, "a.b": 2, "a\\\\.b": 3}


def test_key_case_is_kept(load: Load) -> None:
    assert list(load(dump({"Id": 1, "id": 2, "ID": 3}))["T"].columns) == ["Id", "id", "ID"]


def test_columns_come_in_the_order_asked(load: Load) -> None:
    asked = ["note", "id", "component.code.text"]
    assert list(load(dump(OBSERVATION), columns=asked)["T"].columns) == asked
    assert list(load(dump(OBSERVATION), columns={"T": asked})["T"].columns) == asked
    assert len(load(dump(OBSERVATION), columns={"Other": ["x"]})["T"].columns) == 7


def test_an_unknown_column_names_near_ones(load: Load) -> None:
    with pytest.raises(ResultError, match=r"no column component.value.code; near to it: component\.value, "):
        load(dump(OBSERVATION), columns=["component.value.code"])


def test_asked_columns_of_an_empty_table_are_there(load: Load) -> None:
    frame = load("\n", columns=["id", "note"])["T"]
    assert frame.shape == (0, 2)


def test_dates_are_parsed_on_request_and_text_is_never_lost(load: Load) -> None:
    lines = dump(
        {"birthDate": "1970-03", "issued": "2020-01-01T10:00:00-05:00", "period": {"start": "0001"}},
        {"birthDate": "1971", "issued": "unknown", "code": {"date": 5}},
    )
    got = load(lines, parse_dates=True).arrow("T")
    assert [str(got.schema.field(name).type) for name in ("birthDate", "issued", "period.start")] == [
        "timestamp[us, tz=UTC]",
        "string",
        "timestamp[us, tz=UTC]",
    ]
    assert got["birthDate"].to_pylist()[0].isoformat() == "1970-03-01T00:00:00+00:00"
    assert got["issued"].to_pylist() == ["2020-01-01T10:00:00-05:00", "unknown"]
    assert got["code.date"].to_pylist() == [None, 5]


def test_a_day_that_does_not_exist_stays_text(load: Load) -> None:
    assert load(dump({"date": "2023-02-30"}), parse_dates=True)["T"]["date"].tolist() == ["2023-02-30"]


KEYS = st.sampled_from(["a", "b", "id", "x.y", "\\"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
    | st.sampled_from(["2020-01-01", "00007", "1970"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(ROWS, min_size=1, max_size=3))
def test_rows_and_first_elements_equal_what_json_loads_sees(files: list[list[dict[str, Any]]]) -> None:
    reader = Reader()
    flats = []
    for rows in files:
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        parsed = reader.job(Block(data, 1))()
        reader.learn(parsed)
        assert parsed.bad == []
        assert parsed.table is not None
        parsed.table.validate(full=True)
        flats.append(flatten(parsed.table).table)
    got = stack(flats)
    got.validate(full=True)
    wanted = [oracle(row) for rows in files for row in rows]
    assert got.num_rows == len(wanted)
    for row, want in zip(got.to_pylist() or [{}] * len(wanted), wanted, strict=True):
        assert {name for name, value in row.items() if value is not None} == set(want)
        assert all(same(row[name], value) for name, value in want.items())


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_every_list_mode_keeps_the_rows(rows: list[dict[str, Any]]) -> None:
    for lists in ("nested", "explode"):
        flat = flatten(table_of(rows), lists=lists)
        assert flat.table.num_rows == len(rows)
        for table in (flat.table, *flat.children.values()):
            table.validate(full=True)


@pytest.mark.parametrize("lists", ["first", "explode"])
@pytest.mark.parametrize("values", [[[1], [2], [3]], [[1, 2], [], [3, 4]], [[1], None, [2, 3]]])
def test_a_part_of_a_table_is_as_a_table_of_these_rows(lists: str, values: list[Any]) -> None:
    table = pa.table({"id": ["a", "b", "c"], "x": pa.array(values, pa.list_(pa.int64()))})
    found = flatten(table.slice(1), lists=lists)
    wanted = flatten(pa.Table.from_pylist(table.to_pylist()[1:], schema=table.schema), lists=lists)
    assert found.table.to_pydict() == wanted.table.to_pydict()
    assert {name: child.to_pydict() for name, child in found.children.items()} == {
        name: child.to_pydict() for name, child in wanted.children.items()
    }
    assert found.truncated == wanted.truncated


def test_what_is_behind_a_null_is_not_shown() -> None:
    offsets, mask = pa.array([0, 1, 3], pa.int32()), pa.array([False, True])
    lists = pa.ListArray.from_arrays(offsets, pa.array([1, 2, 3]), mask=mask)
    found = flatten(pa.table({"x": lists}))
    assert found.table.to_pydict() == {"x": [1, None]}
    assert found.truncated == {}
