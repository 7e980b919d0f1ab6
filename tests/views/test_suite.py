"""The public test suite of SQL on FHIR v2, as far as it is at hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from places import SHARED

from lro_notebook.errors import LroError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUITE = SHARED / "data" / "sql-on-fhir"
CASES = [
    pytest.param(suite["resources"], case, id=f"{suite['title']}: {case['title']}")
    for suite in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(SUITE.glob("*.json")))
    for case in suite["tests"]
]


def write(folder: Path, resources: Iterable[dict[str, Any]]) -> None:
    for resource in resources:
        with (folder / f"{resource['resourceType']}.ndjson").open("a", encoding="utf-8") as file:
            file.write(json.dumps(resource) + "\n")


@pytest.mark.skipif(not CASES, reason="../shared/data/sql-on-fhir is not here")
@pytest.mark.parametrize(("resources", "case"), CASES)
def test_the_suite_of_the_standard(
    resources: list[dict[str, Any]], case: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, resources)
    results = read(tmp_path)
    if case.get("expectError"):
        with pytest.raises(LroError):
            results.view(case["view"])
        return
    frame = results.view(case["view"])
    rows = json.loads(frame.to_json(orient="records"))
    assert rows == [{name: row.get(name) for name in frame.columns} for row in case["expect"]]
    assert list(frame.columns) == case.get("expectColumns", list(frame.columns))
