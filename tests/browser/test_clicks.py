"""What clicks do while a cell waits, besides Cancel: the toolbar's stop button, buttons of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from patience import SOON

from browser.lab import ANSWERED, NO_SUBSHELLS

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

SET_UP = (
    'import lro_notebook as lro\nds = lro.connect()\nstore = ds.fhir_store("clicks").create(exist_ok=True)\n'
)
BEGIN = 'op = store.import_from("gs://lro-sample/fhir/*.ndjson")'
STOP = '[data-command="notebook:interrupt-kernel"]'
CANCEL = ".lro-card button"


def assert_moves(notebook: Notebook, cell: int) -> None:
    """Check that the bar of a live card grows."""
    notebook.await_bar_beyond(cell, notebook.bar(cell))


def test_the_stop_button_ends_the_waiting_and_not_the_operation(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    after = "print('next cell:', op.state)"
    notebook = open_notebook(SET_UP + BEGIN, "op.wait()", after, "await op", after)
    for waiting in (1, 3):
        notebook.run_to_end(0)
        notebook.run(waiting)
        assert_moves(notebook, 0)
        assert notebook.seconds_to(waiting, "Stopped waiting; operation", STOP) < SOON
        notebook.await_end(waiting)
        notebook.run_to_end(waiting + 1)
        notebook.await_text(waiting + 1, "next cell: RUNNING")
        assert_moves(notebook, 0)
        assert notebook.seconds_to(0, ANSWERED, CANCEL) < SOON
        notebook.await_text(0, "Cancelled")


def test_clicks_on_the_buttons_of_others_wait_for_the_end_of_the_cell(
    open_notebook: Open, pace: Callable[[float | None], None]
) -> None:
    pace(300)
    other = (
        "import ipywidgets\n"
        "waits, clicked = False, []\n"
        "other = ipywidgets.Button(description='Other')\n"
        "other.on_click(lambda _: clicked.append(waits))\n"
        "display(other)\n"
    )
    wait = "waits = True\ntry:\n    {}\nexcept lro.OperationCancelled:\n    pass\nwaits = False"
    after = "print('while it waits:', clicked)"
    cells = (other + SET_UP + BEGIN, wait.format("op.wait()"), after, wait.format("await op"), after)
    notebook = open_notebook(*cells, settings=NO_SUBSHELLS)
    for waiting in (1, 3):
        notebook.run_to_end(0)
        notebook.run(waiting)
        assert_moves(notebook, 0)
        notebook.click(0, "Other")
        notebook.click(0, "Cancel")
        notebook.await_end(waiting)
        notebook.run_to_end(waiting + 1)
        notebook.await_text(waiting + 1, "while it waits: [False]")
