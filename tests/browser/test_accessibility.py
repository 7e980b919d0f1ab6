"""What people meet who use a keyboard or a screen reader; high contrast and motion: `test_running_card`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.axe import violations
from browser.lab import DARK, Notebook
from browser.server import write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser.browsers import Browser
    from browser.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.service, pytest.mark.xdist_group("browser")]

SET_UP = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("all").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
SEVERAL = "\n".join([BEGIN, BEGIN.replace("op", "other"), "other.cancel()"])
CARD, TABLE = 1, 2  # the cells


@pytest.fixture(scope="module")
def opened(server: Server, browser: Browser) -> Iterator[Notebook]:
    """A notebook that the tests share; each starts operations of its own."""
    cells = (SET_UP, f"{BEGIN}\nfirst = op", SEVERAL, "first.cancel()\nop.cancel()")
    with Notebook(server, browser, write_notebook(server.root / "accessible.ipynb", cells)) as notebook:
        yield notebook


@pytest.fixture
def notebook(
    opened: Notebook,
    pace: Callable[[float | None], None],
    photographed: Callable[[Notebook], Notebook],
) -> Notebook:
    pace(20)  # far from the end, however loaded the machine
    notebook = photographed(opened)
    for cell in range(3):
        notebook.run_to_end(cell)
    for cell in (CARD, TABLE):
        notebook.await_text(cell, "Running")
    return notebook


def test_axe_finds_nothing_in_a_card_and_a_table_that_run_and_that_have_ended(notebook: Notebook) -> None:
    for settings in ({}, DARK):
        notebook.use(settings)
        for cell in (CARD, TABLE):
            with notebook.still(cell):
                assert violations(notebook, cell) == []
    notebook.run_to_end(3)
    for cell in (CARD, TABLE):
        notebook.await_text(cell, "Cancelled")
    notebook.wait_for("() => !document.querySelector('.lro-card button')")
    for settings in (DARK, {}):
        notebook.use(settings)
        for cell in (CARD, TABLE):
            assert violations(notebook, cell) == []


def test_the_keyboard_cancels_and_the_focus_stays_where_it_was(notebook: Notebook) -> None:
    for cell, label in ((CARD, "Cancel"), (TABLE, "Cancel all")):
        output = notebook.output(cell)
        output.get_by_role("button", name=label, exact=True).focus()
        notebook.page.evaluate("window.focused = document.activeElement")
        notebook.page.keyboard.press("Enter")
        notebook.await_text(cell, "Ended", "Cancelled")
        assert notebook.page.evaluate("document.activeElement === window.focused")
        assert notebook.page.evaluate("document.activeElement.textContent") == "Ended"
        assert output.locator(".lro-snapshot:visible").count() == 0
        assert violations(notebook, cell) == []
