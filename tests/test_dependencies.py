"""What pyproject.toml asks for: no minimum admits a vulnerability that docs/security.md has no answer to."""

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
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
#: Package, advisories, and the first version without.
ADVISORIES = re.findall(r"^\| ([\w-]+) \| (CVE-[^|]+) \| ([\d.]+) \|$", SECURITY, re.MULTILINE)
#: Those left open: the same, and why what is vulnerable is out of reach.
LEFT_OPEN = re.findall(
    r"^\| ([\w-]+) \| (CVE-[^|]+) \| ([\d.]+) \| [^|]+ \| ([^|]+) \|$", SECURITY, re.MULTILINE
)
#: What the reasons for leaving advisories open say that the package does not do.
OUT_OF_REACH = re.compile(
    r"request\.url\.(?:path|hostname|netloc)|\.form\(|StaticFiles|HTTPEndpoint|SoftFileLock"
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


@pytest.mark.parametrize(("package", "advisory", "mended", "why"), LEFT_OPEN)
def test_what_is_left_open_is_still_admitted_and_has_a_reason(
    package: str, advisory: str, mended: str, why: str
) -> None:
    floors = [floor(requirement) for requirement in DECLARED if requirement.name == package]
    assert any(at_least is not None and at_least < Version(mended) for at_least in floors), (
        f"{advisory} is not admitted any more; move it to the table above"
    )
    assert len(why.split()) > 2


def test_what_is_vulnerable_in_admitted_versions_is_not_used() -> None:
    assert len(LEFT_OPEN) >= 8
    used = {
        str(path.relative_to(ROOT)): found
        for path in (ROOT / "lro_notebook" / "local").rglob("*.py")
        if (found := OUT_OF_REACH.findall(path.read_text(encoding="utf-8")))
    }
    assert used == {}


@pytest.mark.parametrize(("python", "package"), [("3.13", "nest-asyncio"), ("3.14", "nest-asyncio2")])
def test_each_python_gets_the_patch_of_asyncio_that_does_not_break_it(python: str, package: str) -> None:
    core = [Requirement(item) for item in PROJECT["dependencies"]]
    patches = [each for each in core if each.name.startswith("nest-asyncio")]
    where = {"python_version": python, "python_full_version": f"{python}.0"}
    assert [each.name for each in patches if each.marker and each.marker.evaluate(where)] == [package]
