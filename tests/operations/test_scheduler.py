from __future__ import annotations

import itertools
import threading

import pytest
from fakes import Clock
from hypothesis import given
from hypothesis import strategies as st
from patience import GIVE_UP

from lro_notebook import PollPolicy
from lro_notebook.operations.eta import Eta
from lro_notebook.operations.scheduler import Budget, Scheduler


class Counting:
    """A job that runs a number of times and then is over."""

    def __init__(self, times: int, delay: float = 0.0) -> None:
        self.left, self.delay = times, delay
        self.threads: set[str] = set()
        self.over = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> float | None:
        self.threads.add(threading.current_thread().name)
        self.left -= 1
        if self.left:
            return self.delay
        self.over.set()
        return None

    def on_crash(self, error: BaseException) -> None:
        self.error = error
        self.over.set()


class Held(Counting):
    """A job that runs for as long as it is held, and is not scheduled again by what it returns."""

    def __init__(self, times: int) -> None:
        super().__init__(times)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def run(self) -> float | None:
        self.begun.set()
        self.go_on.wait(GIVE_UP)
        super().run()
        return None


class Broken(Counting):
    def run(self) -> float | None:
        raise RuntimeError("a bug")


def eta(*moves: tuple[float, float]) -> Eta:
    seen = Eta()
    for elapsed, fraction in moves:
        seen.add(elapsed, fraction)
    return seen


def test_without_a_forecast_the_delay_grows_with_the_root_of_the_elapsed_time() -> None:
    policy = PollPolicy(first=0.5, spread=0.6, cap=10.0)
    delays = [policy.delay(elapsed) for elapsed in (0.0, 15.0, 60.0, 10_000.0)]
    assert delays == pytest.approx([0.5, 3.0, 6.0, 10.0])


def test_a_start_up_phase_without_counters_does_not_slow_the_looks_that_follow() -> None:
    policy = PollPolicy()
    assert policy.delay(600.0, eta((599.0, 0.0))) == policy.delay(1.0)


def test_looks_come_closer_as_the_forecast_end_comes_near_and_the_last_lies_just_behind_it() -> None:
    policy, seen, elapsed, looks = PollPolicy(), eta((1.0, 0.01), (2.0, 0.02)), 2.0, []
    while elapsed < 100.0:
        elapsed += policy.delay(elapsed, seen)
        looks.append(elapsed)
        seen.add(elapsed, min(1.0, elapsed / 100.0))
    gaps = [after - before for before, after in itertools.pairwise(looks)]
    assert gaps[-3:] == sorted(gaps[-3:], reverse=True)
    assert looks[-2] < 100.0 < looks[-1] < 100.2
    assert len(looks) < 15


def test_far_from_the_end_a_look_comes_at_least_at_the_cap() -> None:
    assert PollPolicy(cap=15.0).delay(10.0, eta((5.0, 0.001), (10.0, 0.002))) == 15.0


def test_past_a_wrong_forecast_the_delay_grows_with_the_time_overdue() -> None:
    policy, late = PollPolicy(), eta((5.0, 0.5), (10.0, 1.0))
    delays = [policy.delay(elapsed, late) for elapsed in (10.0, 12.0, 20.0, 1000.0)]
    assert delays == sorted(delays)
    assert delays[0] == pytest.approx(0.2)
    assert delays[-1] == policy.cap


@given(
    elapsed=st.floats(0.0, 1e7),
    moves=st.lists(st.tuples(st.floats(0.0, 1e7), st.floats(0.0, 1.0) | st.none()), max_size=100),
    draw=st.floats(0.0, 1.0),
    floor=st.floats(0.05, 10.0),
)
def test_any_progress_gives_a_delay_between_the_floor_and_the_caps(
    elapsed: float, moves: list[tuple[float, float | None]], draw: float, floor: float
) -> None:
    policy, seen = PollPolicy(floor=floor), Eta()
    for moment, fraction in sorted(moves, key=lambda move: move[0]):
        seen.add(moment, fraction)
    delay = policy.delay(elapsed, seen, draw=draw)
    assert floor <= delay <= max(floor, policy.cap) * (1 + policy.jitter)


def test_what_somebody_watches_is_looked_at_more_often_at_first() -> None:
    policy, far = PollPolicy(watched=1.5, watched_share=0.05), eta((1.0, 0.01), (2.0, 0.02))
    assert policy.delay(2.0, far) == policy.cap
    assert policy.delay(2.0, far, watched=True) == 1.5
    assert policy.delay(100.0, watched=True) == 5.0
    assert policy.delay(3600.0, watched=True) == policy.cap


def test_a_service_may_set_a_floor_for_work_that_takes_long() -> None:
    policy, close = PollPolicy(long_floor=10.0, long_after=120.0), eta((50.0, 0.5), (99.0, 0.99))
    assert policy.delay(99.0, close) < 2.0
    close.add(170.0, 0.999)
    assert policy.delay(170.0, close) == 10.0


def test_the_jitter_spreads_the_looks_of_many_clients() -> None:
    policy = PollPolicy(jitter=0.05)
    assert policy.delay(60.0, draw=0.0) == pytest.approx(5.7)
    assert policy.delay(60.0, draw=1.0) == pytest.approx(6.3)


def test_failures_back_off_and_honour_retry_after() -> None:
    policy = PollPolicy(failure_floor=1.0, failure_cap=30.0)
    assert [policy.delay_after_failure(n, 0.0, None) for n in (1, 2, 3, 9, 2000)] == [
        1.0,
        2.0,
        4.0,
        30.0,
        30.0,
    ]
    assert policy.delay_after_failure(1, 0.0, 45.0) == 45.0


def test_failures_end_with_the_budget() -> None:
    assert PollPolicy(failure_budget=60.0).delay_after_failure(10, 61.0, None) is None


def test_a_machine_that_slept_through_the_budget_tries_again_on_wake() -> None:
    assert PollPolicy(failure_budget=60.0).delay_after_failure(2, 3600.0, None) is not None


def test_a_budget_gives_its_burst_at_once_and_then_its_rate() -> None:
    clock = Clock()
    budget = Budget(rate=2.0, burst=3.0, clock=clock)
    assert [budget.take() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now += 0.5
    assert [budget.take() for _ in range(2)] == [0.0, 0.5]


def test_a_service_that_asks_to_slow_down_gets_half_the_rate_which_recovers() -> None:
    clock = Clock()
    budget = Budget(rate=8.0, burst=1.0, clock=clock)
    for _ in range(5):
        budget.slow_down()  # a burst of refusals is one
    assert budget.take() == 0.0
    assert budget.take() == pytest.approx(0.25)
    clock.now += 60.0
    assert budget.take() == 0.0
    assert budget.take() == pytest.approx(0.125)


def test_a_service_that_asks_for_a_pause_gets_it() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    budget.pause(30.0)
    budget.pause(1.0)
    assert budget.take() == 30.0
    clock.now += 30.0
    assert budget.take() == 0.0


def test_what_is_due_runs_within_a_second_after_the_clock_has_jumped() -> None:
    clock, job = Clock(), Counting(1)
    scheduler = Scheduler(workers=1, clock=clock)
    scheduler.schedule(job, 3600.0)
    clock.now += 3600.0  # the machine slept: the clock went on, waits did not
    assert job.over.wait(10)


def test_a_job_runs_until_it_is_over_in_a_named_daemon_thread() -> None:
    job = Counting(3)
    scheduler = Scheduler(workers=2)
    scheduler.schedule(job)
    assert job.over.wait(5)
    assert job.left == 0
    assert all(name.startswith("lro-request-") for name in job.threads)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("lro-"))


def test_many_jobs_share_a_few_threads() -> None:
    jobs = [Counting(2) for _ in range(500)]
    scheduler = Scheduler(workers=4)
    for job in jobs:
        scheduler.schedule(job)
    assert all(job.over.wait(10) for job in jobs)
    assert len(set().union(*(job.threads for job in jobs))) <= 4


def test_a_bug_in_one_job_is_told_to_it_and_leaves_the_others_alone() -> None:
    scheduler = Scheduler(workers=1)
    broken, fine = Broken(1), Counting(2)
    scheduler.schedule(broken)
    scheduler.schedule(fine)
    assert fine.over.wait(5)
    assert isinstance(broken.error, RuntimeError)


def test_scheduling_again_moves_a_job_forward() -> None:
    scheduler = Scheduler(workers=1)
    job = Counting(1)
    scheduler.schedule(job, 3600.0)
    scheduler.schedule(job)
    assert job.over.wait(5)


def test_a_forgotten_job_does_not_run() -> None:
    scheduler = Scheduler(workers=1)
    busy, job, last = Held(1), Counting(1), Counting(1)
    scheduler.schedule(busy)
    assert busy.begun.wait(GIVE_UP)
    scheduler.schedule(job)
    scheduler.forget(job)
    scheduler.schedule(last)
    busy.go_on.set()
    assert last.over.wait(GIVE_UP)
    assert job.left == 1


def test_a_running_job_that_is_scheduled_runs_once_more() -> None:
    scheduler = Scheduler(workers=2)
    job = Held(2)
    scheduler.schedule(job)
    assert job.begun.wait(GIVE_UP)
    scheduler.schedule(job)
    job.go_on.set()
    assert job.over.wait(5)
    assert job.left == 0


def test_clocks_tick_although_every_request_is_stalled() -> None:
    stalled, ticks = threading.Event(), threading.Semaphore(0)

    class Stalled(Counting):
        def run(self) -> float | None:
            stalled.wait(10)
            return super().run()

    scheduler = Scheduler(workers=1)
    job = Stalled(1)
    scheduler.schedule(job)
    scheduler.tick_with(ticks.release)
    assert ticks.acquire(timeout=GIVE_UP)
    assert ticks.acquire(timeout=GIVE_UP)
    scheduler.untick(ticks.release)
    stalled.set()
    assert job.over.wait(5)


def test_a_clock_that_fails_stops_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    ticks = threading.Semaphore(0)
    scheduler = Scheduler(workers=1)
    scheduler.tick_with(lambda: 1 / 0)
    scheduler.tick_with(ticks.release)
    assert all(ticks.acquire(timeout=GIVE_UP) for _ in range(3))
    scheduler.untick(ticks.release)
    assert caplog.text.count("a clock was stopped") == 1


@pytest.mark.parametrize("name", ["lro-scheduler", "lro-request-0"])
def test_no_thread_starts_before_the_first_job(name: str) -> None:
    before = [thread for thread in threading.enumerate() if thread.name == name]
    Scheduler()
    assert [thread for thread in threading.enumerate() if thread.name == name] == before
