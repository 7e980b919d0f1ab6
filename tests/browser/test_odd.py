"""What people do with a notebook while an operation runs in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.browsers import Browser
    from browser.conftest import Open
    from browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.xdist_group("browser")]

SET_UP = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("odd").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
WINDOWED = {"@jupyterlab/notebook-extension/tracker": {"windowingMode": "full"}}


@pytest.fixture
def begun(open_notebook: Open, pace: Callable[[float | None], None]) -> Callable[..., Notebook]:
    """Open a notebook where an operation runs slowly; more cells come after it."""

    def begin(*cells: str, **options: object) -> Notebook:
        pace(300)
        notebook = open_notebook(SET_UP, BEGIN, *cells, **options)  # type: ignore[arg-type]  # as Open has them
        notebook.run_to_end(0)
        notebook.run_to_end(1)
        notebook.await_text(1, "Running")
        return notebook

    return begin


def test_two_tabs_on_one_kernel_show_the_same_and_either_cancels(
    begun: Callable[..., Notebook], browser: Browser
) -> None:
    notebook = begun()
    notebook.save()
    with browser.page() as tab:
        tab.goto(notebook.url)
        tab.get_by_role("button", name="Cancel").click(timeout=30_000)
        tab.get_by_text("Cancelled", exact=True).first.wait_for(timeout=20_000)
        notebook.await_text(1, "Cancelled")


def test_a_card_that_was_scrolled_out_of_view_lives_when_it_comes_back(
    begun: Callable[..., Notebook],
) -> None:
    notebook = begun(*(f"# {'tall' * 20}\n" * 30 for _ in range(12)), settings=WINDOWED)
    notebook.activate(13)
    notebook.script("nb.scrollToItem(13);")
    card = notebook.page.locator(".lro-card")
    card.wait_for(state="hidden")
    notebook.activate(1)
    notebook.script("nb.scrollToItem(1);")
    card.wait_for(state="visible")
    card.get_by_role("button", name="Cancel").click()
    notebook.await_text(1, "Cancelled")


def test_a_copy_of_the_notebook_that_runs_reads_well(begun: Callable[..., Notebook]) -> None:
    notebook = begun()
    notebook.wait_for("() => document.querySelector('.lro-snapshot')?.textContent.includes('Running')")
    notebook.save()
    copied = notebook.path.with_name("copy-of-a-running-one.ipynb")
    shutil.copy(notebook.path, copied)
    notebook.reopen(copied)  # the kernel of the first one lives on
    notebook.await_text(1, "As of ", "Running")
    assert "model not found" not in notebook.text(1)


def test_output_that_was_cleared_stays_clear_and_the_operation_goes_on(
    begun: Callable[..., Notebook], pace: Callable[[float | None], None]
) -> None:
    notebook = begun("print(op.wait().state)")
    notebook.activate(1)
    notebook.script("await app.commands.execute('notebook:clear-cell-output');")
    notebook.run(2)
    pace(None)
    notebook.await_text(2, "SUCCEEDED")
    assert notebook.text(1).strip() == ""


def test_one_operation_shown_in_two_cells_lives_and_ends_in_both(begun: Callable[..., Notebook]) -> None:
    notebook = begun("op", "op")
    notebook.run_to_end(2)
    notebook.run_to_end(3)
    for cell in (1, 2, 3):
        notebook.await_text(cell, "Running")
    notebook.click(3, "Cancel")
    for cell in (1, 2, 3):
        notebook.await_text(cell, "Cancelled")
