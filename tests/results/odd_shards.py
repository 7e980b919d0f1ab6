"""Shards whose columns change from one to the next, for tests that write them and compare."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pyarrow.parquet as pq

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.coalesce import coalesced
from lro_notebook.results.arrow.line_blocks import blocks
from lro_notebook.results.export import parquet
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

OPTIONS: list[dict[str, Any]] = [
    {},
    {"decimals": "exact"},
    {"decimals": "text"},
    {"lists": "nested"},
    {"parse_dates": True},
    {"columns": ["p", "id", "birthDate"]},
    {"lists": "nested", "decimals": "exact"},
    {"decimals": "exact", "parse_dates": True},
    {"lists": "explode"},
]
_NUMBERS: list[Any] = [1, -5, 2**53 + 1, -(2**60), 10**15, 10**20, 1.5, 0.25, 1e-7, 1.0, 1e15, 123456789.125]
_TEXTS: list[Any] = [
    "x",
    "",
    "é",
    "2020",
    "2020-01",
    "2020-01-01",
    "2020-01-01T10:00:00Z",
    "2020-05-01T10:00:00+02:00",
]


def value(draw: random.Random, depth: int) -> Any:
    """Return a value of any kind."""
    kind = draw.choice("nntttbl{" if depth else "nntttb")
    if kind == "l":
        return [value(draw, depth - 1) for _ in range(draw.randint(1, 2))]
    if kind == "{":
        return {key: value(draw, depth - 1) for key in draw.sample("abc", draw.randint(1, 2))}
    choices: dict[str, list[Any]] = {"n": _NUMBERS, "t": _TEXTS, "b": [True, False, None]}
    return draw.choice(choices[kind])


def shards(draw: random.Random) -> list[str]:
    """Return the text of some shards, with lines that are no objects and lines that are empty."""
    keys = draw.sample(["p", "q", "r", "birthDate", "date", "id"], 4)
    depth = draw.choice([0, 2])
    steady = draw.random() < 0.5  # each column is of one kind, as in most files
    kinds: dict[str, list[Any]] = {
        key: draw.choice([_NUMBERS[:2], _NUMBERS, _TEXTS[-3:], [True, None]]) for key in keys
    }

    def row() -> str:
        odd = draw.random()
        if odd < 0.1:
            return draw.choice(["{}", "", "broken", "[1]"])
        cells = {
            key: draw.choice(kinds[key]) if steady else value(draw, depth)
            for key in keys
            if draw.random() < 0.6
        }
        return json.dumps(cells)

    return ["".join(f"{row()}\n" for _ in range(draw.randint(0, 6))) for _ in range(draw.randint(1, 5))]


@contextmanager
def pieces(draw: random.Random) -> Iterator[None]:
    """Read in blocks of a few bytes, and write some of them before all columns are known."""
    first, size, held = (
        draw.choice([(20, 40), (1_000, 1_000)]),
        draw.choice([10, 500]),
        draw.choice([0, 0, 100]),
    )
    with (
        mock.patch.object(blocks, "__kwdefaults__", {"first": first[0], "size": first[1]}),
        mock.patch.object(coalesced, "__kwdefaults__", {"first": size, "size": size}),
        mock.patch.object(parquet, "_HELD", held),
    ):
        yield


def is_kept(draw: random.Random, folder: Path, options: dict[str, Any]) -> bool:
    """Tell whether Parquet that is written early and late, and memory, hold the same of some shards."""
    texts = shards(draw)
    (folder / "in").mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / "in" / f"T.{number:03d}.ndjson").write_text(text)
    with pieces(draw):
        failed = _failure(lambda: read(folder / "in", **options).to_parquet(folder / "early"))
        with mock.patch.object(parquet, "_HELD", 10**12):
            if failed != _failure(lambda: read(folder / "in", **options).to_parquet(folder / "late")):
                return False
        if failed:
            return not [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "in"]
        loaded = read(folder / "in", **options)
        tables = {name: loaded.arrow(name) for name in loaded}
    names = sorted(
        path.relative_to(folder / "late") for path in (folder / "late").rglob("*") if path.is_file()
    )
    if names != sorted(
        path.relative_to(folder / "early") for path in (folder / "early").rglob("*") if path.is_file()
    ):
        return False
    explodes = options.get("lists") == "explode"  # there a block teaches more than a file
    return all(_same(folder / "early" / name, folder / "late" / name) for name in names) and (
        explodes or all(_holds(folder / "early" / name, table, len(texts)) for name, table in tables.items())
    )


def _failure(run: Callable[[], object]) -> str:
    try:
        run()
    except ResultError as error:
        return str(error)
    return ""


def _same(one: Path, other: Path) -> bool:
    left, right = pq.ParquetFile(one), pq.ParquetFile(other)
    return bool(
        left.schema_arrow.equals(right.schema_arrow)
        and left.num_row_groups == right.num_row_groups
        and left.read().to_pylist() == right.read().to_pylist()
    )


def _holds(folder: Path, table: pa.Table, count: int) -> bool:
    files = [pq.ParquetFile(path) for path in sorted(folder.iterdir())]
    if not table.num_columns:
        return True
    rows = [row for file in files for row in file.read().to_pylist()]
    alike = all(file.schema_arrow.remove_metadata().equals(table.schema) for file in files)
    return len(files) == count and alike and rows == table.to_pylist()
