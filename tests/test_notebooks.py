"""The example notebooks, run top to bottom as `make demo` runs the first."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nbformat
import pytest
from nbformat import v4

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
pytestmark = [
    pytest.mark.service,
    pytest.mark.kernel,
    pytest.mark.usefixtures("fast_kernels"),
    pytest.mark.xdist_group("kernel"),
]


class Expected(NamedTuple):
    """What a run shows, on stdout and stderr, and how many tables its page has at least."""

    times: int
    stdout: Sequence[str]
    stderr: Sequence[str]
    tables: int


EXPECTED = {
    # Twice: on a machine where its stores and files are there already.
    "01_quickstart": Expected(2, ("name.family", "[figure]"), ("fhirStores.import running",), 2),
    "02_many_operations": Expected(
        1,
        (
            "CANCELLED ward-6",
            "SUCCEEDED ward-1",
            "5 ended, 0 running; the last message: SUCCEEDED",
            "[figure]",
            "0      Patient   True",
            "11 succeeded · 1 cancelled",
            "ward-5      46    51         3",
        ),
        ("operations ended",),
        4,
    ),
    "03_any_google_api": Expected(
        1,
        (
            "'objectsCopiedToSink': '160'",
            "sentence 3",
            "NOT_FOUND (5): gs://demo/5.pdf is not there",
            "['errors', 'predictions'] ['a feature is missing: days']",
            "CANCELLED",
            "about 30 days",
            "gs://demo/invoice-8.pdf  INVALID_ARGUMENT",
            "[figure]",
            "we begin with bed four",
        ),
        (),
        4,
    ),
    "04_healthcare_tour": Expected(
        1,
        (
            "gs://lro-sample/hl7v2/broken.ndjson:1",
            "gs://lro-sample/dicom/notes.txt",
            "8 found: ['Birchdale, 1946'",
            "('projects/demo/topics/changes', 'CreateResource', 'Patient')",
            "'value': '14.4', 'unit': 'g/dL'",
            "{'finished': 27, 'cancelled': 1}",
            "would undo 1, has undone 1, left 0",
            "[figure]",
            "SUCCEEDED: 6 images deleted, 4 studies left",
        ),
        (),
        3,
    ),
    "05_results_to_frames": Expected(
        1,
        (
            "'lab/monday.hl7'",
            "[figure]",
            "Systolic blood pressure",
            "exact 0.3 9223372036854775809",
            "two objects on one line",
            "fasting&rested",
            "30 images; left out: ['text without columns",
            "7 files copied",
            "Body height",
        ),
        (),
        3,
    ),
    "06_tidy_views": Expected(
        1,
        ("birth_date", "'Specimen'", "110.1", "did you mean exists()?", "[figure]", "(623, 5)"),
        (),
        3,
    ),
    "07_cohort_study": Expected(
        1,
        (
            "with essential hypertension           117",
            "days in care          1658        1658",
            "[figure]",
            "148/93",
            "28 % (15 to 46)",
            "58.6 (50.7 to 68.2)",
        ),
        (),
        5,
    ),
    "08_from_tables_to_answers": Expected(
        1,
        (
            "birthDate            100    14       86        0",
            "'matched': 249",
            "[figure]",
            "15 of 16 patients have a value, 3.9 each",
            "Observation_view  8243",
            "15   3.9        6             7.4",
        ),
        (),
        7,
    ),
}


class Run(NamedTuple):
    """How a run of the program ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Return a function that runs the program of `make demo` in this process: its imports take seconds."""
    from scripts import run_notebook

    def run(*arguments: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["run_notebook.py", *arguments])
        returncode = run_notebook.main()
        return Run(returncode, *capsys.readouterr())

    return run


def run_alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as `make demo` does."""
    return subprocess.run(
        [sys.executable, "scripts/run_notebook.py", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", EXPECTED)
def test_a_notebook_runs_on_any_machine_and_shows_progress_and_frames(
    name: str,
    tmp_path: Path,
    run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LRO_NOTEBOOK_PROGRESS", "1")
    page, expected = tmp_path / "page.html", EXPECTED[name]
    programs: list[Callable[..., Run | subprocess.CompletedProcess[str]]] = [run]
    options: list[str] = []
    if expected.times == 1:  # a service of its own would say nothing more
        monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(request.getfixturevalue("fresh_service")))
    else:
        programs, options = [run_alone, run], ["--state", str(tmp_path / "demo")]
    assert len(programs) == expected.times
    for program in programs:
        done = program(str(ROOT / "notebooks" / f"{name}.ipynb"), "--html", str(page), *options)
        assert done.returncode == 0, done.stderr[-2000:]
        # The CPU of a warm kernel, which is no child of this process, is not known.
        told = done.stdout.splitlines()[-1].replace(",  0.0 s of CPU", "")
        request.node.user_properties.append(("run of a notebook", told))
        assert [text for text in expected.stdout if text not in done.stdout] == []
        assert [text for text in expected.stderr if text not in done.stderr] == []
        html = page.read_text(encoding="utf-8")
        assert html.count("<table") >= expected.tables
        drawn = re.findall(
            r'<div class="[^"]*" data-mime-type="application/vnd.jupyter.stderr".*?</div>', html, re.DOTALL
        )
        assert not [output for output in drawn if "running" in output or "100%" in output]  # pink bars
        assert "without encryption" not in done.stderr
        page.unlink()


def test_an_output_that_says_the_same_as_the_stored_one_is_left_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"

    def saved(text: str, shown: str) -> str:
        outputs = [v4.new_output("stream", text=text), v4.new_output("display_data", {"text/html": shown})]
        cell = v4.new_code_cell("op", id="one", outputs=outputs)
        notebook = v4.new_notebook(cells=[cell], metadata={"language_info": {"name": "python"}})
        return str(nbformat.writes(notebook))

    path.write_text(saved("1795628442293018790 in 0:08", "<svg>1</svg>Done"), encoding="utf-8")
    keep_outputs = runpy.run_path(str(ROOT / "scripts" / "run_notebook.py"))["keep_outputs"]
    before = path.read_text(encoding="utf-8").strip()

    keep_outputs(nbformat.reads(saved("1795628442293018791 in 0:11", "<svg>2</svg>Done"), 4), path)
    assert path.read_text(encoding="utf-8").strip() == before
    keep_outputs(nbformat.reads(saved("1795628442293018791 in 0:11", "<svg>2</svg>Failed"), 4), path)
    assert "Failed" in path.read_text(encoding="utf-8")


def test_progress_bars_are_not_kept_and_warnings_are() -> None:
    without_bars = runpy.run_path(str(ROOT / "scripts" / "run_notebook.py"))["without_bars"]
    assert without_bars("\rimport: 10%\rimport: 100%\n") == ""
    assert without_bars("\n") == ""
    assert without_bars("a warning\n") == "a warning\n"
    assert without_bars("\rimport: 100%\na warning\n") == "a warning\n"


def test_every_notebook_is_run() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(EXPECTED)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_saved_without_errors_or_widget_views(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) <= 12
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert "/tmp" not in str([output for output in outputs if "data" not in output])  # noqa: S108 - looked for
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_takes_asks_questions_and_tells_its_pictures_in_words(path: Path) -> None:
    from scripts.run_notebook import TOLD

    cells = nbformat.read(path, as_version=4).cells
    first, *others = (cell.source for cell in cells if cell.cell_type == "markdown")
    assert 'pip install ".[demo]"' in first
    assert len(TOLD.findall(first)) == 1
    headings = re.findall(r"^## (.+)$", "\n".join(others), re.MULTILINE)
    assert len(headings) > 4
    assert [heading for heading in headings if not heading.endswith("?")] == []
    pictures = [n for n, cell in enumerate(cells) if "image/png" in str(cell.get("outputs", ()))]
    assert pictures
    assert [n for n in pictures if not cells[n + 1].source.startswith("The picture in words: ")] == []


def test_the_first_cell_gets_the_seconds_of_a_run_where_it_names_others_by_far() -> None:
    from scripts.run_notebook import with_time

    text = "**Takes** about 20 seconds to run."
    assert [with_time(text, seconds) for seconds in (14.0, 20.0, 29.0)] == [text] * 3
    assert with_time(text, 41.0) == "**Takes** about 40 seconds to run."
    assert with_time(text, 1.0) == "**Takes** about 5 seconds to run."
    assert with_time("20 seconds", 100.0) == "20 seconds"


def test_what_a_run_took_has_its_longest_cell() -> None:
    from scripts.run_notebook import cost

    def ran(name: str, ended: str) -> NotebookNode:
        times = {"iopub.execute_input": "2026-11-29T10:00:00.5Z", "shell.execute_reply": ended}
        cell: NotebookNode = v4.new_code_cell("op", id=name, metadata={"execution": times})
        return cell

    cells = [ran("a", "2026-11-29T10:00:01Z"), ran("b", "2026-11-29T10:00:03Z"), v4.new_code_cell("", id="c")]
    assert str(cost(v4.new_notebook(cells=cells), 4.0, 1.25)) == (
        "  4.0 s,  1.2 s of CPU,  2.5 s in its longest cell, b"
    )
