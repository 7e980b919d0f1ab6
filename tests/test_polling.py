from __future__ import annotations

import threading

import pytest

from lro_notebook import PollPolicy
from lro_notebook.polling import Scheduler


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

    def abandon(self, error: BaseException) -> None:
        self.error = error
        self.over.set()


class Broken(Counting):
    def run(self) -> float | None:
        raise RuntimeError("a bug")


def test_the_delay_grows_with_the_time_that_the_work_takes() -> None:
    policy = PollPolicy(floor=0.25, cap=20.0, share=0.1)
    assert [policy.delay(elapsed) for elapsed in (0, 1, 10, 100, 10_000)] == [0.25, 0.25, 1.0, 10.0, 20.0]


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
    assert PollPolicy(failure_budget=60.0).delay_after_failure(9, 61.0, None) is None


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
    job, last = Counting(1), Counting(1)
    scheduler.schedule(job, 0.02)
    scheduler.forget(job)
    scheduler.schedule(last, 0.04)
    assert last.over.wait(5)
    assert job.left == 1


def test_a_running_job_that_is_scheduled_runs_once_more() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Counting):
        def run(self) -> float | None:
            begun.set()
            go_on.wait(5)
            super().run()
            return None

    scheduler = Scheduler(workers=2)
    job = Slow(2)
    scheduler.schedule(job)
    assert begun.wait(5)
    scheduler.schedule(job)
    go_on.set()
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
    assert ticks.acquire(timeout=5)
    assert ticks.acquire(timeout=5)
    scheduler.untick(ticks.release)
    stalled.set()
    assert job.over.wait(5)


def test_a_clock_that_fails_stops_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    ticks = threading.Semaphore(0)
    scheduler = Scheduler(workers=1)
    scheduler.tick_with(lambda: 1 / 0)
    scheduler.tick_with(ticks.release)
    assert all(ticks.acquire(timeout=5) for _ in range(3))
    scheduler.untick(ticks.release)
    assert caplog.text.count("a clock was stopped") == 1


@pytest.mark.parametrize("name", ["lro-scheduler", "lro-request-0"])
def test_no_thread_starts_before_the_first_job(name: str) -> None:
    before = [thread for thread in threading.enumerate() if thread.name == name]
    Scheduler()
    assert [thread for thread in threading.enumerate() if thread.name == name] == before
