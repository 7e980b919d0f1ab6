from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fakes import NAME, Clock, ManualScheduler, operation

import lro_notebook as lro
from lro_notebook.errors import ApiError, Code
from lro_notebook.http.responses import NoResponse
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.polling_policy import PollPolicy
from lro_notebook.operations.resource import OperationResource

CREATED = "2026-03-04T09:00:00Z"


class Script:
    """A source that answers from a list; the last answer repeats."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.cancelled = 0

    def poll(self) -> OperationResource:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return OperationResource.from_dict(answer)

    get = poll

    def cancel(self) -> None:
        self.cancelled += 1


def running(done: int, pending: int | None = None, **more: Any) -> dict[str, Any]:
    counter = {"success": str(done)} | ({} if pending is None else {"pending": str(pending)})
    return operation(metadata={"createTime": CREATED, "counter": counter, **more})


def ended(failure: int = 0, **fields: Any) -> dict[str, Any]:
    counter = {"success": "10"} | ({"failure": str(failure)} if failure else {})
    return operation(done=True, metadata={"createTime": CREATED, "counter": counter}, **fields)


def handle(
    *answers: dict[str, Any] | Exception,
    **policy: Any,
) -> tuple[lro.Operation, ManualScheduler, Script]:
    clock, source = Clock(), Script(*answers)
    scheduler = ManualScheduler(clock)
    poller = OperationPoller(
        source,
        OperationResource(NAME),
        scheduler=scheduler,
        policy=PollPolicy(**policy),
        clock=clock,
    )
    return lro.Operation(poller), scheduler, source


def unavailable() -> NoResponse:
    return NoResponse("nothing listens there", url="http://x/")


def test_looking_at_a_handle_makes_the_poller_follow_it_and_the_loop_ends() -> None:
    op, scheduler, _ = handle(running(1, 9), running(5, 5), ended())
    assert scheduler.jobs == []
    looks = 0
    while not op.done():
        looks += 1
        scheduler.step()
    assert looks == 3
    assert op.state == "SUCCEEDED"
    assert scheduler.jobs == []


def test_the_progress_is_seen_as_it_moves() -> None:
    op, scheduler, _ = handle(running(1, 9), running(5, 5), ended())
    seen = []
    while not op.done():
        scheduler.step()
        seen.append((op.progress.completed, op.progress.total, op.progress.fraction))
    assert seen == [(1, 10, 0.1), (5, 10, 0.5), (10, 10, 1.0)]


def test_history_is_a_typed_frame_with_a_row_per_look() -> None:
    op, scheduler, _ = handle(running(1, 9), ended())
    while not op.done():
        scheduler.step()
    history = op.history
    assert list(history["completed"].fillna(-1)) == [-1, 1, 10]
    assert list(history["state"]) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert str(history.dtypes["completed"]) == "Int64"
    assert str(history.dtypes["time"]) == "datetime64[us, UTC]"


def test_the_result_is_the_response() -> None:
    op, scheduler, _ = handle(ended(response={"@type": "x", "n": "3"}))
    op.done()
    scheduler.step()
    assert op.result() == {"@type": "x", "n": "3"}
    assert op.exception() is None


def test_an_operation_that_failed_raises_with_code_message_and_handle() -> None:
    op, scheduler, _ = handle(ended(error={"code": 5, "message": "no such bucket"}))
    op.done()
    scheduler.step()
    with pytest.raises(lro.OperationFailed, match=r"NOT_FOUND \(5\): no such bucket") as caught:
        op.result()
    assert caught.value.operation is op
    assert isinstance(op.exception(), lro.OperationFailed)
    assert op.wait() is op
    with pytest.raises(lro.OperationFailed):
        op.load()


def test_a_cancelled_operation_is_a_cancelled_future() -> None:
    op, scheduler, _ = handle(ended(error={"code": 1, "message": "cancelled"}))
    op.done()
    scheduler.step()
    assert op.cancelled()
    for ask in (op.result, op.exception, op.load):
        with pytest.raises(lro.OperationCancelled) as caught:
            ask()
        assert isinstance(caught.value, CancelledError)
        assert "op.load" not in str(caught.value)  # nobody knows of files that it wrote


def test_cancel_sends_the_request_and_looks_at_once() -> None:
    op, scheduler, source = handle(running(1, cancelRequested=True), ended(error={"code": 1}))
    assert op.cancel() is True
    assert source.cancelled == 1
    assert scheduler.jobs[0][0] == scheduler.clock.now
    states: list[str] = []
    for _ in range(2):
        scheduler.step()
        states.append(op.state)
    assert states == ["CANCELLING", "CANCELLED"]
    assert op.cancel() is False
    assert source.cancelled == 1


def test_a_wait_that_is_over_leaves_the_operation_alone() -> None:
    op, _, source = handle(running(1))
    with pytest.raises(lro.WaitTimeout, match="it goes on") as caught:
        op.wait(0.01)
    assert isinstance(caught.value, TimeoutError)
    assert source.cancelled == 0


def test_a_partial_failure_is_a_success_that_warns_once() -> None:
    op, scheduler, _ = handle(ended(failure=3))
    op.done()
    scheduler.step()
    assert op.state == "SUCCEEDED"
    assert "3 failed" in repr(op)
    with pytest.warns(lro.PartialFailureWarning, match="3 of its units failed") as caught:
        op.wait()
        op.result()
        op.wait()
    assert len(caught) == 1


def test_a_failed_poll_is_not_a_failed_operation() -> None:
    op, scheduler, _ = handle(running(1), unavailable(), unavailable(), ended())
    op.done()
    scheduler.step()
    assert scheduler.step() == 1.0
    assert op.trouble == "no answer for 0 s, retrying"
    assert scheduler.step() == 2.0
    assert op.state == "RUNNING"
    scheduler.step()
    assert (op.state, op.trouble) == ("SUCCEEDED", "")


def test_an_operation_that_cannot_be_read_for_too_long_is_lost_and_can_be_followed_again() -> None:
    op, scheduler, source = handle(unavailable(), failure_budget=20.0)
    op.done()
    while scheduler.jobs:
        scheduler.step()
    with pytest.raises(lro.PollingLost, match="may still run"):
        op.done()
    source.answers = [ended()]
    assert op.done() is False
    scheduler.step()
    assert op.done() is True


def test_waiting_for_a_lost_operation_comes_back_and_the_result_tells() -> None:
    op, scheduler, _ = handle(unavailable(), failure_budget=0.0)

    def drive() -> None:
        while scheduler.jobs:
            scheduler.clock.now += 1.0
            scheduler.step()

    op.done()
    thread = threading.Timer(0.02, drive)
    thread.start()
    assert op.wait(5) is op
    thread.join()
    with pytest.raises(lro.PollingLost):
        op.done()


def test_an_operation_that_the_service_does_not_know_is_an_api_error() -> None:
    gone = ApiError("no such operation", status=404, code=Code.NOT_FOUND, url="http://x/")
    op, scheduler, _ = handle(gone)
    op.done()
    assert scheduler.step() is None
    with pytest.raises(lro.ApiError, match="no such operation"):
        op.done()


def test_an_unforeseen_error_loses_the_operation_instead_of_hanging_who_waits() -> None:
    op, scheduler, _ = handle(running(1))
    op.done()
    scheduler.jobs.clear()
    op.poller.on_crash(ZeroDivisionError())
    with pytest.raises(lro.PollingLost, match="ZeroDivisionError"):
        op.done()


def test_what_has_ended_does_not_change_any_more() -> None:
    op, scheduler, _ = handle(ended())
    op.done()
    scheduler.step()
    op.poller.update(OperationResource.from_dict(running(1)))
    assert op.state == "SUCCEEDED"


def test_callbacks_run_once_and_a_bad_one_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    op, scheduler, _ = handle(ended())
    calls: list[object] = []
    both = threading.Event()
    op.add_done_callback(lambda _: 1 / 0)
    op.add_done_callback(calls.append)
    scheduler.step()
    op.add_done_callback(calls.append)
    op.add_done_callback(lambda _: both.set())
    assert both.wait(30)
    assert calls == [op, op]
    assert "done callback" in caplog.text


def test_awaiting_gives_the_response() -> None:
    op, scheduler, _ = handle(running(1), ended(response={"n": 1}))

    async def both() -> Any:
        async def drive() -> None:
            while not op.resource.done:
                await asyncio.sleep(0)
                scheduler.step()

        driver = asyncio.create_task(drive())
        response = await op
        await driver
        return response

    assert asyncio.run(both()) == {"n": 1}


def test_refresh_reads_now() -> None:
    op, _, _ = handle(running(4, 6))
    assert op.refresh() is op
    assert op.progress.completed == 4


def test_the_repr_is_one_short_line_without_payload() -> None:
    op, _, _ = handle(
        operation(metadata={"counter": {"success": "1200", "pending": "800"}, "patient": "Doe"})
    )
    op.refresh()
    assert repr(op) == "<Operation 1 RUNNING 1,200 of 2,000>"


def test_to_frame_has_fixed_columns_and_dtypes_also_when_empty() -> None:
    op, _, _ = handle(ended(failure=2, error={"code": 10, "message": "restarted"}))
    op.refresh()
    full, empty = lro.to_frame([op]), lro.to_frame([])
    pd.testing.assert_series_equal(full.dtypes, empty.dtypes)
    assert len(empty) == 0
    row = full.iloc[0]
    assert (row["name"], row["state"], row["done"], row["failed"]) == (NAME, "FAILED", True, 2)
    assert (row["error_code"], row["error_message"]) == ("ABORTED", "restarted")
    assert row["created"] == pd.Timestamp(CREATED)
    assert str(full.dtypes["done"]) == "boolean"
    assert pd.isna(row["total"])


def test_the_time_left_comes_from_three_looks_at_progress_that_moves() -> None:
    op, scheduler, _ = handle(*(running(done, 100 - done) for done in (10, 20, 30, 40)), floor=1.0, first=1.0)
    op.done()
    left = []
    for _ in range(4):
        left.append(op.poller.seconds_left)
        scheduler.step()
    assert left[:3] == [None, None, None]
    assert left[3] is not None
    assert left[3] > 0.0


def test_the_history_plots_with_one_call() -> None:
    op, scheduler, _ = handle(running(1, 9), running(5, 5), ended())
    while not op.done():
        scheduler.step()
    axes = op.history.plot(x="time", y="completed")
    assert np.asarray(axes.lines[0].get_ydata()).size == 4
