"""Places far away with shards of patients, read as a user reads them."""

from __future__ import annotations

import threading
import uuid
import weakref
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from results.far import BUCKETS, Bucket, register

from lro_notebook.results.load_place import read
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.results.remote.retried_calls import Fetch
    from lro_notebook.results.results import Results
    from lro_notebook.results.shards import Shard

register()
MB = 1_000_000


class Place:
    """A bucket behind a file system of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind, self.name = kind, uuid.uuid4().hex
        self.bucket = BUCKETS[self.name] = Bucket()

    def fill(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            self.bucket.put(f"b/out/{name}", data)

    def read(self, place: str = "b/out", **options: Any) -> Results:
        return read(f"{self.kind}://{place}", storage_options={"bucket": self.name}, **options)

    def files(self, fetch: Fetch | None = None) -> tuple[Files, list[Shard]]:
        """Return the source of what is there, and its shards in their order."""
        results = self.read()
        self.bucket.requests.clear()  # of the first look
        (main,) = results._tables.values()
        files = main.source
        assert isinstance(files, Files)
        return replace(files, fetch=fetch or files.fetch), list(main.shards)


#: Threads that were there before the test: the pollers of other tests go on.
_others: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def threads() -> list[threading.Thread]:
    """Return the threads of the test that run."""
    new = (thread for thread in threading.enumerate() if thread not in _others)
    return [thread for thread in new if thread.name.startswith(("lro-", "test-work"))]


@contextmanager
def made(kind: str) -> Iterator[Place]:
    """Make a place; at the end, no thread of its test runs any more."""
    _others.clear()
    _others.update(threading.enumerate())
    place = Place(kind)
    yield place
    place.bucket.held.set()
    del BUCKETS[place.name]
    place.bucket.until(lambda: not threads())


def lines(count: int, first: int = 0, width: int = 0) -> bytes:
    return b"".join(
        b'{"resourceType":"Patient","id":"p%d","x":"%s"}\n' % (n, b"x" * width)
        for n in range(first, first + count)
    )


def shards_of(count: int, each: int = 3, width: int = 0) -> dict[str, bytes]:
    return {f"Patient.{n:03d}.ndjson": lines(each, n * each, width) for n in range(count)}


def names(results: Results) -> list[str]:
    return list(results["Patient"]["id"])
