"""What people meet who use a keyboard, a screen reader, high contrast, or little motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.lab import DARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.conftest import Open
    from browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.service]

SET_UP = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("all").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
SEVERAL = "\n".join([BEGIN, BEGIN.replace("op", "other"), "other.cancel()"])
THEMES = pytest.mark.parametrize("settings", [{}, DARK], ids=["light", "dark"])


def violations(notebook: Notebook, cell: int) -> list[str]:
    """Return what axe-core finds in the output of a cell, with where it is."""
    notebook.output(cell)
    found = Axe().run(notebook.page, context=f'[data-cell="{cell}"] .jp-Cell-outputWrapper')
    return [
        f"{rule['impact']}: {rule['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


@THEMES
@pytest.mark.parametrize("begin", [BEGIN, SEVERAL], ids=["card", "table"])
def test_axe_finds_nothing_in_a_card_or_a_table_that_runs_and_that_has_ended(
    open_notebook: Open,
    pace: Callable[[float | None], None],
    begin: str,
    settings: dict[str, Any],
) -> None:
    pace(300)
    notebook = open_notebook(SET_UP, begin, "op.cancel()", settings=settings)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")
    assert violations(notebook, 1) == []
    notebook.run_to_end(2)
    notebook.await_text(1, "Cancelled")
    notebook.page.wait_for_function("() => !document.querySelector('.lro-card button')")
    assert violations(notebook, 1) == []


def test_the_keyboard_cancels(open_notebook: Open, pace: Callable[[float | None], None]) -> None:
    pace(300)
    notebook = open_notebook(SET_UP, BEGIN)
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")
    notebook.output(1).get_by_role("button", name="Cancel").focus()
    notebook.page.keyboard.press("Enter")
    notebook.await_text(1, "Cancelled")


def test_nothing_moves_for_those_who_ask_for_that(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    notebook = open_notebook(SET_UP, BEGIN)
    notebook.page.emulate_media(reduced_motion="reduce")
    notebook.run_to_end(0)
    notebook.run_to_end(1)
    notebook.await_text(1, "Running")
    moving = notebook.output(1).evaluate(
        "output => [...output.querySelectorAll('*')].filter(element => {"
        " const style = getComputedStyle(element);"
        " return parseFloat(style.animationDuration) > 0 || parseFloat(style.transitionDuration) > 0.2;"
        "}).map(element => element.className)"
    )
    assert moving == []
