"""What people do with a notebook while an operation runs in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from browser.lab import Notebook
from browser.server import write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser.browsers import Browser
    from browser.conftest import Open
    from browser.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.xdist_group("browser")]

SET_UP = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("odd").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
WAIT, TWO = 4, 5  # the cells
WINDOWED = {"@jupyterlab/notebook-extension/tracker": {"windowingMode": "full"}}


def begin(notebook: Notebook, pace: Callable[[float | None], None]) -> None:
    pace(300)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")


def test_a_card_that_was_scrolled_out_of_view_lives_when_it_comes_back(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    tall = (f"# {'tall' * 20}\n" * 30 for _ in range(12))
    notebook = open_notebook(SET_UP, BEGIN, *tall, settings=WINDOWED)
    begin(notebook, pace)
    notebook.activate(13)
    notebook.script("nb.scrollToItem(13);")
    card = notebook.page.locator(".lro-card")
    card.wait_for(state="hidden")
    notebook.activate(1)
    notebook.script("nb.scrollToItem(1);")
    card.wait_for(state="visible")
    card.get_by_role("button", name="Cancel").click()
    notebook.await_text(1, "Cancelled")


def test_a_copy_of_the_notebook_that_runs_reads_well(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    notebook = open_notebook(SET_UP, BEGIN)
    begin(notebook, pace)
    notebook.wait_for("() => document.querySelector('.lro-snapshot')?.textContent.includes('Running')")
    notebook.save()
    copied = notebook.path.with_name("copy-of-a-running-one.ipynb")
    shutil.copy(notebook.path, copied)
    notebook.reopen(copied)  # the kernel of the first one lives on
    notebook.await_text(1, "As of ", "Running")
    assert "model not found" not in notebook.text(1)


@pytest.fixture(scope="module")
def opened(server: Server, browser: Browser) -> Iterator[Notebook]:
    """A notebook that tests share; each starts an operation of its own."""
    path = write_notebook(
        server.root / "odd.ipynb",
        (SET_UP, BEGIN, "op", "op", "print(op.wait().state)", f"{BEGIN}\n{BEGIN}\nop"),
    )
    with Notebook(server, browser, path) as notebook:
        yield notebook


@pytest.fixture
def notebook(
    opened: Notebook,
    pace: Callable[[float | None], None],
    photographed: Callable[[Notebook], Notebook],
) -> Notebook:
    notebook = photographed(opened)
    notebook.script("await app.commands.execute('notebook:clear-all-cell-outputs');")
    begin(notebook, pace)
    return notebook


def test_two_tabs_on_one_kernel_show_the_same_and_either_cancels(
    notebook: Notebook, browser: Browser
) -> None:
    notebook.save()
    with browser.page() as tab:
        tab.goto(notebook.url)
        tab.get_by_role("button", name="Cancel").click(timeout=30_000)
        tab.get_by_text("Cancelled", exact=True).first.wait_for(timeout=20_000)
        notebook.await_text(1, "Cancelled")


def test_output_that_was_cleared_stays_clear_and_the_operation_goes_on(
    notebook: Notebook, pace: Callable[[float | None], None]
) -> None:
    notebook.activate(1)
    notebook.script("await app.commands.execute('notebook:clear-cell-output');")
    notebook.run(WAIT)
    pace(None)
    notebook.await_text(WAIT, "SUCCEEDED")
    assert notebook.text(1).strip() == ""


def test_one_operation_shown_in_two_cells_lives_and_ends_in_both(notebook: Notebook) -> None:
    notebook.run_to_end(2)
    notebook.run_to_end(3)
    for cell in (1, 2, 3):
        notebook.await_text(cell, "Running")
    notebook.click(3, "Cancel")
    for cell in (1, 2, 3):
        notebook.await_text(cell, "Cancelled")


def test_two_starts_in_one_cell_share_a_table_and_a_last_line_shows_nothing_twice(
    notebook: Notebook,
) -> None:
    notebook.run_to_end(TWO)
    notebook.await_text(TWO, "Cancel all")
    rows = "(_, tables) => tables.map(table => table.querySelectorAll('tbody tr').length)"
    assert notebook.measure(TWO, ".lro-table", rows) == [2]
    notebook.click(TWO, "Cancel all")
    notebook.await_text(TWO, "2 operations: 2 cancelled")
    # The live one and the saved one change places now: neither counts until there is one.
    seen = "(first, tables) => tables.length === 1 ? first.innerText : null"
    assert notebook.measure(TWO, ".lro-table", seen).count("■ Cancelled") == 2
