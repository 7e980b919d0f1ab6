"""Jobs that run ahead in threads, while their results are used in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from lro_notebook.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

_MOST = 4  # jobs at once: what they hold is in memory, and more are not faster than what uses the results

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    job_of: Callable[[Item], Callable[[], Result]], items: Iterable[Item]
) -> Generator[tuple[Item, Result], None, None]:
    """Yield each of `items` with the result of its job, in their order.

    The first job runs alone, since what the caller learns from it may help with the others, and in the
    caller's thread: most files are small, and have no second one. `job_of` is called in that thread too,
    always as many items ahead: which job knows what does not depend on time.
    """
    threads, process = min(pa.cpu_count(), _MOST), os.getpid()
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    others = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="lro-frames")
    try:
        for first in islice(others, 1):
            yield first, job_of(first)()
            _stay_in(process)
        for item in others:
            waiting.append((item, pool.submit(job_of(item))))
            if len(waiting) > threads:
                yield _ended(*waiting.popleft())
                _stay_in(process)
        while waiting:
            yield _ended(*waiting.popleft())
            _stay_in(process)
    finally:
        pool.shutdown(cancel_futures=True)
        if isinstance(others, Generator):
            others.close()  # with its files, which an error that somebody keeps would hold open


def _stay_in(process: int) -> None:
    """Refuse to go on in a forked child: it has none of these threads, and shares the files' positions."""
    if os.getpid() != process:
        raise ResultError(
            "this table was being read when the process forked, and is the parent's; ask for it again here"
        )


def _ended(item: Item, job: Future[Result]) -> tuple[Item, Result]:
    return item, job.result()
