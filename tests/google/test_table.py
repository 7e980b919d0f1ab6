"""The table of what was tested is that of the rows, and each library of theirs is installed by the extra."""

from __future__ import annotations

import tomllib
from importlib.metadata import version

import pytest
from google_rows.table import ROWS
from packaging.requirements import Requirement
from places import ROOT

from scripts import google_table

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def libraries(extra: str) -> set[str]:
    names = (Requirement(each).name for each in EXTRAS[extra])
    return {name for name in names if name.startswith("google-cloud-")}


#: That of Cloud Storage, which the notebooks show, starts no operations.
LIGHT = libraries("demo") - {"google-cloud-storage"}


def test_the_table_of_the_docs_is_that_of_the_rows() -> None:
    text = google_table.PAGE.read_text(encoding="utf-8")
    assert google_table.page(text) == text, "run scripts/google_table.py"
    assert text.count("\n| `google-cloud-") == len(ROWS)


def test_the_extra_installs_the_library_of_every_row() -> None:
    heavy = libraries("test-google")
    assert {row.package for row in ROWS} == LIGHT | heavy
    assert LIGHT.isdisjoint(heavy)
    assert len(LIGHT) == 3


@pytest.mark.parametrize("package", sorted(LIGHT))
def test_a_light_library_is_installed_for_every_run(package: str) -> None:
    assert version(package)


def test_no_two_rows_are_the_same() -> None:
    assert len({row.id for row in ROWS}) == len({row.operation for row in ROWS}) == len(ROWS)
