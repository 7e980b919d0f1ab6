"""Cards, clicks and interrupts in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernel.cards import SET_UP, answered, begin
from patience import SOON

from lro_notebook.jupyter.pump import DIRECT, HANDED_ON, KERNEL_NAMES, STREAM_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.session import Cell, Session

pytestmark = [pytest.mark.kernel, pytest.mark.service, pytest.mark.xdist_group("kernel")]

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def shared(session: Session) -> Session:
    session.run(SET_UP)
    return session


@pytest.fixture
def kernel(shared: Session) -> Iterator[Session]:
    yield shared
    shared.run("for op in ds.operations():\n    op.cancel()\nlro.wait(ds.operations())")


@pytest.mark.parametrize(
    ("waiting", "error"),
    [
        ("op.wait()", ""),
        ("op.result()", "OperationCancelled"),
        ("op.load()", "OperationCancelled"),
        ("await op", "OperationCancelled"),
        ("lro.wait([op])", ""),
        ("list(lro.as_completed([op]))", ""),
        ("await asyncio.gather(op)", "OperationCancelled"),
    ],
)
def test_cancel_gets_through_while_a_cell_waits(kernel: Session, waiting: str, error: str) -> None:
    button = begin(kernel)
    cell = kernel.start(waiting)
    kernel.until(lambda: cell.started)
    kernel.listen(0.3)
    assert answered(kernel, button, kernel.click(button)) < SOON
    kernel.until(lambda: cell.ended)
    assert cell.error == error
    assert kernel.run("print(op.state)").text("stdout") == "CANCELLED\n"


@pytest.mark.parametrize("waiting", ["op.wait()", "await lro_wait(op)"])
def test_queued_cells_run_afterwards_in_their_order_with_their_own_output(
    kernel: Session, waiting: str
) -> None:
    button = begin(kernel)
    cell = kernel.start(waiting)
    kernel.until(lambda: cell.started)
    queued = [kernel.start(f"print('queued {number}', op.state)") for number in range(5)]
    kernel.listen(0.3)
    assert not any(later.started for later in queued)
    kernel.click(button)
    kernel.until(lambda: all(later.ended for later in queued))
    assert [later.text("stdout") for later in queued] == [f"queued {n} CANCELLED\n" for n in range(5)]
    assert sorted(queued, key=lambda later: later.started) == queued


def test_after_a_cell_that_raised_queued_cells_are_aborted_as_usual(kernel: Session) -> None:
    button = begin(kernel)
    cell = kernel.start("op.result()")
    kernel.until(lambda: cell.started)
    queued = kernel.start("print('never')")
    kernel.listen(0.3)
    kernel.click(button)
    kernel.until(lambda: cell.ended)
    kernel.listen(0.5)
    assert cell.error == "OperationCancelled"
    assert queued.text("stdout") == ""
    assert kernel.run("print('again')").text("stdout") == "again\n"


def test_other_peoples_buttons_wait_for_the_end_of_the_cell(kernel: Session) -> None:
    kernel.run(
        "import ipywidgets\nseen = []\nother = ipywidgets.Button()\n"
        "other.on_click(lambda _: seen.append(time.monotonic()))"
    )
    other, ours = kernel.buttons()[-1], begin(kernel)
    cell = kernel.start("op.wait(); over = time.monotonic(); print(len(seen))")
    kernel.until(lambda: cell.started)
    kernel.click(other)
    kernel.click(other)
    kernel.listen(0.4)
    kernel.click(ours)
    kernel.until(lambda: cell.ended)
    assert cell.text("stdout") == "0\n"
    assert kernel.run("print(len(seen), all(at > over for at in seen))").text("stdout") == "2 True\n"


@pytest.mark.parametrize(
    ("waiting", "error"), [("op.wait()", "KeyboardInterrupt"), ("await op", "CancelledError")]
)
def test_an_interrupt_ends_the_waiting_and_the_operation_goes_on(
    kernel: Session, waiting: str, error: str
) -> None:
    button = begin(kernel)
    cell = kernel.start(waiting)
    kernel.until(lambda: cell.started)
    kernel.listen(0.4)
    interrupted = kernel.interrupt()
    kernel.until(lambda: cell.ended)
    assert cell.ended - interrupted < SOON
    assert cell.error == error
    assert cell.text("stderr").startswith("Stopped waiting; operation ")
    assert cell.text("stderr").count("\n") == 1
    assert kernel.run("print(op.refresh().state)").text("stdout") == "RUNNING\n"
    again = kernel.start("op.wait()")
    kernel.until(lambda: again.started)
    kernel.listen(0.3)
    assert answered(kernel, button, kernel.click(button)) < SOON
    kernel.until(lambda: again.ended)


def test_nothing_stays_patched(kernel: Session) -> None:
    kernel.run(
        "from lro_notebook.jupyter import pump\nkernel = get_ipython().kernel\n"
        "path = pump.HANDED_ON if getattr(kernel, 'shell_channel_thread', None) else pump.DIRECT\n"
        "stream = pump.look_up(kernel, path)\nbefore = stream._recv_callback"
    )
    begin(kernel)
    cell = kernel.start("op.wait()")
    kernel.until(lambda: cell.started)
    kernel.listen(0.3)
    kernel.interrupt()
    kernel.until(lambda: cell.ended)
    assert kernel.run("print(stream._recv_callback == before)").text("stdout") == "True\n"


@pytest.mark.parametrize(
    "hidden", [*((name,) for name in (*KERNEL_NAMES, *STREAM_NAMES)), (HANDED_ON, DIRECT)], ids="/".join
)
def test_without_a_private_name_the_wait_works_plainly_and_says_to_use_stop(
    kernel: Session, hidden: tuple[str, ...]
) -> None:
    kernel.run(
        "from lro_notebook.jupyter import pump\noriginal = pump.look_up\n"
        f"pump.look_up = lambda thing, path: None if path in {hidden!r} else original(thing, path)"
    )
    kernel.run("local.set_pace(3)\nop = begin('Patient')")
    cell = kernel.start("print(pump.Pump.find()); op.wait()")
    kernel.until(lambda: [html for html in live_html(kernel, cell) if "use Stop" in html])
    kernel.interrupt()
    kernel.until(lambda: cell.ended)
    assert cell.text("stdout") == "None\n"
    assert cell.error == "KeyboardInterrupt"
    kernel.run("pump.look_up = original\nlocal.set_pace(None)\nop.wait()\nlocal.set_pace(300)")
    assert kernel.run("print(op.state)").text("stdout") == "SUCCEEDED\n"


def live_html(kernel: Session, cell: Cell) -> list[str]:
    """Return what the widgets were set to since a cell began."""
    sent = [
        m["content"]["data"]
        for at, m in kernel.messages
        if m["msg_type"] == "comm_msg" and at > cell.started > 0
    ]
    return [str(data.get("state", {}).get("value", "")) for data in sent]


def test_a_start_shows_its_card_once_also_as_the_last_line_of_its_cell(kernel: Session) -> None:
    cell = kernel.run("op = begin()\nop")
    shown = [message["content"]["data"] for message in cell.of("display_data")]
    assert [VIEW in data for data in shown] == [False, True]
    assert "Import: Pending." in shown[0]["text/plain"]
    assert cell.of("execute_result") == []


def test_two_starts_in_one_cell_share_one_table(kernel: Session) -> None:
    cell = kernel.run("one = begin()\ntwo = begin()")
    assert len(cell.of("display_data")) == 2
    tables = [m["content"]["data"]["text/html"] for m in cell.of("update_display_data")]
    assert any("lro-table" in html for html in tables)


def test_show_says_whether_to_show(kernel: Session) -> None:
    assert kernel.run("op = begin('Patient', show=False)\nprint(op.state)").of("display_data") == []
    assert kernel.run("local.set_pace(None)\nop.wait().state\nlocal.set_pace(300)").of("display_data") == []


def test_at_the_end_the_saved_output_is_html_and_text_without_a_view(kernel: Session) -> None:
    cell = kernel.run("local.set_pace(None)\nop = begin('Patient')\nop.wait()\nlocal.set_pace(300)")
    last: dict[str, dict[str, str]] = {}
    for message in cell.of("display_data") + cell.of("update_display_data"):
        display_id = message["content"]["transient"]["display_id"]
        if message["msg_type"] == "display_data" or display_id in last:  # not the late ends of earlier cells
            last[display_id] = message["content"]["data"]
    assert len(last) == 2
    assert not any(VIEW in data for data in last.values())
    assert any("Import: Succeeded." in data["text/plain"] for data in last.values())


def test_an_operation_found_again_shows_itself_as_the_value_of_a_cell(kernel: Session) -> None:
    kernel.run("op = begin(show=False)\nname = op.name\ndel op")
    cell = kernel.run("ds.operation(name)")
    assert [VIEW in message["content"]["data"] for message in cell.of("display_data")] == [False, True]


def test_clocks_tick_while_a_cell_computes(kernel: Session) -> None:
    kernel.run("op = begin()")
    cell = kernel.start("while True: sum(range(1000))")
    kernel.until(lambda: len(set(live_html(kernel, cell))) >= 3)
    assert not cell.ended
    kernel.interrupt()
    kernel.until(lambda: cell.ended)


def test_several_threads_may_wait_for_one_operation(kernel: Session) -> None:
    code = (
        "op = begin(show=False)\nstates = []\n"
        "threads = [threading.Thread(target=lambda: states.append(op.wait().state)) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "op.cancel()\n"
        "for thread in threads: thread.join()\nprint(states)"
    )
    assert kernel.run(code).text("stdout") == f"{['CANCELLED'] * 3}\n"


def test_a_timeout_on_the_loop_cancels_nothing(kernel: Session) -> None:
    cell = kernel.start("op = begin()\nawait asyncio.wait_for(op, 0.3)")
    kernel.until(lambda: cell.ended)
    assert cell.error == "TimeoutError"
    assert kernel.run("print(op.refresh().state)").text("stdout") == "RUNNING\n"


def test_autoreload_leaves_the_card_alive(kernel: Session) -> None:
    loaded = kernel.start("%load_ext autoreload\n%autoreload 2")
    kernel.until(lambda: loaded.ended)
    if loaded.error == "ModuleNotFoundError":
        pytest.skip("IPython 7 has no autoreload on Python 3.12 and newer, which have no module imp")
    assert not loaded.error
    button = begin(kernel)
    kernel.run("import lro_notebook as lro\nprint(op.state)")
    cell = kernel.start("op.wait()")
    kernel.until(lambda: cell.started)
    kernel.listen(0.3)
    assert answered(kernel, button, kernel.click(button)) < SOON
    kernel.until(lambda: cell.ended)
    assert kernel.run("print(op.state)\n%autoreload 0").text("stdout") == "CANCELLED\n"
