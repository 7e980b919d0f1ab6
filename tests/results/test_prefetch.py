"""Jobs that run ahead: order, what each of them knows, and that nothing is left running."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lro_notebook.results.arrow import line_blocks as blocks
from lro_notebook.results.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lro_notebook.results.results import Results


@pytest.fixture(autouse=True)
def _processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyarrow.cpu_count", lambda: 2)


def test_results_keep_the_order_though_a_later_job_ends_first() -> None:
    later = threading.Event()

    def job(number: int) -> int:
        if number == 1:
            assert later.wait(10)
        if number == 2:
            later.set()
        return -number

    assert list(ahead(lambda number: partial(job, number), range(5))) == [(n, -n) for n in range(5)]


def test_the_only_job_needs_no_other_thread() -> None:
    ((_, thread),) = ahead(lambda _: threading.get_ident, [1])
    assert thread == threading.get_ident()


def test_the_first_result_is_used_before_other_jobs_are_made() -> None:
    known = 0
    seen = []

    def job_of(number: int) -> Callable[[], int]:
        seen.append(known)
        return lambda: number + 1

    for _, result in ahead(job_of, range(5)):
        known = result
    assert seen == [0, 1, 1, 1, 2]


def test_an_error_of_a_job_comes_in_its_place_and_no_thread_is_left() -> None:
    taken = []

    def numbers() -> Iterator[int]:
        for number in range(-2, 1000):
            taken.append(number)
            yield number

    results: list[int] = []
    with pytest.raises(ZeroDivisionError):
        results.extend(result for _, result in ahead(lambda number: lambda: 1 // number, numbers()))
    assert len(taken) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lro-frames")]


@pytest.mark.parametrize("lists", ["first", "nested", "explode"])
def test_blocks_that_each_teach_something_give_the_table_of_one_block(
    lists: str, load: Callable[..., Results], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        '{"id":"%d","k%d":%s,"l":[{"x%d":%d}]}\n' % (n, n % 7, n if n % 9 else n + 0.5, n % 5, n)  # noqa: UP031
        for n in range(200)
    ]
    whole = load("".join(lines), lists=lists)
    monkeypatch.setattr(blocks.blocks, "__kwdefaults__", {"first": 30, "size": 60})
    small = load("".join(lines), lists=lists)
    monkeypatch.setattr("pyarrow.cpu_count", lambda: 1)
    slow = load("".join(lines), lists=lists)
    assert list(small) == list(slow) == list(whole)
    for name in whole:
        assert small.arrow(name).equals(slow.arrow(name))
        assert small.arrow(name).select(whole.arrow(name).column_names).equals(whole.arrow(name))


@pytest.mark.parametrize("failing", [0, 1, 6, None])
def test_what_gives_the_items_is_closed_though_somebody_keeps_the_error(failing: int | None) -> None:
    """Its files are open until then, and Windows removes no open file."""
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    numbers = items()
    reading = ahead(lambda number: lambda: 1 // (number != failing), numbers)
    if failing is None:
        next(reading)
        reading.close()
        assert closed.is_set()
        return
    with pytest.raises(ZeroDivisionError) as kept:
        list(reading)
    assert closed.is_set()
    assert kept.tb is not None
