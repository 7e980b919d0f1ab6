"""``lists="explode"``: every element of every list, with its position in each list around it, always."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from results.exploding import Row, check, exploded, inner, plain

from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import table_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lro_notebook.results.results import Results

CODES = {"id": "c", "category": [{"coding": [{"code": "a"}, {"code": "b"}]}]}


def shape(dice: random.Random, depth: int) -> Any:
    kind = dice.choice("sdlll") if depth else "s"
    if kind == "d":
        return {
            key: shape(dice, depth - 1) for key in dice.sample(["a", "b", "id", "index"], dice.randint(1, 2))
        }
    return [shape(dice, depth - 1)] if kind == "l" else None


def value(dice: random.Random, kind: Any) -> Any:
    if isinstance(kind, dict):
        return {key: value(dice, part) for key, part in kind.items() if dice.random() < 0.9}
    if isinstance(kind, list):  # most lists have one element, as they do in FHIR
        return [value(dice, kind[0]) for _ in range(dice.choice([0, 1, 1, 1, 1, 2, 3]))]
    return dice.choice(["x", "y", "z"])


def examples(seed: int) -> list[Row]:
    dice = random.Random(seed)  # noqa: S311 - no secret
    kind = {key: shape(dice, 5) for key in ("p", "q")}
    return [{"id": f"r{number}", **value(dice, kind)} for number in range(dice.randint(1, 40))]


@pytest.mark.parametrize("seed", range(150))
def test_all_elements_of_nested_lists_with_their_positions(seed: int) -> None:
    rows = examples(seed)
    flat = flatten(table_of(rows), lists="explode")
    check({name: table.to_pylist() for name, table in flat.children.items()}, exploded(rows))


@pytest.mark.parametrize("decimals", ["float", "text"])
@pytest.mark.parametrize("seed", range(12))
def test_blocks_and_shards_change_nothing(
    seed: int, decimals: str, load: Callable[..., Results], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": 100, "size": 300})
    rows = examples(seed)
    third = len(rows) // 3 + 1
    lines = [json.dumps(row) + "\n" for row in rows]
    shards = ["".join(lines[start : start + third]) for start in range(0, len(lines), third)]
    results = load(*shards, lists="explode", decimals=decimals)
    check(inner(results, lambda name: results.arrow(name).to_pylist()), exploded(rows))


@pytest.mark.parametrize("seed", range(4))
def test_parquet_and_dask_hold_the_same(seed: int, load: Callable[..., Results], tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    rows = examples(seed)
    half = len(rows) // 2 + 1
    shards = ["".join(json.dumps(row) + "\n" for row in part) for part in (rows[:half], rows[half:])]
    results = load(*shards, lists="explode")
    results.to_parquet(tmp_path / "parquet")
    want = exploded(rows)

    def parquet(name: str) -> list[Row]:
        files = sorted((tmp_path / "parquet" / f"T.{name}").iterdir())
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    check({name: parquet(name) for name in want}, want)
    check({name: plain(results.dask(f"T.{name}").compute()) for name in want}, want)


def test_rows_without_ids_are_counted_through_all_files(load: Callable[..., Results], tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    shards = ['{"l":[1]}\n{"l":[2,3]}\n', '{"l":[4]}\n{"l":[5]}\n']
    results = load(*shards, lists="explode")
    assert results["T.l"]["row"].tolist() == [0, 1, 1, 2, 3]
    results.to_parquet(tmp_path / "parquet")
    files = sorted((tmp_path / "parquet" / "T.l").iterdir())
    assert [row for file in files for row in pq.ParquetFile(file).read()["row"].to_pylist()] == [
        0,
        1,
        1,
        2,
        3,
    ]
    assert results.dask("T.l")["row"].compute().tolist() == [0, 1, 1, 2, 3]


def test_a_list_of_one_element_keeps_the_position_of_what_is_in_it(load: Callable[..., Results]) -> None:
    two = {"id": "d", "category": [{"coding": [{"code": "a"}]}, {"coding": [{"code": "b"}]}]}
    results = load(json.dumps(CODES) + "\n", json.dumps(two) + "\n", lists="explode")
    frame = results["T.category.coding"]
    assert frame["category.index"].tolist() == [0, 0, 0, 1]
    assert frame["index"].tolist() == [0, 1, 0, 0]


def test_the_work_does_not_grow_exponentially_with_the_depth_of_lists(load: Callable[..., Results]) -> None:
    lists: object = 1
    for _ in range(60):
        lists = [lists]
    results = load(json.dumps({"id": "x", "a": lists}) + "\n", lists="explode")
    assert len(list(results)) == 61
    deepest = results["T.a" + ".value" * 59]
    assert len(deepest.columns) == 62  # its id, 60 positions, its value
    assert deepest["value"].tolist() == [1]
