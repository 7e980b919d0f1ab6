"""Fixtures of tests that view resources in both ways, compiled and interpreted, which must agree."""

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.results.arrow.line_blocks import Block
from lro_notebook.results.load_place import read
from lro_notebook.views.definition import Definition, read_definition
from lro_notebook.views.export import Scan
from lro_notebook.views.output import Output, join
from lro_notebook.views.prepare import prepare
from lro_notebook.views.rows import Runner
from lro_notebook.views.source import NarrowReader, resources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from lro_notebook.results.results import Results

    Resource = Mapping[str, Any] | str


def interpreted(scan: Scan) -> pd.DataFrame:
    """Return the rows of `scan`, all of them worked out by the interpreter."""

    class Plain(Scan):
        def _runner(self) -> Runner:
            runner = super()._runner()
            runner.prepared.plans.clear()
            return runner

    return Plain(scan._view, scan._source, scan._shards, scan._options).to_pandas()


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `frame` as Python values."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return rows


@cache
def _definition(view: str) -> Definition:
    return read_definition(json.loads(view))


def run(view: dict[str, Any], blocks: list[bytes], *, compiled: bool) -> object:
    """Return the columns of the view, or that it was refused."""
    prepared = prepare(_definition(json.dumps(view)))
    if not compiled:
        prepared.plans.clear()
    runner, reader = Runner(prepared, Output("float")), NarrowReader(prepared.needs, "float")
    try:
        tables = []
        for data in blocks:
            parsed = reader.job(Block(data, 1))()
            reader.learn(parsed)
            tables.append(runner.run(resources_of(Block(data, 1), parsed)))
        columns = prepared.definition.columns
        return [
            join(part, [table[part.name].combine_chunks() for table in tables]).to_pylist()
            for part in columns
        ]
    except ResultError:
        return "refused"


def data_of(resources: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Results]:
    """Return a function that writes resources to files named by their type, and opens those as results."""

    folders = (tmp_path / str(number) for number in itertools.count())

    def write(resources: Iterable[Resource], **options: Any) -> Results:
        folder = next(folders)
        folder.mkdir()
        for resource in resources:
            line = resource if isinstance(resource, str) else json.dumps(resource)
            kind = json.loads(line).get("resourceType", "Patient")
            with (folder / f"{kind}.ndjson").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        return read(folder, **options)

    return write


@pytest.fixture
def rows(store: Callable[..., Results]) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that gives the rows of a view of some resources, the same in both ways."""

    def run(view: Mapping[str, Any], *resources: Resource, **options: Any) -> list[dict[str, Any]]:
        results = store(resources, **options)
        found = plain(results.view(dict(view)))
        assert found == plain(interpreted(results.scan(dict(view))))
        return found

    return run


@pytest.fixture
def values(rows: Callable[..., list[dict[str, Any]]]) -> Callable[..., list[Any]]:
    """Return a function that gives what a path is on each of some resources, in both ways."""

    def run(path: str, *resources: Resource, **column: Any) -> list[Any]:
        first = resources[0]
        kind = (json.loads(first) if isinstance(first, str) else first)["resourceType"]
        view: dict[str, Any] = {
            "resource": kind,
            "select": [{"column": [{"name": "v", "path": path, **column}]}],
        }
        return [row["v"] for row in rows(view, *resources)]

    return run
