from __future__ import annotations

import threading
import time

from lro_notebook.local.core.throttle import Throttle


def test_full_speed_takes_large_batches_and_never_waits() -> None:
    pace = Throttle()
    start = time.monotonic()
    pace.take(1_000_000, threading.Event())
    assert pace.batch_size() == 1000
    assert time.monotonic() - start < 0.05


def test_a_slow_pace_takes_small_batches() -> None:
    assert Throttle(0.5).batch_size() == 1
    assert Throttle(200).batch_size() == 20
    assert Throttle(1e9).batch_size() == 1000


def test_units_of_all_operations_share_the_pace() -> None:
    pace = Throttle(1000)
    start = time.monotonic()
    pace.take(20, threading.Event())
    pace.take(20, threading.Event())
    assert 0.035 < time.monotonic() - start < 0.5


def test_an_operation_that_waits_stops_when_it_is_halted_or_the_pace_changes() -> None:
    halted = threading.Event()
    halted.set()
    pace = Throttle(1)
    start = time.monotonic()
    pace.take(100, halted)
    waiting = threading.Thread(target=pace.take, args=(100, threading.Event()))
    waiting.start()
    pace.rate = None
    waiting.join(5)
    assert not waiting.is_alive()
    assert time.monotonic() - start < 1
