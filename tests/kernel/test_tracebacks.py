"""What a cell shows of an error: short where it is ours and expected, whole where it may be a bug."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.session import Session

pytestmark = [pytest.mark.kernel, pytest.mark.service, pytest.mark.xdist_group("kernel")]

SET_UP = """
import lro_notebook as lro
ds = lro.connect()
store = ds.fhir_store("tracebacks").create(exist_ok=True)

import pathlib, tempfile
folder = tempfile.TemporaryDirectory()
file = pathlib.Path(folder.name, "Patient.ndjson")
file.write_text('{"resourceType": "Patient", "id": "a"}')
results = lro.read_results(str(file))

def asked(name):
    return lro.View(name)

def begin():
    return store.import_from("gs://lro-sample/fhir/*.ndjson", show=False)

def hidden(cause):
    try:
        lro.to_frame(cause)
    except Exception as error:
        raise lro.ResultError("the output cannot be read") from error
"""
MISTAKES = {
    "a typo": ("lro.View('Patients')", "ConfigError: there is no ready view 'Patients'"),
    "a keyword that is not there": ("lro.started(limi=1)", "TypeError: started() got an unexpected keyword"),
    "an argument that is missing": ("store.import_from()", "TypeError: FhirTransfer.import_from() missing 1"),
    "a table that is not there": (
        "results['Patients']",
        "KeyError: no table 'Patients' (did you mean 'Patient'?); there are Patient",
    ),
    "a table to join that is not there": (
        "results.join('Patients', 'Patient')",
        "KeyError: no table 'Patients' (",
    ),
    "no such operation": ("ds.operation('nobody')", "ApiError: NOT_FOUND (HTTP 404)"),
    "an operation that failed": (
        "store.import_from('gs://no-such-bucket/x', show=False).result()",
        "OperationFailed: ",
    ),
    "nothing there": ("lro.read_results('/no/such/folder')", "ResultError: no results at /no/such/folder"),
    "not in time": (
        "try:\n    lro.local.set_pace(99)\n    begin().wait(timeout=0.01)\nfinally: lro.local.set_pace(None)",
        "WaitTimeout: ",
    ),
    "after an await": ("import asyncio\nawait asyncio.sleep(0)\nlro.View('Patients')", "ConfigError: "),
}


@pytest.fixture(scope="module")
def shared(session: Session) -> Session:
    session.run(SET_UP)
    return session


@pytest.fixture
def kernel(shared: Session) -> Iterator[Session]:
    yield shared
    shared.run("%xmode Context")


def shown(kernel: Session, code: str) -> list[str]:
    """Return the lines that a cell shows of the error that ends it."""
    cell = kernel.start(code)
    kernel.until(lambda: cell.ended > 0, 60)
    blocks = [line for message in cell.of("error") for line in message["content"]["traceback"]]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(blocks)).splitlines()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_error_of_ours_is_the_users_line_and_the_sentence(kernel: Session, mistake: str) -> None:
    code, sentence = MISTAKES[mistake]
    lines = shown(kernel, code)
    assert any(line.startswith(sentence) for line in lines), lines
    assert any(line.lstrip().startswith("----> ") for line in lines), lines
    assert not any("lro_notebook/" in line.partition(": ")[0] for line in lines), lines
    assert len(lines) <= 10, lines


def test_each_step_of_the_users_own_is_there(kernel: Session) -> None:
    lines = shown(kernel, "asked('Patients')")
    steps = [re.sub(r"^-+> \d+ +", "", line) for line in lines if line.startswith("--") and "> " in line]
    assert steps == ["asked('Patients')", "return lro.View(name)"]


def test_another_mode_shows_the_whole_and_so_does_the_last_traceback(kernel: Session) -> None:
    short = shown(kernel, "lro.View('Patients')")
    for code in ("%tb Verbose", "%xmode Plain\nlro.View('Patients')", "%xmode Verbose\nlro.View('Patients')"):
        whole = shown(kernel, code)
        assert sum("views/view.py" in line for line in whole) >= 3
        assert whole[-1] == short[-1] or whole[-2] == short[-1]
    assert shown(kernel, "%xmode Minimal\nlro.View('Patients')")[0] == short[-1]


def test_a_bug_that_an_error_of_ours_was_raised_from_is_shown_whole(kernel: Session) -> None:
    lines = shown(kernel, "hidden(3)")
    assert "TypeError: 'int' object is not iterable" in lines
    assert any("reports/frames.py" in line for line in lines)
    assert lines[-1] == "ResultError: the output cannot be read"


def test_what_else_led_to_an_error_of_ours_is_a_line(kernel: Session) -> None:
    lines = shown(kernel, "def lines():\n    raise OSError('the disk is gone')\n    yield\nhidden(lines())")
    assert lines[-2] == "ResultError: the output cannot be read"
    assert lines[-1] == "caused by OSError: the disk is gone (a cell, line 2)"
    lines = shown(kernel, "try:\n    {}['key']\nexcept KeyError:\n    lro.View('Patients')")
    assert lines[-1] == "while handling KeyError: 'key' (a cell, line 2)"


def test_errors_that_are_not_ours_are_as_ever(kernel: Session) -> None:
    lines = shown(kernel, "lro.to_frame(3)")
    assert any("reports/frames.py" in line for line in lines)
    assert lines[-1] == "TypeError: 'int' object is not iterable"


def test_the_debugger_still_has_our_frames(kernel: Session) -> None:
    shown(kernel, "lro.View('Patients')")
    deepest = "import sys\nt = sys.last_traceback\nwhile t.tb_next:\n    t = t.tb_next\n"
    assert (
        kernel.run(f"{deepest}print(t.tb_frame.f_code.co_filename)")
        .text("stdout")
        .strip()
        .endswith("views/view.py")
    )


def test_tracebacks_of_rich_are_short_too(kernel: Session) -> None:
    present = "import importlib.util\nprint(importlib.util.find_spec('rich') is not None)"
    if kernel.run(present).text("stdout").strip() == "False":
        pytest.skip("rich is not installed")
    keep = "import rich.traceback\n_kept = get_ipython()._showtraceback, get_ipython().showtraceback\n"
    kernel.run(f"{keep}rich.traceback.install(width=100)")
    try:
        short = drawn(kernel, "asked('Patients')")
        assert "asked('Patients')" in short
        assert "views/view.py" not in short
        assert "ConfigError: there is no ready view 'Patients'" in short
        assert "views/view.py" in drawn(kernel, "%xmode Verbose\nasked('Patients')")
        kernel.run("%xmode Context")
        assert "reports/frames.py" in drawn(kernel, "hidden(3)")
    finally:
        back = "get_ipython()._showtraceback, get_ipython().showtraceback = _kept"
        kernel.run(f"{back}\nimport sys\ndel sys.modules['rich.traceback']")


def drawn(kernel: Session, code: str) -> str:
    """Return what rich draws of the error that ends a cell, in a kernel as text on stderr."""
    cell = kernel.start(code)
    kernel.until(lambda: cell.ended > 0, 60)
    shows = [message["content"]["data"]["text/plain"] for message in cell.of("display_data")]
    return re.sub(r"\x1b\[[0-9;]*m", "", cell.text("stderr") + cell.text("stdout") + "".join(shows))


def test_plain_python_is_as_ever() -> None:
    code = "import lro_notebook as lro\nlro.View('Patients')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.count("views/view.py") == 3
    assert done.stderr.strip().endswith(
        "lro_notebook.errors.ConfigError: there is no ready view 'Patients'; did you mean 'Patient'?"
    )
