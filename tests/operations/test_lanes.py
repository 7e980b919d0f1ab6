"""Which jobs run when some hang: the places of a lane and of a host."""

from __future__ import annotations

import time

import pytest

from lro_notebook.operations.lanes import Lanes


class Job:
    """A job of a lane."""

    def __init__(self, lane: str | None = None, *, troubled: bool = False) -> None:
        self.lane, self.troubled = lane, troubled


@pytest.mark.parametrize("same_host", [True, False])
def test_a_job_beside_twelve_that_hang_begins_within_a_second(same_host: bool) -> None:  # noqa: FBT001 - a parameter
    lanes, now = Lanes(), 0.0
    for number in range(12):
        lanes.enter(Job("a" if same_host else f"host {number}"))
    healthy = Job("a" if same_host else "healthy")
    lanes.enter(healthy)
    while healthy not in lanes.admit(now):
        pause = lanes.next_change(now)
        assert pause is not None
        now += pause
    assert now < 1.0


def test_few_run_at_once_while_all_are_prompt() -> None:
    lanes = Lanes(few=4)
    for _ in range(10):
        lanes.enter(Job("a"))
    first = lanes.admit(0.0)
    assert len(first) == 4
    assert lanes.admit(0.1) == []
    lanes.left(first[0])
    assert len(lanes.admit(0.1)) == 1


def test_jobs_run_in_the_order_in_which_they_were_due() -> None:
    lanes, jobs = Lanes(few=2), [Job(lane) for lane in "aabbab"]
    for job in jobs:
        lanes.enter(job)
    order = []
    while running := lanes.admit(0.0):
        order += running
        for job in running:
            lanes.left(job)
    assert order == jobs


def test_one_host_has_half_of_the_places_however_long_its_jobs_hang() -> None:
    lanes = Lanes(few=4, most=32)
    for _ in range(100):
        lanes.enter(Job("a"))
    running = [job for now in range(100) for job in lanes.admit(float(now))]
    assert len(running) == 16
    other = Job("b")
    lanes.enter(other)
    assert lanes.admit(100.0) == [other]


def test_jobs_that_are_known_to_hang_leave_room_in_their_own_lane() -> None:
    lanes = Lanes(few=4, most=32)
    for _ in range(100):
        lanes.enter(Job("a", troubled=True))
    assert sum(len(lanes.admit(float(now))) for now in range(100)) == 4
    healthy = Job("a")
    lanes.enter(healthy)
    assert lanes.admit(100.0) == [healthy]


def test_a_job_that_is_forgotten_while_it_waits_does_not_run() -> None:
    lanes, jobs = Lanes(few=1), [Job("a") for _ in range(3)]
    for job in jobs:
        lanes.enter(job)
    lanes.forget(jobs[0])
    lanes.forget(jobs[0])
    assert lanes.admit(0.0) == [jobs[1]]


def test_a_hundred_thousand_jobs_cost_no_more_each_than_a_few() -> None:
    def seconds(count: int) -> float:
        lanes = Lanes()
        for _ in range(count):
            lanes.enter(Job("a"))
        began, left = time.thread_time(), count
        while left:
            for job in lanes.admit(0.0):
                lanes.left(job)
                left -= 1
        return (time.thread_time() - began) / count

    assert seconds(100_000) < 10.0 * seconds(2000)
