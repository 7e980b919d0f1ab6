"""The notebook of results, run top to bottom as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "05_results_to_frames.ipynb"
pytestmark = [pytest.mark.service, pytest.mark.kernel]


@pytest.mark.timeout(300)
def test_the_notebook_runs_and_shows_every_kind_of_table(tmp_path: Path) -> None:
    command = [sys.executable, "scripts/run_notebook.py", str(NOTEBOOK), "--state", str(tmp_path)]
    env = {**os.environ, "LRO_NOTEBOOK_PROGRESS": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for shown in (
        "mean HbA1c",
        "[figure]",
        "Systolic blood pressure",
        "exact 0.30",
        "two objects on one line",
        "['messages', 'MSH', 'PID', 'OBR', 'OBX']",
        "SliceLocation",
        "Condition",
        "Body height",
    ):
        assert shown in done.stdout


def test_the_notebook_is_small_and_saved_without_errors_or_machine_paths() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) <= 12
    assert all(cell.outputs for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert "/tmp" not in str([output for output in outputs if "data" not in output])  # noqa: S108 - looked for
