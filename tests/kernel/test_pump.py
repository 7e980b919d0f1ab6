"""The pump in a real kernel: whose messages it takes, what it leaves, and how it gives the stream back."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from patience import SOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.session import Cell, Session

pytestmark = [pytest.mark.kernel, pytest.mark.service, pytest.mark.xdist_group("kernel")]

SET_UP = """
import asyncio, time
from contextlib import ExitStack
import ipywidgets
import lro_notebook as lro
from lro_notebook import local
from lro_notebook.jupyter import pump as module
from lro_notebook.jupyter.pump import Pump
kernel = get_ipython().kernel
handed_on = getattr(kernel, "shell_channel_thread", None) is not None
stream = module.look_up(kernel, module.HANDED_ON if handed_on else module.DIRECT)
own = stream._recv_callback
store = lro.connect().fhir_store("pump").create(exist_ok=True)
local.set_pace(300)
clicks = []
button, other = ipywidgets.Button(), ipywidgets.Button()
button.on_click(lambda _: clicks.append(time.monotonic()))
other.on_click(lambda _: clicks.append("other"))
def begin():
    return store.import_from("gs://lro-sample/fhir/*.ndjson")
def pumped(seconds, *ids):
    pump, end = Pump.find(), time.monotonic() + seconds
    with pump.serving(ids or [button.model_id]):
        while time.monotonic() < end and not clicks:
            pump.poll(0.05)
"""


@pytest.fixture(scope="module")
def shared(session: Session) -> Session:
    session.run(SET_UP)
    return session


@pytest.fixture
def kernel(shared: Session) -> Iterator[Session]:
    shared.run("clicks.clear()")
    yield shared
    shared.run("for op in lro.connect().operations():\n    op.cancel()")
    shared.run("assert stream._recv_callback == own and Pump._serving is None")


def handmade(kernel: Session) -> tuple[str, str]:
    """Return the comms of the two buttons of the set-up."""
    ours, other = kernel.buttons()[:2]
    return ours, other


def began(kernel: Session, cell: Cell) -> None:
    kernel.until(lambda: cell.started)


def over(kernel: Session, *cells: Cell) -> None:
    kernel.until(lambda: all(cell.ended for cell in cells))


def send(kernel: Session, comm_id: str, subshell: str | None = None) -> tuple[str, float]:
    """Click as a front end does that names a subshell; return the id of the message, and when."""
    client = kernel._client
    content = {"comm_id": comm_id, "data": {"method": "custom", "content": {"event": "click"}}}
    message = client.session.msg("comm_msg", content)
    message["header"]["subshell_id"] = subshell
    client.shell_channel.send(message)
    return message["header"]["msg_id"], time.monotonic()


def new_subshell(kernel: Session) -> str:
    client = kernel._client
    client.kernel_info(reply=True, timeout=10)
    info = client.kernel_info(reply=True, timeout=10)["content"]
    if "kernel subshells" not in info.get("supported_features", []):
        pytest.skip("this kernel has no subshells")
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    reply = client.get_control_msg(timeout=10)
    while reply["msg_type"] != "create_subshell_reply":
        reply = client.get_control_msg(timeout=10)
    return str(reply["content"]["subshell_id"])


def statuses(kernel: Session, message_id: str) -> list[str]:
    return [
        message["content"]["execution_state"]
        for _, message in kernel.messages
        if message["msg_type"] == "status" and message["parent_header"].get("msg_id") == message_id
    ]


def answer(kernel: Session, button: str, clicked: float) -> float:
    def answers() -> list[float]:
        return [at for at, text in kernel.updates(button, "description") if text == "Cancelling…"]

    kernel.until(lambda: [at for at in answers() if at >= clicked])
    return next(at for at in answers() if at >= clicked) - clicked


@pytest.mark.parametrize("waiting", ["op.wait()", "await asyncio.wait([asyncio.ensure_future(op)])"])
def test_a_click_that_names_a_subshell_gets_through(kernel: Session, waiting: str) -> None:
    subshell = new_subshell(kernel)
    for _ in range(2):
        kernel.run("op = begin()")
        cell = kernel.start(waiting)
        began(kernel, cell)
        kernel.listen(0.3)
        button = kernel.buttons()[-1]
        _, clicked = send(kernel, button, subshell)
        assert answer(kernel, button, clicked) < SOON
        over(kernel, cell)
        assert kernel.run("print(op.state)").text("stdout") == "CANCELLED\n"


def test_the_front_end_hears_busy_and_idle_for_its_click_and_output_stays_with_the_cell(
    kernel: Session,
) -> None:
    ours, _ = handmade(kernel)
    cell = kernel.start("print('before', end=' ')\npumped(5)\nprint('after', len(clicks))")
    began(kernel, cell)
    kernel.listen(0.2)
    message_id, _ = send(kernel, ours)
    over(kernel, cell)
    assert statuses(kernel, message_id) == ["busy", "idle"]
    assert cell.text("stdout") == "before after 1\n"


def test_a_click_does_not_tell_ipython_that_the_cell_has_ended(kernel: Session) -> None:
    ours, _ = handmade(kernel)
    kernel.run("ended = []\nhook = lambda: ended.append(1)")
    cell = kernel.start(
        "get_ipython().events.register('post_execute', hook)\n"
        "pumped(5)\nprint(len(clicks), len(ended))\n"
        "get_ipython().events.unregister('post_execute', hook)"
    )
    began(kernel, cell)
    send(kernel, ours)
    over(kernel, cell)
    assert cell.text("stdout") == "1 0\n"


@pytest.mark.parametrize("before", ["time.sleep(0.8)", "await asyncio.sleep(0.8)"])
def test_a_click_before_the_wait_of_its_cell_is_not_lost(kernel: Session, before: str) -> None:
    ours, _ = handmade(kernel)
    cell = kernel.start(f"{before}\npumped(1)\nprint(len(clicks))")
    began(kernel, cell)
    kernel.listen(0.2)
    send(kernel, ours)
    over(kernel, cell)
    # ipykernel 7.0 to 7.3 has taken it away from the stream when a cell awaits: it comes after the cell.
    assert cell.text("stdout") in (("1\n",) if "time" in before else ("1\n", "0\n"))
    assert kernel.run("print(len(clicks))").text("stdout") == "1\n"


def test_of_two_operations_awaited_side_by_side_one_is_cancelled_and_the_other_goes_on(
    kernel: Session,
) -> None:
    kernel.run("one = begin()")
    first = kernel.buttons()[-1]
    kernel.run("two = begin()")
    second = kernel.buttons()[-1]
    cell = kernel.start(
        "print([type(e).__name__ for e in await asyncio.gather(one, two, return_exceptions=True)])"
    )
    began(kernel, cell)
    queued = kernel.start("print('queued', one.state, two.state)")
    kernel.listen(0.3)
    # The one that began to wait first leaves first: the other still needs the stream.
    _, clicked = send(kernel, first)
    assert answer(kernel, first, clicked) < SOON
    kernel.listen(1.0)
    assert not cell.ended
    assert not queued.started
    _, clicked = send(kernel, second)
    assert answer(kernel, second, clicked) < SOON
    over(kernel, queued)
    assert cell.text("stdout") == f"{['OperationCancelled'] * 2}\n"
    assert queued.text("stdout") == "queued CANCELLED CANCELLED\n"


def test_interrupts_at_any_moment_lose_no_cell(kernel: Session) -> None:
    kernel.run("op = begin()")
    moments = random.Random(0)  # noqa: S311 - the same moments in each run
    expected: list[str] = []
    cells: list[Cell] = []
    for turn in range(12):
        waiting = kernel.start("try:\n    op.wait()\nexcept KeyboardInterrupt:\n    print('stopped')")
        began(kernel, waiting)
        kernel.listen(0.1)
        early = [kernel.start(f"print({turn}, {number})") for number in range(4)]
        kernel.listen(moments.random() * 0.06)
        kernel.interrupt()
        late = kernel.start(f"print({turn}, 4)")
        over(kernel, waiting, *early, late)
        assert waiting.text("stdout") == "stopped\n"
        cells += [*early, late]
        expected += [f"{turn} {number}\n" for number in range(5)]
    assert [cell.text("stdout") for cell in cells] == expected
    assert sorted(cells, key=lambda cell: cell.started) == cells


def test_an_interrupt_while_a_message_is_read_does_not_lose_it(kernel: Session) -> None:
    kernel.run(
        "import signal\noriginal = Pump._comm_of\n"
        "def interrupted(pump, frames):\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    return original(pump, frames)\n"
    )
    cell = kernel.start(
        "Pump._comm_of = interrupted\n"
        "try:\n    pumped(5)\nexcept KeyboardInterrupt:\n    print('stopped')\n"
        "Pump._comm_of = original"
    )
    began(kernel, cell)
    queued = kernel.start("print('queued')")
    over(kernel, cell, queued)
    assert cell.text("stdout") == "stopped\n"
    assert queued.text("stdout") == "queued\n"


def test_many_messages_come_to_the_kernel_once_each_and_in_order(kernel: Session) -> None:
    ours, other = handmade(kernel)
    kernel.run("seen = []")
    cell = kernel.start("pumped(5)")
    began(kernel, cell)
    queued = []
    for number in range(50):
        queued.append(kernel.start(f"seen.append({number})"))
        send(kernel, other)
    send(kernel, ours)
    over(kernel, *queued)
    assert kernel.run("print(seen == list(range(50)), clicks.count('other'), len(clicks))").text(
        "stdout"
    ) == ("True 50 51\n")


def test_waits_may_be_left_in_any_order_and_by_exceptions(kernel: Session) -> None:
    code = """
def failing(): raise LookupError
first, second, found = ExitStack(), ExitStack(), Pump.find()
first.enter_context(found.serving(["a"]))
assert Pump.find() is found
second.enter_context(Pump.find().serving(lambda: ["a", "b"]))
first.close()
print(stream._recv_callback == own, end=" ")
second.close()
print(stream._recv_callback == own, end=" ")
try:
    with found.serving(["a"]), found.serving(["a"]): 1 / 0
except ZeroDivisionError:
    print(stream._recv_callback == own, end=" ")
try:
    with found.serving(failing): found.poll(0)
except LookupError:
    print(stream._recv_callback == own)
"""
    assert kernel.run(code).text("stdout") == "False True True True\n"


def test_an_error_in_the_answer_to_a_click_is_logged_and_the_next_click_gets_through(kernel: Session) -> None:
    shown = kernel.run(
        "import logging\nrecords = []\n"
        "class Keep(logging.Handler):\n    emit = lambda self, record: records.append(record)\n"
        "keep = Keep()\nlogging.getLogger('lro_notebook').addHandler(keep)\n"
        "failing = ipywidgets.Button()\nfailing.comm.on_msg(lambda message: 1 / 0)\nprint(failing.model_id)"
    )
    failing = shown.text("stdout").strip()
    ours, _ = handmade(kernel)
    cell = kernel.start("pumped(5, failing.model_id, button.model_id)\nprint(len(clicks), len(records))")
    began(kernel, cell)
    send(kernel, failing)
    kernel.listen(0.2)
    send(kernel, ours)
    over(kernel, cell)
    kernel.run("logging.getLogger('lro_notebook').removeHandler(keep)")
    assert cell.text("stdout") == "1 1\n"


def test_a_stream_that_somebody_else_took_and_gives_back_late_still_serves_the_kernel(
    kernel: Session,
) -> None:
    kernel.run(
        "with Pump.find().serving(['a']):\n"
        "    before = stream._recv_callback\n    stream.on_recv(own, copy=False)\n"
        "stream.on_recv(before, copy=False)"
    )
    assert kernel.run("print('alive')").text("stdout") == "alive\n"
    kernel.run("stream.on_recv(own, copy=False)")


def test_only_the_main_thread_has_a_pump(kernel: Session) -> None:
    code = (
        "import threading\nfound = []\nthread = threading.Thread(target=lambda: found.append(Pump.find()))\n"
    )
    assert kernel.run(f"{code}thread.start(); thread.join(); print(found)").text("stdout") == "[None]\n"
