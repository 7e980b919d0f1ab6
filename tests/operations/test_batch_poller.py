from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes import Clock, ManualScheduler

from lro_notebook import PollPolicy
from lro_notebook.errors import ApiError, Code, LroError
from lro_notebook.http.responses import NoResponse
from lro_notebook.operations.batch_poller import BatchPoller
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.scheduler import Budget
from lro_notebook.operations.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

PARENT = "projects/p/locations/l/datasets/d/operations"


class Service:
    """Operations that end at a moment of the clock; lists and single reads are counted."""

    def __init__(self, clock: Clock, ends: list[float], page_size: int = 1000) -> None:
        self.clock, self.page_size = clock, page_size
        self.ends = {f"{PARENT}/{number}": end for number, end in enumerate(ends)}
        self.gets: list[str] = []
        self.lists = 0  # pages
        self.list_lag = 0.0
        self.list_error: LroError | None = None
        self.get_error: LroError | None = None
        self.unlisted: set[str] = set()

    def operation(self, name: str, lag: float = 0.0) -> dict[str, Any]:
        share = min(1.0, max(0.0, (self.clock.now - lag - 1000.0) / (self.ends[name] - 1000.0)))
        done = int(share * 1000)
        counter = {"success": str(done), "pending": str(1000 - done)}
        return {"name": name, "done": share == 1.0, "metadata": {"counter": counter}}

    def __call__(self) -> Iterator[list[dict[str, Any]]]:
        names = [name for name in self.ends if name not in self.unlisted]
        for start in range(0, len(names), self.page_size):
            self.lists += 1
            if self.list_error is not None:
                raise self.list_error
            yield [self.operation(name, self.list_lag) for name in names[start : start + self.page_size]]


class Single:
    """A `poller.Source`: one operation of the service."""

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.name = service, name

    def poll(self) -> OperationResource:
        self.service.gets.append(self.name)
        if self.service.get_error is not None:
            raise self.service.get_error
        return OperationResource.from_dict(self.service.operation(self.name))

    get = poll

    def cancel(self) -> None:
        raise NotImplementedError


class House:
    """A batch poller on a clock that only moves when somebody is due."""

    def __init__(
        self, ends: list[float], *, page_size: int = 1000, rate: float = 1000.0, burst: float = 1000.0
    ) -> None:
        self.clock = Clock()
        self.scheduler = ManualScheduler(self.clock)
        self.service = Service(self.clock, [1000.0 + end for end in ends], page_size)
        self.batch_poller = BatchPoller(
            self.service,
            Budget(rate, burst, clock=self.clock),
            scheduler=self.scheduler,  # type: ignore[arg-type]  # the same methods, driven by hand
            clock=self.clock,
            work=lambda: 0.0,
        )
        self.seen_at: dict[str, float] = {}
        self.pollers = [self.poller(name) for name in self.service.ends]

    def poller(self, name: str) -> OperationPoller:
        def ended(last: Snapshot) -> None:
            self.seen_at[last.resource.name] = self.clock.now

        return OperationPoller(
            Single(self.service, name),
            OperationResource(name),
            on_end=ended,
            scheduler=self.batch_poller,
            policy=PollPolicy(),
            clock=self.clock,
            draw=lambda: 0.5,
        )

    def run(self, steps: int = 100_000) -> None:
        for poller in self.pollers:
            poller.follow()
        for _ in range(steps):
            if not self.scheduler.jobs:
                return
            self.scheduler.step()
        pytest.fail("the flock does not come to an end")

    @property
    def lags(self) -> list[float]:
        return [self.seen_at[name] - end for name, end in self.service.ends.items()]


def test_one_operation_is_read_by_itself() -> None:
    house = House([20.0])
    house.run()
    assert house.service.lists == 0
    assert 0.0 <= house.lags[0] < 0.5


def test_many_operations_of_one_parent_are_read_with_lists() -> None:
    house = House([10.0 + number / 20 for number in range(400)])
    house.run()
    assert house.service.lists + len(house.service.gets) < 200  # reading each by itself costs 3,000
    assert max(house.lags) < 1.0


def test_pages_count_as_the_requests_that_they_are() -> None:
    house = House([5.0, 50.0, 500.0], page_size=1)
    house.run()
    assert house.service.lists <= 3  # one try, which cost as much as the three reads
    assert max(house.lags) < 11.0


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_a_service_without_a_list_is_asked_for_it_once(status: int) -> None:
    house = House([20.0] * 50)
    house.service.list_error = ApiError("no", status=status, code=Code.UNIMPLEMENTED, url="http://x")
    house.run()
    assert house.service.lists == 1
    assert max(house.lags) < 1.0


def test_a_list_that_keeps_failing_gives_way_to_single_reads() -> None:
    house = House([30.0] * 20)
    house.service.list_error = NoResponse("stalled", url="http://x")
    house.run()
    assert house.service.lists <= 6  # three, and three a while later
    assert max(house.lags) < 11.0


@pytest.mark.parametrize("lag", [3.0, 1e9])
def test_a_list_that_lags_gives_way_to_single_reads(lag: float) -> None:
    house = House([30.0] * 100)
    house.service.list_lag = lag
    house.run()
    assert max(house.lags) < 2.0


def test_what_a_list_leaves_out_is_read_by_itself() -> None:
    house = House([20.0] * 30)
    house.service.unlisted = {f"{PARENT}/{number}" for number in range(5)}
    house.run()
    assert set(house.service.gets) >= house.service.unlisted
    assert max(house.lags) < 2.0


def test_a_list_that_is_older_than_what_was_seen_is_not_believed() -> None:
    house = House([100.0] * 3)
    poller = house.pollers[0]
    house.clock.now = 1050.0
    poller.update(poller.source.get())
    old = OperationResource.from_dict(house.service.operation(poller.resource.name, lag=20.0))
    assert Snapshot.of(old).is_behind(poller.snapshot)
    assert not poller.snapshot.is_behind(Snapshot.of(old))
    assert not poller.snapshot.is_behind(poller.snapshot)


def test_no_operation_starves_when_the_budget_is_tight() -> None:
    house = House([400.0] * 60, rate=2.0, burst=1.0)
    house.service.list_error = ApiError("no", status=501, code=Code.UNIMPLEMENTED, url="http://x")
    for poller in house.pollers:
        poller.follow()
    for _ in range(400):
        house.scheduler.step()
    counts = [house.service.gets.count(name) for name in house.service.ends]
    assert min(counts) > 0
    assert max(counts) - min(counts) <= 2


def test_a_service_that_asks_to_slow_down_gets_no_request_until_then() -> None:
    house = House([100.0] * 2)
    house.service.get_error = ApiError(
        "slow down", status=429, code=Code.RESOURCE_EXHAUSTED, url="http://x", retry_after=60.0
    )
    house.service.list_error = house.service.get_error
    for poller in house.pollers:
        poller.follow()
    while not house.service.gets and not house.service.lists:
        house.scheduler.step()
    assert any("slow down (HTTP 429)" in poller.trouble for poller in house.pollers)
    asked, house.service.get_error, house.service.list_error = house.clock.now, None, None
    before = len(house.service.gets) + house.service.lists
    while len(house.service.gets) + house.service.lists == before:
        house.scheduler.step()
    assert house.clock.now >= asked + 60.0


def test_a_forgotten_operation_is_not_looked_at_again() -> None:
    house = House([50.0, 50.0])
    house.pollers[0].follow()
    house.pollers[0].lose(LroError("closed"))
    while house.scheduler.jobs:
        house.scheduler.step()
    assert house.service.gets == []


def test_a_list_that_cannot_be_read_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    house = House([50.0] * 10)

    def broken() -> Iterator[list[dict[str, Any]]]:
        raise RuntimeError("a bug")

    house.batch_poller._listing = broken
    house.run()
    assert max(house.lags) < 1.0
    assert caplog.text.count("cannot be read (RuntimeError)") == 1


def test_a_bug_loses_nobody_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House([50.0] * 4)

    def broken() -> Iterator[list[dict[str, Any]]]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(house.batch_poller, "_list_pays", lambda _: broken())
    for poller in house.pollers:
        poller.follow()
    with pytest.raises(RuntimeError) as caught:
        house.scheduler.step()
    house.batch_poller.on_crash(caught.value)
    assert all(poller.released.is_set() for poller in house.pollers)
    assert all("op.wait() tries again" in str(poller.pop_error()) for poller in house.pollers)
