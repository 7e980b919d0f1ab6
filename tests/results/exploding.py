"""What ``lists="explode"`` makes of JSON values, one element at a time, and how tables are held to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from results.oracle import oracle, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results

Row = dict[str, Any]


def exploded(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the tables of the lists in `rows`, made one element at a time."""
    found: dict[str, list[Row]] = {}

    def visit(value: Any, path: str | None, keys: Row, inside: str) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                visit(part, key if path is None else f"{path}.{key}", keys, inside)
        if not isinstance(value, list):
            return
        here = ".".join(filter(None, (inside, path or "value")))
        outer = {f"{inside}.index" if name == "index" else name: place for name, place in keys.items()}
        for index, element in enumerate(value):
            row: Row = {**outer, "index": index}
            columns = oracle(element) if isinstance(element, dict) else oracle(element, ("value",))
            for name, cell in columns.items():
                row[name + "_" if name in (*outer, "index") else name] = cell
            found.setdefault(here, []).append(row)
            visit(element, None, {**outer, "index": index}, here)

    for row in rows:
        visit(row, None, {"id": row["id"]}, "")
    return found


def check(got: dict[str, list[Row]], want: dict[str, list[Row]]) -> None:
    assert {name for name, rows in got.items() if rows} <= set(want)
    for name, rows in want.items():
        if name not in got:  # lists of nothing but empty ones have no type
            assert not any(map(_values, rows)), name
            continue
        assert len(got[name]) == len(rows), name
        for cells, expected in zip(got[name], rows, strict=True):
            assert {key for key, cell in cells.items() if cell is not None} == set(expected), name
            assert all(same(cells[key], cell) for key, cell in expected.items()), name


def inner(results: Results, read: Callable[[str], list[Row]]) -> dict[str, list[Row]]:
    return {name.removeprefix("T."): read(name) for name in results if name != "T"}


def plain(frame: Any) -> list[Row]:
    rows = frame.to_dict("records")
    return [{key: cell for key, cell in row.items() if not pd.isna(cell)} for row in rows]


def _values(row: Row) -> set[str]:
    """Return the columns of a row that are neither its key nor positions."""
    return {name for name in row if name != "id" and name.rpartition(".")[2] != "index"}
