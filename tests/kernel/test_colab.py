"""A card in a kernel of Colab's name, whose pages show nothing that a thread sends while no cell runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kernel.cards import SET_UP, answered, begin
from kernel.session import Session
from patience import SOON

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kernel, pytest.mark.service, pytest.mark.xdist_group("kernel")]

NAMED = Path(__file__).parent / "colab"
AT_REST = "moves while a cell waits: op.wait()"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, service: Path) -> Iterator[Session]:
    path = os.pathsep.join(filter(None, [str(NAMED), os.environ.get("PYTHONPATH")]))
    env = {
        "PYTHONPATH": path,
        "LRO_NOTEBOOK_DATA_DIR": str(service),
        "LRO_NOTEBOOK_STATE_DIR": str(tmp_path_factory.mktemp("colab") / "state"),
        "LRO_NOTEBOOK_PROGRESS": "",
    }
    session = Session(env, "--IPKernelApp.kernel_class=google.colab._kernel.Kernel")
    session.run(SET_UP)
    yield session
    session.run("for op in ds.operations():\n    op.cancel()\nlro.wait(ds.operations())")
    session.close()


def sent(kernel: Session, since: int = 0) -> list[str]:
    """Return the cells that updates of widgets and outputs came from, in order; empty for none."""
    kinds = ("comm_msg", "update_display_data")
    messages = [message for _, message in kernel.messages[since:] if message["msg_type"] in kinds]
    return [message["parent_header"].get("msg_id", "") for message in messages]


def shown(kernel: Session) -> str:
    """Return what the widgets say at the moment, one after the other."""
    values: dict[str, str] = {}
    for _, message in kernel.messages:
        if message["msg_type"] in ("comm_open", "comm_msg"):
            state = message["content"]["data"].get("state", {})
            values |= {message["content"]["comm_id"]: state["value"]} if "value" in state else {}
    return " ".join(values.values())


def test_a_card_moves_while_a_cell_waits_and_says_so(kernel: Session) -> None:
    kernel.run("op = begin()")
    assert AT_REST in shown(kernel)

    before = len(kernel.messages)
    kernel.listen(0.8)  # three ticks
    assert sent(kernel, before) == []

    button = kernel.buttons()[-1]
    before = len(kernel.messages)
    wait = kernel.start("op.wait()")
    kernel.until(lambda: len(sent(kernel, before)) > 4)
    assert AT_REST not in shown(kernel)
    assert set(sent(kernel, before)) == {wait.message_id}
    assert answered(kernel, button, kernel.click(button)) < SOON
    kernel.until(lambda: wait.ended)
    assert "Cancelled" in wait.of("update_display_data")[-1]["content"]["data"]["text/plain"]
    assert kernel.run("print(op.state)").text("stdout") == "CANCELLED\n"


def test_a_card_catches_up_whenever_a_cell_has_run(kernel: Session) -> None:
    begin(kernel)
    kernel.run("op.cancel()\nwhile not op.done():\n    time.sleep(0.01)", 60.0)
    cell = kernel.run("print('another cell')")
    ends = [
        m["content"]["data"]["text/plain"] for m in [*kernel.cells.values()][-2].of("update_display_data")
    ]
    ends += [m["content"]["data"]["text/plain"] for m in cell.of("update_display_data")]
    assert any("Cancelled" in text for text in ends)
