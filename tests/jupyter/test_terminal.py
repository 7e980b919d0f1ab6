from __future__ import annotations

import pytest
from fakes import Clock, ManualScheduler, operation

from lro_notebook import Operation, OperationResource
from lro_notebook.jupyter import terminal
from lro_notebook.operations.poller import OperationPoller


class Nothing:
    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None: ...


def handle() -> Operation:
    resource = OperationResource.from_dict(operation())
    poller = OperationPoller(Nothing(), resource, scheduler=ManualScheduler(Clock()))
    return Operation(poller)


def see(op: Operation, completed: int, pending: int, *, done: bool = False) -> None:
    counter = {"success": str(completed), "pending": str(pending)}
    metadata = {"apiMethodName": "x.ImportResources", "counter": counter}
    op.poller.update(OperationResource.from_dict(operation(metadata=metadata, done=done)))


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(terminal.SWITCH, "1")


def test_a_wait_shows_state_counts_and_total(capsys: pytest.CaptureFixture[str]) -> None:
    op = handle()
    with terminal.watching([op]) as pause:
        see(op, 400, 600)
        pause(0.0)
        see(op, 1000, 0, done=True)
    last = capsys.readouterr().err.rstrip().rpartition("\r")[2]
    assert "ImportResources succeeded: 100%" in last
    assert "1000/1000" in last


def test_without_a_total_there_is_no_percentage(capsys: pytest.CaptureFixture[str]) -> None:
    op = handle()
    with terminal.watching([op]):
        pass
    shown = capsys.readouterr().err
    assert "operation pending: 0" in shown
    assert "%" not in shown


def test_an_interrupt_says_that_the_operation_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), terminal.watching([handle()]):
        raise KeyboardInterrupt
    assert "Stopped waiting; operation 1 goes on." in capsys.readouterr().err


def test_nothing_is_drawn_where_nobody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(terminal.SWITCH)
    with terminal.watching([handle()]) as pause:
        pause(0.0)
    assert capsys.readouterr().err == ""
