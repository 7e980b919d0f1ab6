"""The live table and the magic in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kernel.session import Cell, Session

pytestmark = [pytest.mark.kernel, pytest.mark.service, pytest.mark.xdist_group("kernel")]

VIEW = "application/vnd.jupyter.widget-view+json"
SET_UP = """
import time, warnings
import lro_notebook as lro
from lro_notebook import local
warnings.simplefilter("ignore")
ds = lro.connect()
store = ds.fhir_store("table").create(exist_ok=True)
local.set_pace(40)
def begin():
    return store.import_from("gs://lro-sample/fhir/*.ndjson")
ops = [begin() for _ in range(12)]
"""


@pytest.fixture(scope="module")
def kernel(session: Session) -> Session:
    session.run(SET_UP)
    return session


def comms(kernel: Session, model: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the comm and the first state of the widgets of a kind, the newest last."""
    opened = [message["content"] for _, message in kernel.messages if message["msg_type"] == "comm_open"]
    return [
        (content["comm_id"], content["data"]["state"])
        for content in opened
        if content["data"]["state"].get("_model_name") == model
    ]


def change(kernel: Session, comm_id: str, **state: Any) -> None:
    """Change a widget as its view does."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    message = kernel._client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
    kernel._client.shell_channel.send(message)


def views(cell: Cell) -> int:
    return sum(VIEW in message["content"].get("data", {}) for message in cell.of("display_data"))


def test_the_operations_of_a_dataset_show_as_one_table_which_is_used_while_a_cell_waits(
    kernel: Session,
) -> None:
    shown = kernel.run("ds.operations()")
    assert views(shown) == 1
    assert "12 operations" in shown.of("display_data")[0]["content"]["data"]["text/plain"]
    chooser, _ = comms(kernel, "ToggleButtonModel")[-1]
    offer, _ = comms(kernel, "SelectMultipleModel")[-1]
    states = [comm_id for comm_id, _ in comms(kernel, "DropdownModel")][-1]
    cancel = next(
        comm_id
        for comm_id, state in reversed(comms(kernel, "ButtonModel"))
        if "Ask the service" in (state.get("tooltip") or "")
    )
    waiting = kernel.start("print(len(lro.wait(ops, return_when='FIRST_COMPLETED').done))")
    kernel.until(lambda: waiting.started)
    kernel.listen(0.3)

    change(kernel, chooser, value=True)
    kernel.until(lambda: kernel.updates(offer, "_options_labels"))
    change(kernel, offer, index=[2])
    kernel.until(lambda: "Cancel 1 chosen" in [text for _, text in kernel.updates(cancel, "description")])
    change(kernel, states, index=3)
    kernel.click(cancel)
    kernel.until(lambda: waiting.ended)
    assert waiting.text("stdout") == "1\n"
    assert (
        kernel.run("print([op.state for op in ds.operations()].count('CANCELLED'))").text("stdout") == "1\n"
    )


def test_the_magic_lists_watches_cancels_and_explains_itself(kernel: Session) -> None:
    kernel.run("%load_ext lro_notebook\nlast = next(op for op in ops if not op.done())")
    assert views(kernel.run("%lro")) == 1
    assert "Import" in str(kernel.run("%lro watch {last.id}").outputs)
    stopped = kernel.run("%lro cancel {last.id}")
    assert "was asked to stop" in str(stopped.outputs)
    assert "fhirStores.import" in str(kernel.run("%lro started").outputs)
    wrong = kernel.start("%lro cancel")
    kernel.until(lambda: wrong.ended)
    assert wrong.text("stderr") == (
        "UsageError: %lro cancel is not understood; use %lro, %lro watch NAME, %lro cancel NAME, "
        "or %lro started\n"
    )
    kernel._client.complete("%lro ca", 7)
    reply = kernel._client.get_shell_msg(timeout=10)
    while reply["msg_type"] != "complete_reply":
        reply = kernel._client.get_shell_msg(timeout=10)
    assert "cancel" in reply["content"]["matches"]
    kernel.run("[op.cancel() for op in ops]; lro.wait(ops)")
