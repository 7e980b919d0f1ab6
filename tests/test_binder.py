"""The binder folder fits the project. `make test-binder` builds what it describes."""

from __future__ import annotations

import os
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
SAID = """\
Building conda environment for python=3.11
COPY --chown=0:0 src/ ${REPO_DIR}/
RUN ${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"
RUN chmod +x binder/postBuild
RUN ./binder/postBuild
"""


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "binder.py"))


def project() -> dict[str, Any]:
    described: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return described


def test_binder_installs_the_project_itself_with_what_the_notebooks_use() -> None:
    assert (BINDER / "requirements.txt").read_text(encoding="utf-8").split() == [".[demo]"]
    assert "demo" in project()["optional-dependencies"]


def test_binder_takes_a_python_that_the_project_supports(script: dict[str, Any]) -> None:
    version = script["runtime"](ROOT)
    assert version in SpecifierSet(project()["requires-python"])
    assert f"Programming Language :: Python :: {version}" in project()["classifiers"]


def test_what_binder_runs_stops_at_the_first_error_and_may_be_run() -> None:
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if not line.startswith("# ")]
    assert lines[:2] == ["#!/usr/bin/env bash", "set -euo pipefail"]


def test_the_plan_of_repo2docker_is_complete(script: dict[str, Any]) -> None:
    assert script["missing"](SAID, "3.11") == []


@pytest.mark.parametrize(
    ("cut", "meaning"),
    [
        ("python=3.11", "an environment of Python 3.11"),
        ("COPY --chown=0:0 src/ ${REPO_DIR}/", "the whole clone copied before the installation"),
        ('-r "binder/requirements.txt"', "binder/requirements.txt installed"),
        ("RUN ./binder/postBuild", "binder/postBuild run"),
    ],
)
def test_a_step_that_repo2docker_would_not_take_is_named(
    script: dict[str, Any], cut: str, meaning: str
) -> None:
    assert script["missing"](SAID.replace(cut, ""), "3.11") == [meaning]


def test_an_installation_before_the_clone_is_copied_is_found(script: dict[str, Any]) -> None:
    environment, copy, install, *rest = SAID.splitlines()
    said = "\n".join([environment, install, copy, *rest])
    assert script["missing"](said, "3.11") == ["binder/requirements.txt installed"]
