"""A list in one shard or block, an object or a scalar in another: the tables are those of one block."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from results.exploding import check, exploded, inner, plain
from results.oracle import oracle, same

from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.arrow.json_fallback import table_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lro_notebook.results.results import Results

    Load = Callable[..., Results]

Row = dict[str, Any]
OBJECT = {"resourceType": "T", "id": "1", "a": {"b": [1]}}
LIST = {"resourceType": "T", "id": "2", "a": [{"b": [2]}, {"b": [3]}]}


def levels(rows: list[Row]) -> dict[str, int]:
    """Return how many lists are around the values of each path, in any of `rows`."""
    most: dict[str, int] = {}

    def visit(value: Any, path: str, count: int) -> None:
        if value is None:
            return
        most[path] = max(most.get(path, 0), count)
        if isinstance(value, list):
            most[path] = max(most[path], count + 1)
            for part in value:
                visit(part, path, count + 1)
        if isinstance(value, dict):
            for key, part in value.items():
                visit(part, f"{path}.{key}", 0)

    for row in rows:
        visit(row, "", 0)
    return most


def wrapped(value: Any, path: str, count: int, most: dict[str, int]) -> Any:
    """Return `value`, inside `count` lists of its path, with all lists that it has anywhere."""
    if value is None:
        return None
    if isinstance(value, list):
        return [wrapped(part, path, count + 1, most) for part in value]
    if isinstance(value, dict):
        value = {key: wrapped(part, f"{path}.{key}", 0, most) for key, part in value.items()}
    for _ in range(most[path] - count):
        value = [value]
    return value


def odd(dice: random.Random, depth: int) -> Any:
    """Return a value of any kind: no path has one shape."""
    kind = dice.choice("sssnddll" if depth else "ssn")
    if kind == "d":
        keys = dice.sample(["a", "b", "id", "index"], dice.randint(0, 2))
        return {key: odd(dice, depth - 1) for key in keys}
    if kind == "l":
        return [odd(dice, depth - 1) for _ in range(dice.choice([0, 1, 1, 2]))]
    return None if kind == "n" else dice.choice(["x", "y", "z"])


def examples(seed: int) -> list[Row]:
    dice = random.Random(seed)  # noqa: S311 - no secret
    count = dice.randint(2, 14)
    return [{"id": f"r{number}", **{key: odd(dice, 3) for key in ("p", "q")}} for number in range(count)]


def without_nulls(value: Any) -> Any:
    """Return `value` without keys whose value is null, which are as keys that are not there."""
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


def expected(rows: list[Row]) -> list[Row]:
    kept = [without_nulls(row) for row in rows]
    most = levels(kept)
    return [wrapped(row, "", 0, most) for row in kept]


def shards_of(rows: list[Row], dice: random.Random) -> list[str]:
    cuts = sorted({0, len(rows), *(dice.randint(0, len(rows)) for _ in range(3))})
    return [
        "".join(json.dumps(row) + "\n" for row in rows[start:end]) for start, end in itertools.pairwise(cuts)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_one_block_is_as_the_naive_way(seed: int) -> None:
    rows = examples(seed)
    flat = flatten(table_of(rows), lists="explode")
    check({name: table.to_pylist() for name, table in flat.children.items()}, exploded(expected(rows)))


@pytest.mark.parametrize("decimals", ["float", "text"])
@pytest.mark.parametrize("seed", range(40))
def test_shards_and_blocks_are_as_the_naive_way(
    seed: int, decimals: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    monkeypatch.setattr(
        blocks.blocks, "__kwdefaults__", {"first": 60, "size": dice.choice([60, 150, 10_000])}
    )
    rows = examples(seed)
    results = load(*shards_of(rows, dice), lists="explode", decimals=decimals)
    want = expected(rows)
    check(inner(results, lambda name: results.arrow(name).to_pylist()), exploded(want))
    for cells, row in zip(results.arrow("T").to_pylist(), want, strict=True):
        columns = {name: cell for name, cell in cells.items() if cell is not None}
        assert set(columns) == set(oracle(row))
        assert all(same(columns[name], cell) for name, cell in oracle(row).items())


@pytest.mark.parametrize("seed", range(4))
def test_parquet_and_dask_hold_the_same(seed: int, load: Load, tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe", reason="dask is not installed")
    rows = examples(seed)
    results = load(*shards_of(rows, random.Random(seed)), lists="explode")  # noqa: S311 - no secret
    want = exploded(expected(rows))
    results.to_parquet(tmp_path / "parquet")
    names = [name.removeprefix("T.") for name in results if name != "T"]

    def parquet(name: str) -> list[Row]:
        files = sorted((tmp_path / "parquet" / f"T.{name}").iterdir())
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    check({name: parquet(name) for name in names}, want)
    check({name: plain(results.dask(f"T.{name}").compute()) for name in names[:2]},
          {name: want[name] for name in names[:2]})  # fmt: skip


@pytest.mark.parametrize("order", [(OBJECT, LIST), (LIST, OBJECT)])
@pytest.mark.parametrize("apart", [False, True])
def test_an_object_in_one_shard_and_a_list_in_another(
    order: tuple[Row, Row], load: Load, *, apart: bool
) -> None:
    lines = [json.dumps(row) + "\n" for row in order]
    results = load(*(lines if apart else ["".join(lines)]), lists="explode")
    inner_table = results["T.a.b"].sort_values("value")
    assert list(inner_table.columns) == ["id", "a.index", "index", "value"]
    assert inner_table.to_numpy().tolist() == [["1", 0, 0, 1], ["2", 0, 0, 2], ["2", 1, 0, 3]]
    assert sorted(results["T.a"]["id"]) == ["1", "2", "2"]


def test_a_scalar_in_one_shard_and_a_list_in_another(load: Load) -> None:
    results = load(
        '{"id":"1","a":[1]}\n', '{"id":"2","a":2}\n{"id":"3","a":null}\n{"id":"4"}\n', lists="explode"
    )
    assert results["T.a"].to_numpy().tolist() == [["1", 0, 1], ["2", 0, 2]]


def test_an_empty_list_in_one_shard_is_a_list_in_all(load: Load) -> None:
    results = load('{"id":"1","a":[]}\n', '{"id":"2","a":2}\n', lists="explode")
    assert results["T.a"].to_numpy().tolist() == [["2", 0, 2]]


def test_even_files_are_read_once(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    before = blocks.blocks

    def counted(*given: Any, **more: Any) -> Any:
        read.append(given)
        return before(*given, **more)

    monkeypatch.setattr("lro_notebook.results.formats.json.blocks.blocks", counted)
    load('{"id":"1","a":[1]}\n', '{"id":"2","a":[2]}\n', lists="explode")
    assert len(read) == 2
    load('{"id":"1","a":[1]}\n', '{"id":"2","a":2}\n', lists="explode")
    assert len(read) == 6
    load('{"id":"1","a":[1]}\n', '{"id":"2","a":2}\n')
    assert len(read) == 8
