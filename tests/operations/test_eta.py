from __future__ import annotations

import pytest

from lro_notebook.operations.eta import Eta


def seen(*moves: tuple[float, float | None]) -> Eta:
    eta = Eta()
    for elapsed, fraction in moves:
        eta.add(elapsed, fraction)
    return eta


@pytest.mark.parametrize("moves", [(), ((1.0, None),), ((1.0, 0.5),), ((1.0, 0.5), (9.0, 0.5))])
def test_there_is_no_forecast_before_the_progress_has_moved(
    moves: tuple[tuple[float, float | None], ...],
) -> None:
    assert seen(*moves).end is None


def test_steady_progress_points_to_its_end() -> None:
    assert seen((1.0, 0.1), (2.0, 0.2), (4.0, 0.4)).end == pytest.approx(10.0)


def test_a_flat_piece_between_bursts_does_not_put_the_end_off() -> None:
    bursts = seen((2.0, 0.2), (4.0, 0.4), (6.0, 0.6), (8.0, 0.8))
    for elapsed in (8.5, 9.0, 9.5):
        bursts.add(elapsed, 0.8)
    assert bursts.end == pytest.approx(10.0)


def test_a_slow_beginning_is_forgotten() -> None:
    assert seen((100.0, 0.01), (101.0, 0.3), (102.0, 0.4), (103.0, 0.5)).end == pytest.approx(108.0)


def test_progress_that_goes_backwards_starts_afresh() -> None:
    eta = seen((1.0, 0.5), (2.0, 0.9), (3.0, 0.2))
    assert eta.end is None
    eta.add(4.0, 0.4)
    assert eta.end == pytest.approx(7.0)


def test_the_start_up_ends_with_the_first_fraction() -> None:
    eta = seen((1.0, None), (60.0, None), (90.0, 0.0))
    assert eta.began == 90.0


def test_memory_stays_bounded_and_the_forecast_good() -> None:
    eta = seen(*((float(step), step / 10_000) for step in range(9_000)))
    assert eta.end == pytest.approx(10_000.0)
    assert len(eta._moves) <= 64
