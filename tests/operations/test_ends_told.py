"""Who only waits for an operation hears of an end without success: once, with the error and what to do."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fakes import Clock, ManualScheduler, operation

import lro_notebook as lro
from lro_notebook.operations.journal import StartRecord
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource

NOT_FOUND = {"error": {"code": 5, "message": "no object matches gs://in/typo"}}
CANCELLED = {"error": {"code": 1, "message": "cancelled"}}


class Quiet:
    """Where an operation is that nobody has to ask for."""

    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None: ...


def handle(number: int = 1, **record: Any) -> lro.Operation:
    poller = OperationPoller(
        Quiet(), OperationResource(f"operations/{number}"), scheduler=ManualScheduler(Clock())
    )
    given = {"service": "s", "method": "fhirStores.export", "target": "t", "requested": None, **record}
    return lro.Operation(poller, record=StartRecord(**given) if record else None)


def ended(op: lro.Operation, **fields: Any) -> lro.Operation:
    op.poller.update(OperationResource.from_dict(operation(name=op.name, done=True, **fields)))
    return op


def test_a_failed_operation_is_told_once_with_its_error_and_the_next_step() -> None:
    op = ended(
        handle(destination="gs://out/run"),
        metadata={"counter": {"success": "3", "failure": "1"}},
        **NOT_FOUND,
    )
    with pytest.warns(lro.OperationFailedWarning) as seen:
        assert op.wait() is op
        op.wait()
    (warning,) = seen
    text = str(warning.message)
    assert "fhirStores.export operation 1 failed: NOT_FOUND (5): no object matches gs://in/typo" in text
    assert "op.load(partial=True)" in text
    assert "op.result()" in text
    assert warning.filename == __file__


def test_where_nothing_was_done_nothing_is_said_to_be_loaded() -> None:
    op = ended(handle(destination="gs://out/run"), **NOT_FOUND)
    with pytest.warns(lro.OperationFailedWarning) as seen:
        op.wait()
    assert "op.load" not in str(seen[0].message)


def test_what_a_result_raises_is_not_told_again() -> None:
    op = ended(handle(), **NOT_FOUND)
    with pytest.raises(lro.OperationFailed):
        op.result()
    op.wait()
    other = ended(handle(), **NOT_FOUND)
    assert isinstance(other.exception(), lro.OperationFailed)
    other.wait()
    third = ended(handle(), **NOT_FOUND)
    with pytest.raises(lro.OperationFailed):
        third.load()
    third.wait()


def test_a_success_says_nothing() -> None:
    ended(handle(), response={}).wait()


def test_a_cancellation_by_somebody_else_is_told_and_ones_own_is_not() -> None:
    with pytest.warns(lro.OperationFailedWarning, match=r"was cancelled(.|\n)*Somebody else"):
        ended(handle(), **CANCELLED).wait()
    own = handle()
    assert own.cancel()
    ended(own, **CANCELLED).wait()


def test_a_failure_after_ones_own_cancel_is_told() -> None:
    own = handle()
    own.cancel()
    with pytest.warns(lro.OperationFailedWarning, match="NOT_FOUND"):
        ended(own, **NOT_FOUND).wait()


def test_a_wait_for_many_tells_them_all_in_one_warning() -> None:
    ops = [ended(handle(number), **NOT_FOUND) for number in range(5)]
    ops.append(ended(handle(5), response={}))
    with pytest.warns(lro.OperationFailedWarning) as seen:
        lro.wait(ops)
        lro.wait(ops)
        ops[0].wait()
    (warning,) = seen
    text = str(warning.message)
    assert "5 of 6 operations ended without success" in text
    assert "and 2 more" in text
    assert "lro.to_frame(ops)" in text
    assert len(text) < 2_000


def test_a_wait_for_many_of_which_one_failed_tells_of_that_one() -> None:
    ops = [ended(handle(1), **NOT_FOUND), ended(handle(2), response={})]
    with pytest.warns(lro.OperationFailedWarning, match="operation 1 failed"):
        lro.wait(ops)


def test_operations_that_are_handed_over_one_by_one_are_not_told_of() -> None:
    assert [op.state for op in lro.as_completed([ended(handle(), **NOT_FOUND)])] == ["FAILED"]


def test_many_threads_that_wait_for_one_operation_tell_it_once() -> None:
    op, count = handle(), 8
    together = threading.Barrier(count + 1)

    def waits() -> None:
        together.wait(30)
        op.wait(30)

    with warnings.catch_warnings(record=True) as seen, ThreadPoolExecutor(count) as pool:
        warnings.simplefilter("always")
        waiting = [pool.submit(waits) for _ in range(count)]
        together.wait(30)
        ended(op, **NOT_FOUND)
        for each in waiting:
            each.result(30)
    assert [each.category for each in seen] == [lro.OperationFailedWarning]


def test_a_cancelled_export_says_that_only_finished_files_remain() -> None:
    with pytest.raises(lro.OperationCancelled, match=r"only files that it had finished remain \(op.load"):
        ended(handle(destination="gs://out/run"), **CANCELLED).result()
    with pytest.raises(lro.OperationCancelled, match="what it had done until then remains"):
        ended(handle(destination="projects/p/fhirStores/s"), **CANCELLED).result()
