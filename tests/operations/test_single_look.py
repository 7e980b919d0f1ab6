"""One operation that is due alone is read where its batch poller runs, and holds up no other there."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

import pytest
from fakes import Clock, ManualScheduler

import lro_notebook as lro
from lro_notebook.http.responses import NoResponse
from lro_notebook.operations.batch_poller import BatchPoller
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.scheduler import Budget, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Source:
    """An operation that runs on; `raises` and `waits` say how a look at it goes."""

    lane = "host"

    def __init__(self, name: str) -> None:
        self.name = name
        self.raises: BaseException | None = None
        self.waits = threading.Event()
        self.waits.set()
        self.takes: Callable[[], object] = lambda: None
        self.looks, self.looked = 0, threading.Event()

    def poll(self) -> OperationResource:
        self.looks += 1
        self.looked.set()
        self.takes()
        assert self.waits.wait(60)
        if self.raises is not None:
            raise self.raises
        return OperationResource(self.name)

    get = poll

    def cancel(self) -> None:
        raise NotImplementedError


class NoList:
    """A parent that has no list."""

    lane = "host"

    def __call__(self) -> Iterator[Sequence[dict[str, object]]]:
        raise AssertionError("nobody asked for a list")


class Manual:
    """Two operations of one parent, driven by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.scheduler = ManualScheduler(self.clock)
        self.batch_poller = BatchPoller(
            NoList(),
            Budget(clock=self.clock),
            scheduler=self.scheduler,  # type: ignore[arg-type]  # the same methods, driven by hand
            clock=self.clock,
        )
        self.sources = [Source(f"projects/p/operations/{number}") for number in range(2)]
        self.pollers = [
            OperationPoller(
                source,
                OperationResource(source.name),
                scheduler=self.batch_poller,
                clock=self.clock,
                draw=lambda: 0.5,
            )
            for source in self.sources
        ]


def test_the_only_operation_that_is_due_is_read_by_the_job_that_found_it_due() -> None:
    manual = Manual()
    manual.pollers[0].follow()
    for look in range(1, 5):
        assert len(manual.scheduler.jobs) == 1
        manual.scheduler.step()
        assert manual.sources[0].looks == look


def test_several_that_are_due_are_each_a_job_of_their_own() -> None:
    manual = Manual()
    manual.batch_poller._off_until = float("inf")
    for poller in manual.pollers:
        poller.follow()
    manual.scheduler.step()
    assert [source.looks for source in manual.sources] == [0, 0]
    assert len(manual.scheduler.jobs) == 2


def test_what_comes_due_while_the_only_one_is_read_does_not_wait_for_it() -> None:
    manual = Manual()
    due_meanwhile: list[float] = []

    def other_comes_due() -> None:
        manual.pollers[1].look_now()
        due_meanwhile.extend(due for due, _ in manual.scheduler.jobs)

    manual.sources[0].takes = other_comes_due
    manual.pollers[0].follow()
    manual.scheduler.step()
    assert due_meanwhile == [manual.clock.now]
    manual.scheduler.step()
    assert manual.sources[1].looks == 1


def test_one_that_is_known_to_hang_is_read_by_a_job_that_says_so() -> None:
    manual = Manual()
    source = manual.sources[0]
    source.raises, source.takes = NoResponse("stalled", url="http://x"), lambda: manual.clock.sleep(30.0)
    manual.pollers[0].follow()
    manual.scheduler.step()
    assert source.looks == 1
    assert manual.pollers[0].troubled
    manual.scheduler.step()
    assert source.looks == 1
    assert [job.troubled for _, job in manual.scheduler.jobs] == [True]


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
def test_a_bug_in_the_only_look_costs_no_other_operation(kind: type[BaseException]) -> None:
    scheduler = Scheduler(workers=2)
    batch_poller = BatchPoller(NoList(), Budget(), scheduler=scheduler)
    sources = [Source(f"projects/p/operations/{number}") for number in range(2)]
    broken, healthy = (
        OperationPoller(source, OperationResource(source.name), scheduler=batch_poller) for source in sources
    )
    sources[0].raises = kind("a bug")
    healthy.follow()
    broken.look_now()
    assert broken.released.wait(30)
    assert isinstance(broken.pop_error(), lro.PollingLost)
    sources[1].looked.clear()
    healthy.look_now()
    assert sources[1].looked.wait(30)
    assert healthy.pop_error() is None
    healthy.lose(lro.LroError("the test is over"))


def test_an_operation_whose_only_look_hangs_holds_up_none_of_its_parent() -> None:
    scheduler = Scheduler(workers=1, slow=0.02)
    batch_poller = BatchPoller(NoList(), Budget(), scheduler=scheduler)
    sources = [Source(f"projects/p/operations/{number}") for number in range(2)]
    hanging, healthy = (
        OperationPoller(source, OperationResource(source.name), scheduler=batch_poller) for source in sources
    )
    sources[0].waits.clear()
    hanging.look_now()
    assert sources[0].looked.wait(30)
    for _ in range(3):
        sources[1].looked.clear()
        healthy.look_now()
        assert sources[1].looked.wait(30)
    assert sources[0].looks == 1
    sources[0].waits.set()
    for poller in (hanging, healthy):
        poller.lose(lro.LroError("the test is over"))


def test_a_client_that_nobody_holds_is_gone_at_once() -> None:
    gc.disable()
    try:
        client = lro.Client("http://127.0.0.1:1")
        client.attach(OperationResource("operations/1"))
        gone = weakref.ref(client)
        del client
        assert gone() is None
    finally:
        gc.enable()
