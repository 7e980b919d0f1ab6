"""What the errors of a disk become: sentences with codes that tell whose turn it is, no mistakes."""

from __future__ import annotations

import errno
import gc
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from patience import GIVE_UP

from lro_notebook.errors import Code, ConfigError
from lro_notebook.local import registry
from lro_notebook.local.core.buckets import Buckets
from lro_notebook.local.core.database import Database
from lro_notebook.local.core.resource_names import DEMO_DATASET
from lro_notebook.local.core.service_errors import database_error, file_error
from lro_notebook.local.core.throttle import Throttle
from lro_notebook.local.datasets import stores
from lro_notebook.local.operations import records
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from lro_notebook.local.operations.method import Job, Steps


class FullDisk(Database):
    """A database whose disk is full from time to time."""

    is_full = False

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        if self.is_full:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        with super().write() as connection:
            yield connection


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_is_a_sentence_and_no_mistake(number: int) -> None:
    error = OSError(number, os.strerror(number), os.fsdecode(b"/b/caf\xe9"))
    service_error = file_error(error)
    assert 400 <= service_error.status < 500
    assert os.strerror(number) in service_error.message
    assert "caf\\xe9" in service_error.message
    assert service_error.message.encode()


def test_a_failed_rename_names_its_target() -> None:
    error = OSError(errno.EISDIR, "Is a directory", "/drafts/0", None, "/bucket/out")
    assert file_error(error).message.endswith("Is a directory (/bucket/out)")


def test_data_that_may_not_be_written_and_data_that_is_damaged_say_so(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "good")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with (
        closing(sqlite3.connect(f"file:{tmp_path / 'good'}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as caught,
    ):
        connection.execute("INSERT INTO t VALUES (1)")
    assert database_error(caught.value).code is Code.PERMISSION_DENIED
    (tmp_path / "bad").write_bytes(b"x" * 10_000)
    with (
        closing(sqlite3.connect(tmp_path / "bad")) as connection,
        pytest.raises(sqlite3.DatabaseError) as damaged,
    ):
        connection.execute("SELECT * FROM sqlite_master")
    assert database_error(damaged.value).code is Code.DATA_LOSS
    assert "another data directory" in database_error(damaged.value).message


def test_data_that_is_damaged_is_closed_again(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"x" * 10_000)
    with closing(sqlite3.connect(tmp_path / "of something else")) as connection, connection:
        connection.execute("CREATE TABLE resources (number)")
    for name in ("bad", "of something else"):
        with pytest.raises(ConfigError, match="cannot be used"):
            Database(tmp_path / name, registry.tables())
    gc.collect()  # from 3.13 on Python complains of a connection that nobody has closed


def test_an_end_that_cannot_be_written_is_shown_and_written_once_it_can(tmp_path: Path) -> None:
    database = FullDisk(tmp_path / "data.sqlite3", registry.tables())
    with database.write() as connection:
        stores.add_dataset(connection, DEMO_DATASET, {})

    def run(_: Job, request: object) -> Steps:
        del request
        yield Step(total=5, success=1)
        database.is_full = True
        yield Step(success=1)
        return {}

    def shown(number: int) -> dict[str, Any]:
        with database.read() as connection:
            return records.get(
                connection, DEMO_DATASET, str(number), endpoint="http://127.0.0.1", ends=worker.ends
            )

    def listed(*, done: bool) -> list[int]:
        with database.read() as connection:
            page = records.page(
                connection, DEMO_DATASET, before=2**62, limit=9, done=done, endpoint="", ends=worker.ends
            )
        return [number for number, _ in page]

    worker = Worker(database, Buckets(tmp_path / "buckets"), Throttle(None), limit=9, shard_bytes=1 << 20)
    start = records.Start(DEMO_DATASET, "v1", "test.Run", DEMO_DATASET, "")
    number = worker.start(Method("test.Run", "google.protobuf.Empty", lambda *_: None, run), start, None)
    deadline = time.monotonic() + GIVE_UP
    while worker.busy:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ended = shown(number)
    assert ended["done"] is True
    assert ended["error"]["code"] == Code.RESOURCE_EXHAUSTED
    assert "make room" in ended["error"]["message"]
    assert ended["metadata"]["counter"] == {"success": "1"}
    assert (listed(done=True), listed(done=False)) == ([number], [])
    worker.write_ends()
    assert list(worker.ends) == [number]
    database.is_full = False
    worker.write_ends()
    assert worker.ends == {}
    assert shown(number) == ended
    worker.stop()
    database.close()
