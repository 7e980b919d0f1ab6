"""What pyproject.toml asks for: no minimum admits a vulnerability that docs/security.md names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [
    requirement
    for requirement in map(
        Requirement,
        [
            *PROJECT["dependencies"],
            *(item for extra in PROJECT["optional-dependencies"].values() for item in extra),
        ],
    )
    if requirement.name != "lro-notebook"
]
#: Package, advisories, and the first version without.
ADVISORIES = re.findall(
    r"^\| ([\w-]+) \| (CVE-[^|]+) \| ([\d.]+) \|$",
    (ROOT / "docs" / "security.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def floor(requirement: Requirement) -> Version | None:
    floors = [Version(each.version) for each in requirement.specifier if each.operator == ">="]
    return max(floors, default=None)


@pytest.mark.parametrize(("package", "advisory", "mended"), ADVISORIES)
def test_no_minimum_admits_a_known_vulnerability(package: str, advisory: str, mended: str) -> None:
    floors = [floor(requirement) for requirement in DECLARED if requirement.name == package]
    assert floors, f"{package} is not declared any more; take it out of the table"
    assert all(at_least is not None and at_least >= Version(mended) for at_least in floors), advisory


def test_what_the_package_needs_to_run_has_a_minimum() -> None:
    core = [Requirement(item) for item in PROJECT["dependencies"]]
    assert [requirement.name for requirement in core if floor(requirement) is None] == []


@pytest.mark.parametrize(("python", "package"), [("3.13", "nest-asyncio"), ("3.14", "nest-asyncio2")])
def test_each_python_gets_the_patch_of_asyncio_that_does_not_break_it(python: str, package: str) -> None:
    core = [Requirement(item) for item in PROJECT["dependencies"]]
    patches = [each for each in core if each.name.startswith("nest-asyncio")]
    where = {"python_version": python, "python_full_version": f"{python}.0"}
    assert [each.name for each in patches if each.marker and each.marker.evaluate(where)] == [package]
