"""What `op.load()` makes of what Google's APIs leave: the tables that are wanted, and no other."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from layouts.table import LAYOUTS
from layouts.world import bigquery, ended

from lro_notebook.errors import LroWarning, ResultError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from layouts.layout import Layout

    from lro_notebook.results.results import Results


def values(frame: pd.DataFrame, column: str) -> list[object]:
    return [None if pd.isna(value) else value for value in frame[column]]


def said(warned: list[warnings.WarningMessage], kind: type[Warning]) -> list[str]:
    return [str(each.message) for each in warned if each.category is kind]


@pytest.fixture
def warehouse(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """BigQuery, with the tables of the layout."""
    if not layout.bigquery:
        yield
        return
    with bigquery(layout.bigquery) as address:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        yield


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize("layout", [each for each in LAYOUTS if not each.fails], ids=lambda each: each.id)
def test_a_layout_gives_the_tables_that_an_analyst_expects(layout: Layout, tmp_path: Path) -> None:
    with ended(layout, tmp_path) as operation, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        results = operation.load()
        check_tables(layout, results)
        told = results.skipped
        skipped = dict(zip((file.rpartition("/")[2] for file in told["file"]), told["reason"], strict=True))
        failures = operation.failures()
    assert skipped.keys() == layout.skipped.keys()
    assert [name for name, words in layout.skipped.items() if words not in skipped[name]] == []
    assert sorted(failures["message"]) == sorted(layout.failed)
    assert said(warned, LroWarning) == []  # nothing is a guess


def check_tables(layout: Layout, results: Results) -> None:
    assert set(results) == set(layout.tables)
    for name, table in layout.tables.items():
        frame = results[name]
        assert len(frame) == table.rows
        assert {column: values(frame, column) for column in table.columns} == dict(table.columns)
    assert results.bad_lines.empty
    files = [file for name in results for file in results[name].attrs["files"]]
    assert set(files).isdisjoint(layout.others)
    if not layout.bigquery:
        assert set(files) <= set(layout.files)


@pytest.mark.parametrize("layout", [each for each in LAYOUTS if each.fails], ids=lambda each: each.id)
def test_a_dump_says_what_it_is_and_what_reads_it(layout: Layout, tmp_path: Path) -> None:
    with ended(layout, tmp_path) as operation, pytest.raises(ResultError, match=re.escape(layout.fails)):
        operation.load()


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda each: each.id)
def test_no_input_is_taken_for_an_output(layout: Layout, tmp_path: Path) -> None:
    with ended(layout, tmp_path) as operation:
        places = operation.outputs["where"].tolist()
    assert [place for place in places if place.startswith("gs://in")] == []
    wanted = bool(layout.files or layout.bigquery)
    assert bool(places) == wanted


def test_no_two_layouts_are_the_same() -> None:
    assert len({layout.id for layout in LAYOUTS}) == len(LAYOUTS)
