"""The notebook on FHIR, HL7v2 and DICOM, run top to bottom."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "04_healthcare_tour.ipynb"


@pytest.mark.service
@pytest.mark.kernel
@pytest.mark.timeout(300)
def test_the_tour_runs_and_shows_failures_messages_and_images(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed")
    command = [sys.executable, "scripts/run_notebook.py", str(NOTEBOOK), "--state", str(tmp_path / "tour")]
    env = {**os.environ, "LRO_NOTEBOOK_PROGRESS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for shown in (
        "gs://lro-sample/hl7v2/broken.ndjson:1",
        "gs://lro-sample/dicom/notes.txt",
        "would undo 1, has undone 1, left 0",
        "[figure]",
        "SUCCEEDED: 6 images deleted, 4 studies left",
    ):
        assert shown in done.stdout


def test_the_notebook_is_small_and_saved_without_errors_or_widget_views() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) <= 12
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
