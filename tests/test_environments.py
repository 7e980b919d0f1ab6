"""``make test-pythons``, ``test-lowest`` and ``test-newest``: what they take, and what they say."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "environments.py"))


def test_the_lowest_versions_are_those_of_what_users_install(script: dict[str, Any]) -> None:
    names = script["names_for_users"](PROJECT)
    assert {"pandas", "pyarrow", "httpx", "gcsfs", "pydicom", "jupyterlab"} <= names
    assert names.isdisjoint({"pytest", "ruff", "mkdocs", "uv", "fhirclient", "mfusepy", "lro-notebook"})
    resolved = "httpx==0.27.0\nidna==3.20\npandas==2.2.0\n"
    assert script["pins_of"](resolved, names) == ["httpx==0.27.0", "pandas==2.2.0"]


def test_a_python_that_does_not_run_is_not_found(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shims, versions = tmp_path / "shims", tmp_path / "versions"
    for place, says in (
        (shims / "python3.14", "not found"),
        (versions / "3.14.1" / "bin" / "python", "3.14"),
        (versions / "3.1.4" / "bin" / "python", "3.1"),
    ):
        place.parent.mkdir(parents=True)
        place.write_text(f"#!/bin/sh\necho {says}\n", encoding="utf-8")
        place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}:/bin:/usr/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert script["find"]("3.14") == str(versions / "3.14.1" / "bin" / "python")
    assert script["find"]("3.99") is None


def test_the_table_names_what_failed_and_what_was_left_out(script: dict[str, Any], tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite><testcase classname='a' name='good'/>"
        "<testcase classname='a' name='bad'><failure/></testcase>"
        "<testcase classname='a' name='bad'><error/></testcase>"
        "<testcase classname='a' name='worse'><error/></testcase>"
        "<testcase classname='a' name='not'><skipped/></testcase></testsuite></testsuites>",
        encoding="utf-8",
    )
    outcomes = [
        script["outcome"]("python-3.13", report, 61.4),
        script["Outcome"]("python-3.14", left_out="no Python 3.14 is installed"),
    ]
    assert script["table"](outcomes).splitlines() == [
        "environment       passed  failed  skipped  seconds",
        "python-3.13            1       2        1       61",
        "    a::bad",
        "    a::worse",
        "python-3.14       left out: no Python 3.14 is installed",
    ]
    assert script["outcome"]("x", tmp_path / "none.xml", 1.0).failed == 1


def test_the_table_of_the_docs_has_the_whole_runs(script: dict[str, Any], tmp_path: Path) -> None:
    suite = "<testsuites><testsuite timestamp='2026-11-29T14:00:00'>{}</testsuite></testsuites>"
    good, bad = (
        "<testcase classname='a' name='good'/>",
        "<testcase classname='a' name='bad'><failure/></testcase>",
    )
    for name, cases in (("python-3.13", good * 1200), ("lowest", good + bad), ("lowest-part", good)):
        (tmp_path / f"{name}.xml").write_text(suite.format(cases), encoding="utf-8")
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyvenv.cfg").write_text("uv = 0.9\nversion_info = 3.13.0\n", encoding="utf-8")
    assert script["rows"](tmp_path).splitlines()[2:] == [
        "| 3.13.0 | the lowest | 2026-11-29 | 1 | 1 | 0 |",
        "| 3.13.0 | the newest | 2026-11-29 | 1,200 | 0 | 0 |",
    ]


def test_the_pythons_of_the_table_are_those_of_the_project_and_the_workflow(script: dict[str, Any]) -> None:
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert list(script["PYTHONS"]) == named
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "python: [" + ", ".join(f'"{version}"' for version in named) + "]" in workflow
