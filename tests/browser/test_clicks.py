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
    notebook.await_bar_beyond(cell, notebook.bar(cell), seconds=10)


@pytest.mark.parametrize("waiting", ["op.wait()", "await op"])
def test_the_stop_button_ends_the_waiting_and_not_the_operation(
    open_notebook: Open, pace: Callable[[float | None], None], waiting: str
) -> None:
    pace(300)
    notebook = open_notebook(SET_UP + BEGIN, waiting, "print('next cell:', op.state)")
    notebook.run_to_end(0)
    notebook.run(1)
    assert_moves(notebook, 0)
    assert notebook.seconds_to(1, "Stopped waiting; operation", STOP) < SOON
    notebook.await_end(1)
    notebook.run_to_end(2)
    notebook.await_text(2, "next cell: RUNNING")
    assert_moves(notebook, 0)
    assert notebook.seconds_to(0, ANSWERED, CANCEL) < SOON
    notebook.await_text(0, "Cancelled")


@pytest.mark.parametrize("waiting", ["op.wait()", "await op"])
def test_clicks_on_the_buttons_of_others_wait_for_the_end_of_the_cell(
    open_notebook: Open, pace: Callable[[float | None], None], waiting: str
) -> None:
    pace(300)
    other = (
        "import ipywidgets\n"
        "waits, clicked = False, []\n"
        "other = ipywidgets.Button(description='Other')\n"
        "other.on_click(lambda _: clicked.append(waits))\n"
        "display(other)\n"
    )
    wait = f"waits = True\ntry:\n    {waiting}\nexcept lro.OperationCancelled:\n    pass\nwaits = False"
    notebook = open_notebook(
        other + SET_UP + BEGIN, wait, "print('while it waits:', clicked)", settings=NO_SUBSHELLS
    )
    notebook.run_to_end(0)
    notebook.run(1)
    assert_moves(notebook, 0)
    notebook.click(0, "Other")
    notebook.click(0, "Cancel")
    notebook.await_end(1)
    notebook.run_to_end(2)
    notebook.await_text(2, "while it waits: [False]")
