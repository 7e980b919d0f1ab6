"""What a person sees and does in JupyterLab and Notebook 7."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from patience import SOON

from browser.lab import ANSWERED, NO_SUBSHELLS
from browser.playing import OperationsApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.conftest import Open
    from browser.lab import Notebook
    from browser.server import Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.service,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(180),
]

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
VIEW = "application/vnd.jupyter.widget-view+json"
SET_UP = 'import lro_notebook as lro\nds = lro.connect()\nstore = ds.fhir_store("seen").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'


def ours(notebook: Notebook) -> list[str]:
    """Return the console's errors but those of a browser without a network or a favicon."""
    return [
        line
        for line in notebook.console
        if "ERR_" not in line and "favicon" not in line and "404" not in line
    ]


def begun(open_notebook: Open, *waiting: str, **options: Any) -> Notebook:
    notebook = open_notebook(SET_UP, BEGIN, *waiting, **options)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")
    return notebook


def test_the_quickstart_runs_from_the_first_cell_to_the_last_and_the_bar_moves(
    server: Server, open_notebook: Open
) -> None:
    path = server.root / "quickstart.ipynb"
    slower = QUICKSTART.read_bytes().replace(b"set_pace(4_000)", b"set_pace(1_000)")
    assert slower != QUICKSTART.read_bytes()
    path.write_bytes(slower)
    notebook = open_notebook(path=path, size=(1200, 1000))
    code = {
        n: c.source for n, c in enumerate(nbformat.read(path, as_version=4).cells) if c.cell_type == "code"
    }
    cells = list(code)
    wait = cells.index(next(n for n, source in code.items() if "op.wait()" in source))
    for number in cells[:wait]:
        notebook.run_to_end(number)
    start, wait = cells[wait - 1], cells[wait]
    notebook.run(wait)
    notebook.await_text(start, "Running")
    notebook.await_bar_beyond(start, notebook.bar(start))
    notebook.await_end(wait)
    for number in cells[cells.index(wait) + 1 :]:
        notebook.run_to_end(number)
    notebook.await_text(start, "Succeeded")
    # The page draws what came with a cell after its end.
    notebook.wait_for("() => document.querySelectorAll('table.dataframe').length >= 3")
    notebook.wait_for("() => document.querySelectorAll('.jp-OutputArea-output img').length === 1")
    assert not ours(notebook)


@pytest.mark.parametrize(
    ("front_end", "settings"),
    [("lab", {}), ("lab", NO_SUBSHELLS), ("notebook", {})],
    ids=["lab", "no-subshells", "notebook"],
)
def test_cancel_gets_through_while_a_cell_waits_and_queued_cells_follow(
    open_notebook: Open, pace: Callable[[float | None], None], front_end: str, settings: dict[str, Any]
) -> None:
    pace(300)
    notebook = begun(
        open_notebook, "op.wait()", "print('queued', op.state)", front_end=front_end, settings=settings
    )
    notebook.run(2)
    notebook.run(3)
    notebook.await_start(2)
    assert "*" in notebook.prompt(2)
    assert notebook.seconds_to(1, ANSWERED, ".lro-card button") < SOON
    notebook.await_text(1, "Cancelled")
    notebook.await_text(3, "queued CANCELLED")


def test_a_page_that_is_loaded_again_shows_the_living_card_and_later_the_end(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    notebook = begun(open_notebook)
    notebook.save()
    notebook.reload()
    notebook.await_text(1, "Cancel")
    notebook.await_bar_beyond(1, notebook.bar(1))
    pace(None)
    notebook.await_text(1, "Succeeded")
    notebook.save()
    notebook.reopen()
    notebook.await_text(1, "Succeeded")
    assert notebook.page.get_by_text("model not found").count() == 0
    assert notebook.page.get_by_text("Error displaying widget").count() == 0


def test_after_a_restart_the_old_card_reads_well_and_the_operation_is_found_again(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(20)  # far from its end when the new kernel is there, however loaded the machine
    notebook = begun(open_notebook, "print(op.name)", SET_UP, "ds.operation(lro.started()['name'].iloc[-1])")
    notebook.run_to_end(2)
    notebook.save()
    notebook.script("await panel.sessionContext.session.kernel.restart();")
    notebook.run_to_end(3)
    notebook.run_to_end(4)
    notebook.await_text(4, "Running")
    notebook.click(4, "Cancel")
    notebook.await_text(4, "Cancelled")
    notebook.save()
    notebook.reopen()
    notebook.await_text(1, "Running", "As of ")
    notebook.await_text(4, "Cancelled")


def outputs(path: Path, cell: int) -> list[dict[str, Any]]:
    saved: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"][cell]["outputs"]
    return [output["data"] for output in saved if "data" in output]


def test_a_notebook_saved_at_the_end_holds_html_and_text_and_no_view(open_notebook: Open) -> None:
    notebook = open_notebook(SET_UP, BEGIN, "op.wait()")
    for cell in range(3):
        notebook.run_to_end(cell)
    notebook.await_text(1, "Succeeded")
    notebook.save()
    saved = outputs(notebook.path, 1) + outputs(notebook.path, 2)
    assert not [data for data in saved if VIEW in data]
    assert "Import: Succeeded." in "".join(saved[0]["text/plain"])
    assert "<script" not in json.dumps(saved)
    page, _ = HTMLExporter().from_filename(str(notebook.path))
    assert "Succeeded" in page


def test_a_notebook_saved_in_the_middle_reads_well_with_the_kernel_gone(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    notebook = begun(open_notebook)
    # The snapshot is hidden while the card lives; it is refreshed every few seconds.
    notebook.wait_for(
        "() => /Running.*\\d of \\d/s.test(document.querySelector('.lro-snapshot')?.textContent)"
    )
    notebook.save()
    notebook.shut_down()
    notebook.reopen()
    notebook.page.locator(".lro-snapshot").wait_for()
    snapshot = notebook.page.locator(".lro-snapshot").inner_text()
    assert "Running" in snapshot
    assert re.search(r"\d of \d", snapshot)
    assert "As of " in snapshot
    assert not notebook.page.get_by_text("Error displaying widget").is_visible()
    page, _ = HTMLExporter().from_filename(str(notebook.path))
    browser = notebook.page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False) as without_scripts:
        plain = without_scripts.new_page()
        plain.set_content(page)
        assert "Running" in plain.locator(".lro-snapshot").inner_text()


HOSTILE = (
    "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>\u202egnp.exe\x1b[31mred\x1b[0m"
    '"><a href="javascript:window.pwned=1">x</a>' + "A" * 1_000_000
)


def test_hostile_text_runs_nothing_and_breaks_nothing(open_notebook: Open) -> None:
    with OperationsApi() as api:
        counter = {"pending": "5", "success": "5"}
        metadata = {
            "apiMethodName": HOSTILE,
            "target": HOSTILE,
            "statusMessage": HOSTILE,
            "logsUrl": "javascript:window.pwned=1",
            "createTime": "2026-03-04T09:00:00Z",
            "counter": counter,
        }
        running = api.put(
            "operations/r", metadata=metadata
        )  # a name with markup is refused before it is asked for
        failed = api.put("operations/f", metadata=metadata, done=True, error={"code": 3, "message": HOSTILE})
        client = f"import lro_notebook as lro\nclient = lro.Client({api.endpoint!r})"
        notebook = open_notebook(client, f"client.get({running!r})", f"client.get({failed!r})")
        for cell in range(3):
            notebook.run_to_end(cell)
        notebook.await_text(1, "5 of 10")
        notebook.await_text(2, "INVALID_ARGUMENT")
        notebook.save()
        for loaded_again in (False, True):
            if loaded_again:
                notebook.reopen()
            page = notebook.page
            width, height = notebook.measure(2, ".lro-snapshot", "one => [one.offsetWidth, one.offsetHeight]")
            assert width <= 800
            assert height < 500
            assert page.evaluate("window.pwned") is None
            assert (
                page.locator(
                    ".lro-card script, .lro-card img, .lro-snapshot script, .lro-snapshot img"
                ).count()
                == 0
            )
            assert page.locator(".lro-card a, .lro-snapshot a").count() == 0
        assert len(notebook.path.read_bytes()) < 60_000
