"""The threads that run operations: what is queued when all of them are halted never begins."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from patience import GIVE_UP

from lro_notebook.local import registry
from lro_notebook.local.core.buckets import Buckets
from lro_notebook.local.core.database import Database
from lro_notebook.local.core.resource_names import DEMO_DATASET
from lro_notebook.local.core.throttle import Throttle
from lro_notebook.local.datasets import stores
from lro_notebook.local.operations import records
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lro_notebook import Status
    from lro_notebook.local.operations.method import Job, Steps

RUNNING = 5


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "service.sqlite3", registry.tables())
    with database.write() as connection:
        stores.add_dataset(connection, DEMO_DATASET, {})
    yield database
    database.close()


@pytest.mark.parametrize("halt", [Worker.stop, Worker.drain])
def test_what_is_queued_does_not_begin_when_all_are_halted(
    database: Database, tmp_path: Path, halt: Callable[[Worker], object]
) -> None:
    began: list[int] = []
    running = threading.Barrier(RUNNING + 1)

    def run(job: Job, request: int) -> Steps:
        began.append(request)
        if request < RUNNING:
            running.wait(GIVE_UP)
            job.halted.wait(GIVE_UP)
        yield Step(success=1)
        return {}

    class Slow(Worker):
        """Halts the second operation when the first has made room for one that is queued."""

        def _halt(self, number: int, end: Status) -> None:
            super()._halt(number, end)
            if number == started[0]:
                assert queued is not None
                queued.result(GIVE_UP)

    worker = Slow(database, Buckets(tmp_path / "buckets"), Throttle(None), limit=99, shard_bytes=1 << 20)
    method = Method("test.Run", "google.protobuf.Empty", lambda *_: None, run)
    start = records.Start(DEMO_DATASET, "v1", "test.Run", DEMO_DATASET, "")
    started = [worker.start(method, start, number) for number in range(RUNNING + 3)]
    queued = worker._runs[started[RUNNING]].future
    assert queued is not None
    running.wait(GIVE_UP)
    halt(worker)
    assert sorted(began) == list(range(RUNNING))
    worker.stop()
