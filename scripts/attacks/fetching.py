"""Remote files read in any order and from any place, while the place fails, cuts answers, and changes.

An attempt held if what was read is what was listed, byte for byte, or a `ResultError` was raised; if no more
requests were made at once than asked for; and if nothing was left on its way.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from unittest.mock import patch

from results.far import BUCKETS, Bucket, Loop, Request, Threaded, register

from lro_notebook.errors import ResultError
from lro_notebook.results.location import Location
from lro_notebook.results.remote import fetching
from lro_notebook.results.remote.fetching import Fetching
from lro_notebook.results.remote.retried_calls import Fetch
from lro_notebook.results.remote.versions import Version
from lro_notebook.results.shards import Shard

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from typing import BinaryIO

_READINGS = 1_000
_READERS = 3  # threads that open files beside each other
_LARGE = 30_000


def _no_wait(_: int) -> float:
    return 0.0


def _faulty(draw: random.Random, bucket: Bucket, share: float) -> Callable[[Request, bytes], bytes]:
    def fault(request: Request, data: bytes) -> bytes:
        if draw.random() >= share:
            return data
        kind = draw.randrange(4)
        if kind == 0:
            raise ConnectionResetError
        if kind == 1:
            raise PermissionError
        if kind == 2:  # noqa: PLR2004 - one of four
            return data[: draw.randint(0, len(data))]
        bucket.put(request.path, draw.randbytes(len(bucket.objects[request.path])))
        return bucket.objects[request.path][request.start : request.stop]

    return fault


def _is_right(draw: random.Random, file: BinaryIO, content: bytes) -> bool:
    """Read a file in pieces and from places; tell whether each is right."""
    for _ in range(draw.randint(1, 6)):
        place = file.tell()
        if draw.random() < 0.4:  # noqa: PLR2004 - often enough
            place = file.seek(draw.randint(0, len(content) + 5))
        size = draw.choice([-1, 0, 1, 100, 5_000, len(content)])
        if file.read(size) != content[place : None if size < 0 else place + size]:
            return False
    return True


def _held(draw: random.Random) -> bool:
    name = uuid.uuid4().hex
    bucket = BUCKETS[name] = Bucket()
    for number in range(draw.randint(1, 12)):
        size = draw.choice([0, 1, 999, 1_000, 1_001, 5_000, draw.randint(0, _LARGE)])
        bucket.put(f"b/{number}", draw.randbytes(size))
    listed = dict(bucket.objects)
    shards = [
        Shard(path, path, "T", len(data), version=Version.of(bucket.info(path)))
        for path, data in listed.items()
    ]
    bucket.fault = _faulty(draw, bucket, draw.choice([0, 0, 0.02, 0.2]))
    fs = draw.choice([Loop, Threaded])(name, skip_instance_cache=True)
    fetch = Fetch(
        draw.randint(1, 8), draw.choice([1, 3_000, 10**6]), tries=draw.randint(1, 4), backoff=_no_wait
    )
    order = shards if draw.random() < 0.5 else draw.sample(shards, len(shards))  # noqa: PLR2004 - half
    beside = draw.random() < 0.3  # noqa: PLR2004 - some
    right = True
    try:
        with Fetching(Location(fs, "b", "far://b"), shards, fetch, head=draw.choice([0, 0, 500])) as reading:

            def read(shard: Shard) -> bool:
                with reading.open(shard) as file:
                    return _is_right(draw, file, listed[shard.path])

            with ThreadPoolExecutor(_READERS if beside else 1) as pool:
                seen = list(pool.map(read, order))
            reading.check()
            right = all(seen)  # what is wrong before the check is told by the check
    except ResultError:
        right = True
    bucket.until(lambda: not bucket.flying)
    del BUCKETS[name]
    return right and bucket.most <= fetch.streams + 1  # what has become of a file is asked beside them


def readings(draw: random.Random) -> tuple[int, int]:
    """Read files in any order, with faults."""
    register()
    with patch.multiple(fetching, SMALLEST=1_000, LARGEST=8_000, _TELLS=100):
        return _READINGS, sum(_held(draw) for _ in range(_READINGS))


ATTACKS = [("remote files read in any order, while the place fails or changes", readings)]
