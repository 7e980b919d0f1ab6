"""What a page shows of operations that run on when nothing follows them there any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.conftest import Open
    from browser.lab import Notebook

pytestmark = [
    pytest.mark.browser,
    pytest.mark.service,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(180),
]

SET_UP = 'import lro_notebook as lro\nstore = lro.connect().fhir_store("gone").create(exist_ok=True)'
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
CARD, TABLE = 1, 2  # the cells
SILENT = "import atexit\nfrom lro_notebook.jupyter import cells\natexit.unregister(cells._leave)"
#: Whether so many snapshots are visible, and nothing of a live part is.
SAVED_ONLY = """count => {
    const seen = name => [...document.querySelectorAll(name)].filter(each => {
        const box = each.getBoundingClientRect();
        return box.width > 0 && box.height > 0 && getComputedStyle(each).visibility !== "hidden";
    });
    return seen(".lro-snapshot").length === count && seen(".lro-card, .jupyter-widgets").length === 0;
}"""
GONE = "The kernel is gone or out of reach. As of "
#: Has a minute pass since the last news, and returns whether the page says so.
A_MINUTE_LATER = """() => {
    const each = document.querySelector(".lro-card .lro-silence");
    if (!each) return false;
    const hidden = getComputedStyle(each).visibility === "hidden";
    each.getAnimations().forEach(animation => animation.finish());
    return hidden && getComputedStyle(each).visibility === "visible" && each.offsetHeight > 0;
}"""
NEWS = """() => {
    const each = document.querySelector(".lro-card .lro-silence");
    return each && getComputedStyle(each).visibility === "hidden";
}"""
#: Whether the output of a live part shows what runs, and not that its kernel is gone.
LIVES = """(card, _, gone) => {
    const text = card.closest(".jp-Cell-outputWrapper").innerText;
    return (text.includes("Running") && !text.includes(gone)) || null;
}"""


def begin(notebook: Notebook) -> None:
    for cell in range(3):
        notebook.run_to_end(cell)
    for cell in (CARD, TABLE):
        notebook.measure(cell, ".lro-card", LIVES, GONE)


def assert_gone(notebook: Notebook) -> None:
    for cell in (CARD, TABLE):
        notebook.await_text(cell, GONE, "Running")
    notebook.wait_for(SAVED_ONLY, 2)


def test_without_their_kernel_running_operations_are_shown_as_they_were_saved_last(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(20)  # far from the end, however loaded the machine
    notebook = open_notebook(SET_UP, BEGIN, f"{BEGIN}\n{BEGIN}")
    begin(notebook)
    notebook.restart()
    assert_gone(notebook)
    begin(notebook)
    notebook.shut_down()
    assert_gone(notebook)
    notebook.script("await panel.sessionContext.changeKernel({name: 'python3'});")
    notebook.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    assert_gone(notebook)  # a new kernel does not bring back what the old one followed
    notebook.save()
    notebook.reopen()
    assert_gone(notebook)


def test_a_page_tells_of_silence_and_of_a_kernel_that_did_not_take_its_leave(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(20)
    notebook = open_notebook(SET_UP, BEGIN, f"{BEGIN}\n{BEGIN}", SILENT, front_end="notebook")
    begin(notebook)
    notebook.wait_for(A_MINUTE_LATER)
    notebook.wait_for(NEWS)  # it lives
    notebook.run_to_end(3)
    notebook.shut_down()
    assert_gone(notebook)
