from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fakes import Clock, ManualScheduler, operation
from patience import GIVE_UP

import lro_notebook as lro
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource


class Silent:
    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None:
        raise AssertionError("a wait must not cancel")


def handle(number: int) -> lro.Operation:
    name = f"operations/{number}"
    scheduler = ManualScheduler(Clock())
    return lro.Operation(OperationPoller(Silent(), OperationResource(name), scheduler=scheduler))


def end(op: lro.Operation, **fields: Any) -> None:
    op.poller.update(OperationResource.from_dict(operation(name=op.name, done=True, **fields)))


def test_wait_returns_what_has_ended_and_what_has_not() -> None:
    ops = [handle(n) for n in range(3)]
    end(ops[1])
    done, not_done = lro.wait(ops, timeout=0.01)
    assert done == {ops[1]}
    assert not_done == {ops[0], ops[2]}
    assert repr(lro.wait(ops, timeout=0)) == "<done: 1 succeeded; not done: 2 pending>"


def test_wait_returns_at_the_first_end() -> None:
    ops = [handle(n) for n in range(3)]
    threading.Timer(0.02, end, [ops[2]]).start()
    assert lro.wait(ops, timeout=GIVE_UP, return_when="FIRST_COMPLETED").done == {ops[2]}


def test_wait_returns_at_the_first_exception() -> None:
    ops = [handle(n) for n in range(3)]
    end(ops[0])
    threading.Timer(0.02, end, [ops[2]], {"error": {"code": 5}}).start()
    with pytest.warns(lro.OperationFailedWarning, match="operation 2 failed"):
        done = lro.wait(ops, timeout=GIVE_UP, return_when="FIRST_EXCEPTION").done
    assert done == {ops[0], ops[2]}


def test_wait_counts_a_lost_operation_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is lost while it waits: what was lost before is looked at again."""
    op = handle(1)
    follow = op.poller.follow

    def followed_and_lost() -> None:
        follow()
        monkeypatch.undo()
        threading.Timer(0.02, op.poller.lose, [lro.PollingLost("gone")]).start()

    monkeypatch.setattr(op.poller, "follow", followed_and_lost)
    assert lro.wait([op], timeout=GIVE_UP).done == {op}
    with pytest.raises(lro.PollingLost):
        op.done()


def test_wait_refuses_an_unknown_word_and_takes_nothing_at_all() -> None:
    with pytest.raises(lro.ConfigError, match="FIRST_COMPLETED"):
        lro.wait([], return_when="SOON")
    assert lro.wait([]) == (set(), set())
    assert repr(lro.wait([])) == "<done: none; not done: none>"


def test_as_completed_yields_in_the_order_of_the_ends() -> None:
    ops = [handle(n) for n in range(3)]
    end(ops[2])
    seen = []
    for op in lro.as_completed(ops, timeout=GIVE_UP):
        seen.append(op)
        for other in (ops[0], ops[1]):
            if other not in seen:
                end(other)
                break
    assert seen == [ops[2], ops[0], ops[1]]


def test_as_completed_has_a_time_limit() -> None:
    ops = [handle(1), handle(2)]
    end(ops[0])
    steps = lro.as_completed(ops, timeout=0.02)
    assert next(steps) is ops[0]
    with pytest.raises(lro.WaitTimeout, match="they go on"):
        next(steps)


def test_several_threads_may_wait_for_one_operation() -> None:
    op = handle(1)
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(op.wait(5).state)) for _ in range(4)]
    for thread in threads:
        thread.start()
    end(op)
    for thread in threads:
        thread.join(5)
    assert seen == ["SUCCEEDED"] * 4


def test_gather_waits_for_all_and_a_timeout_cancels_nothing() -> None:
    ops = [handle(1), handle(2)]

    async def main() -> list[Any]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ops[0], 0.02)
        for op in ops:
            end(op, response={"name": op.name})
        return await asyncio.gather(*ops)

    assert asyncio.run(main()) == [{"name": "operations/1"}, {"name": "operations/2"}]


def test_awaiting_an_operation_that_is_lost_raises() -> None:
    op = handle(1)

    async def main() -> None:
        asyncio.get_running_loop().call_later(0.02, op.poller.lose, lro.PollingLost("gone"))
        await op

    with pytest.raises(lro.PollingLost):
        asyncio.run(main())
