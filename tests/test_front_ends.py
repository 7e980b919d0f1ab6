"""What is seen where there is no live card: plain programs, terminals, batch runs, and marimo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.service, pytest.mark.spread]

IMPORT = 'store.import_from("gs://lro-sample/fhir/Patient.ndjson")'
PROGRAM = f"""
import lro_notebook as lro
store = lro.connect().fhir_store("front").create(exist_ok=True)
op = {IMPORT}
op.wait()
"""
MARIMO = """
import marimo
app = marimo.App()

@app.cell
def _():
    import lro_notebook as lro
    op = lro.connect().fhir_store("marimo").create(exist_ok=True).import_from("gs://lro-sample/fhir/Patient.ndjson")
    op.wait()
    op
    return

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def data(service: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(service))
    return service


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.mark.usefixtures("data")
def test_a_plain_program_shows_a_bar_on_stderr_where_wanted_and_nothing_else() -> None:
    quiet = run("-c", PROGRAM)
    assert (quiet.stdout, quiet.stderr) == ("", "")
    loud = run("-c", PROGRAM, LRO_NOTEBOOK_PROGRESS="1")
    assert loud.stdout == ""
    assert "fhirStores.import succeeded" in loud.stderr
    assert "100/100" in loud.stderr


@pytest.mark.usefixtures("data")
def test_ipython_in_a_terminal_shows_one_line_for_an_operation(tmp_path: Path) -> None:
    done = run(
        "-m",
        "IPython",
        "--colors=NoColor",
        "--simple-prompt",
        "-c",
        f"{PROGRAM}\nop",
        IPYTHONDIR=str(tmp_path),
    )
    assert re.search(r"<Operation \S+ fhirStores.import SUCCEEDED 100 of 100>", done.stdout)
    assert "widget" not in done.stdout.lower()


@pytest.mark.usefixtures("data")
def test_papermill_keeps_the_final_card_as_html_and_text(tmp_path: Path) -> None:
    import papermill  # and all of gcsfs: not in each process that collects this

    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(PROGRAM), nbformat.v4.new_code_cell("op.result()")]
    given, kept = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook, given)
    papermill.execute_notebook(str(given), str(kept), kernel_name="python3", progress_bar=False)
    outputs = [
        output for cell in nbformat.read(kept, as_version=4).cells for output in cell.get("outputs", [])
    ]
    data = [output["data"] for output in outputs if "data" in output]
    assert any("Succeeded" in part.get("text/html", "") for part in data)
    assert any("Succeeded" in part.get("text/plain", "") for part in data)
    assert not any("application/vnd.jupyter.widget-view+json" in part for part in data)


@pytest.mark.usefixtures("data")
def test_marimo_shows_the_card_as_it_is_when_its_cell_runs(tmp_path: Path) -> None:
    program, page = tmp_path / "notebook.py", tmp_path / "page.html"
    program.write_text(MARIMO)
    run("-m", "marimo", "export", "html", str(program), "-o", str(page), "--no-include-code")
    shown = page.read_text()
    assert "Succeeded" in shown
    assert "100 done" in shown


def test_the_python_of_a_browser_gets_one_sentence() -> None:
    """`make test-pyodide` imports it in a real one."""
    program = "import sys; sys.platform = 'emscripten'; import lro_notebook"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("Error: ") == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: lro_notebook does not run in Pyodide")
    assert "no threads" in done.stderr
    assert "no sockets" in done.stderr
