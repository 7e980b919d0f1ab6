"""Bytes that are kept for a second reading: the same as those of the file, and fetched once."""

from __future__ import annotations

import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from lro_notebook.errors import ResultError
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.source import Streams
from lro_notebook.results.sources.spool import Spool, Spooled

if TYPE_CHECKING:
    from collections.abc import Iterator


class Memory(Streams):
    """Files in memory that count how often each byte of them is read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.seen = {name: bytearray(len(data)) for name, data in files.items()}
        self.opened = 0

    @contextmanager
    def open(self, shard: Shard, *, block_size: int | None = None) -> Iterator[BinaryIO]:
        del block_size
        self.opened += 1
        data, seen = self.files[shard.path], self.seen[shard.path]

        class Counted(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                start = self.tell()
                got = super().read(size)
                for place in range(start, start + len(got)):
                    seen[place] += 1
                return got

        yield Counted(data)


def shard(name: str) -> Shard:
    return Shard(name, name, "T", 0)


@pytest.mark.parametrize("seed", range(20))
def test_any_reads_give_the_bytes_of_the_file_and_fetch_none_twice(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    source = Memory({name: draw.randbytes(draw.randint(0, 300)) for name in "ab"})
    with Spool() as kept:
        spooled = Spooled(source, kept)
        for _ in range(12):
            name = draw.choice("ab")
            plain = io.BytesIO(source.files[name])
            with spooled.open(shard(name)) as file:
                for _ in range(draw.randint(1, 6)):
                    step = draw.choice(["read", "read", "seek", "end", "all"])
                    if step == "seek":
                        place = draw.randint(0, 320)
                        assert file.seek(place) == plain.seek(place)
                    elif step == "end":
                        assert file.seek(0, io.SEEK_END) == plain.seek(0, io.SEEK_END)
                    else:
                        size = -1 if step == "all" else draw.randint(0, 120)
                        assert read_fully(file, size) == plain.read(size)
                    assert file.tell() == plain.tell()
    assert max((most for seen in source.seen.values() for most in seen), default=0) <= 1


def read_fully(file: BinaryIO, size: int) -> bytes:
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part) if size > 0 else 0
    return b"".join(parts)


def test_a_file_read_to_its_end_is_not_opened_again() -> None:
    source = Memory({"a": b"x" * 1000, "b": b""})
    with Spool() as kept:
        spooled = Spooled(source, kept)
        for _ in range(3):
            for name, data in source.files.items():
                with spooled.open(shard(name)) as file:
                    assert read_fully(file, 10_000) == data
    assert source.opened == 2


def test_threads_may_read_beside_each_other() -> None:
    source = Memory({str(number): bytes([number]) * 5_000 for number in range(40)})
    start = threading.Barrier(8)

    def read(number: int) -> bool:
        if number < 8:
            start.wait(30)
        with spooled.open(shard(str(number))) as file:
            return read_fully(file, 6_000) == source.files[str(number)]

    with Spool() as kept, ThreadPoolExecutor(8) as pool:
        spooled = Spooled(source, kept)
        assert all(pool.map(read, range(40)))
        assert all(pool.map(read, range(40)))
    assert source.opened == 40


def test_a_full_disk_is_told_before_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Memory({"a": b"x" * 1000})
    with Spool() as kept, Spooled(source, kept).open(shard("a")) as file:
        assert file.read(10) == b"x" * 10
        monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage())
        with pytest.raises(ResultError, match=r"is full.*TMPDIR"):
            file.read(10)


class _Usage:
    free = 1000


def test_it_is_a_stream_of_the_source_in_everything_else() -> None:
    source: Any = Memory({"a": b""})
    stopped: list[bool] = []
    source.stop = lambda: stopped.append(True)
    with Spool() as kept:
        spooled = Spooled(source, kept)
        assert spooled.label(shard("a")) == source.label(shard("a"))
        assert spooled.is_remote == source.is_remote
        assert spooled.beside("x://y") is None
        spooled.stop()
    assert stopped == [True]
