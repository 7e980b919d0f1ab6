"""Fixtures of tests that view resources in both ways, compiled and interpreted, which must agree."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.results.read import read
from lro_notebook.views.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from lro_notebook.results.results import Results
    from lro_notebook.views.rows import Runner

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
