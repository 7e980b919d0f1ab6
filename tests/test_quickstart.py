"""The quickstart notebook, run top to bottom as `make demo` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "01_quickstart.ipynb"
pytestmark = [pytest.mark.service, pytest.mark.kernel]


def run(state: Path, page: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "scripts/run_notebook.py",
        str(NOTEBOOK),
        "--html",
        str(page),
        "--state",
        str(state),
    ]
    env = {**os.environ, "LRO_NOTEBOOK_PROGRESS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.timeout(600)
def test_the_quickstart_runs_twice_on_one_machine_and_shows_progress_and_frames(tmp_path: Path) -> None:
    page = tmp_path / "quickstart.html"
    for _ in range(2):
        done = run(tmp_path / "demo", page)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "fhirStores.import running" in done.stderr
        assert "name.family" in done.stdout
        assert "[figure]" in done.stdout
        assert page.read_text(encoding="utf-8").count("<table") >= 2
        page.unlink()


def test_the_notebook_is_small_and_saved_without_errors_or_widget_views() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) <= 12
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
