"""What a view multiplies: checked before it is made, and told with the limit that says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from results.limited import run

from lro_notebook.errors import ResultError
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

#: A program that runs a view with no more than so much memory, and prints what it said.
LIMITED = """
import json, resource, sys
import pyarrow.json, pandas
from lro_notebook.errors import ResultError
from lro_notebook.results.load_place import read
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[3]),) * 2)
try:
    print(len(read(sys.argv[1]).view(json.loads(sys.argv[2]))))
except ResultError as error:
    print(error)
"""


def each(path: str, name: str, *more: dict[str, Any]) -> dict[str, Any]:
    inner = {"forEach": path, "column": [{"name": name, "path": "%rowIndex", "type": "integer"}]}
    return {**inner, "select": list(more)} if more else inner


def view(*selects: dict[str, Any]) -> dict[str, Any]:
    return {"resource": "Patient", "select": list(selects)}


def patient(folder: Path, count: int) -> None:
    names = [{"family": "x"}] * count
    line = {"resourceType": "Patient", "id": "a", "name": names, "telecom": [{"value": "y"}] * count}
    (folder / "Patient.000.ndjson").write_text(json.dumps(line) + "\n")


SIBLINGS = view(each("name", "a"), each("telecom", "b"))
MANY = view(*(each("name", name) for name in "abcdef"))
INSIDE = view({"forEach": "$this", "select": [each("name", "a"), each("telecom", "b")]})
UNITED = view({"unionAll": [{"select": [each("name", "a"), each("telecom", "b")]}, {"select": [each("name", "a"), each("telecom", "b")]}]})  # fmt: skip  # noqa: E501
NESTED = view(each("name", "a", each("%resource.telecom", "b")))


@pytest.mark.parametrize(
    ("definition", "count"),
    [(SIBLINGS, 20_000), (MANY, 30), (INSIDE, 20_000), (UNITED, 20_000), (NESTED, 20_000)],
    ids=["siblings", "many", "inside", "united", "nested"],
)
def test_a_product_is_refused_before_it_is_made(
    definition: dict[str, Any], count: int, tmp_path: Path
) -> None:
    patient(tmp_path, count)
    said = run(LIMITED, str(tmp_path), json.dumps(definition), "1500000000")
    assert "of one block: more than 100,000,000 cells (limits: cells)" in said


def test_the_limit_can_be_raised_and_counts_rows_by_columns(tmp_path: Path) -> None:
    patient(tmp_path, 30)
    with pytest.raises(ResultError, match=r"900 rows by 2 columns of one block: more than 1,799 cells"):
        read(tmp_path, limits={"cells": 1_799}).view(SIBLINGS)
    assert len(read(tmp_path, limits={"cells": 1_800}).view(SIBLINGS)) == 900


def test_unions_count_the_rows_of_all(tmp_path: Path) -> None:
    patient(tmp_path, 30)
    both = view({"unionAll": [each("name", "a")] * 20})
    with pytest.raises(ResultError, match=r"600 rows by 1 columns of one block: more than 599 cells"):
        read(tmp_path, limits={"cells": 599}).view(both)
    assert len(read(tmp_path, limits={"cells": 600}).view(both)) == 600
