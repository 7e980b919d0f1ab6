"""The notebook on views, run top to bottom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.service, pytest.mark.kernel]


@pytest.mark.timeout(300)
def test_the_notebook_on_views_runs_and_shows_tables_and_a_chart(tmp_path: Path) -> None:
    command = [sys.executable, "scripts/run_notebook.py", "notebooks/06_tidy_views.ipynb"]
    done = subprocess.run(
        [*command, "--state", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for shown in ("birth_date", "Systolic blood pressure", "did you mean exists()?", "[figure]", "(623, 5)"):
        assert shown in done.stdout
