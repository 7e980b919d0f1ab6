"""Object storage behind a network: every request waits, every stream is slow, and faults come by script.

Waiting is sleeping, so that it costs no processor time. A `SlowStorage` is one bucket in this process,
``slow://name/…`` for a file system with an event loop as gcsfs has, ``slow-sync://name/…`` for one without.

>>> with SlowStorage(latency=0, bandwidth=None) as storage:
...     storage.put("out/Patient.000.ndjson", b"{}")
...     lro.read_results(storage.uri("out"))
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import fsspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LATENCY = 0.06  # seconds until a request is answered, from a laptop
BANDWIDTH = 60e6  # bytes a second of one stream
PAGE = 1_000  # names in a page of a listing, as Cloud Storage has it
_HANGS = 120.0  # seconds after which a stalled request gives up, so that no test hangs
_READS = frozenset({"read"})
_numbers = itertools.count(1)
BUCKETS: dict[str, SlowStorage] = {}

Info = dict[str, Any]


class Content(Protocol):
    """What an object holds."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


@dataclass(frozen=True)
class InFile:
    """The bytes of a local file."""

    path: Path

    def __len__(self) -> int:
        return self.path.stat().st_size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(len(self))
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(max(0, end - start))


@dataclass(frozen=True)
class Repeated:
    """A block of bytes many times over: an object of any size that takes no room."""

    block: bytes
    times: int

    def __len__(self) -> int:
        return len(self.block) * self.times

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(len(self))
        first, last = start // len(self.block), -(-end // len(self.block))
        offset = start - first * len(self.block)
        return (self.block * max(0, last - first))[offset : offset + max(0, end - start)]


class Request(NamedTuple):
    """A request that was made: "read", "info", "list", "write" or "delete".

    `start` and `end` are bytes of a read (None: to the end), and entries of a page of a listing.
    """

    method: str
    path: str
    start: int | None = None
    end: int | None = None


@dataclass
class Fault:
    """What goes wrong with requests for a path, after `after` of them were let through, `times` times.

    Attributes
    ----------
    reached : threading.Event
        Set when the first request has run into it.
    """

    pattern: str
    on: frozenset[str]
    after: int
    times: float
    error: Callable[[str], Exception] | None = None
    keep: float = 1.0
    change: Content | None = None
    stalls: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)
    _waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, method: str, path: str) -> bool:
        """Tell whether this request runs into it, and count it."""
        if method not in self.on or not fnmatchcase(path, self.pattern) or self.times <= 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True

    def release(self) -> None:
        """Let the requests go on that are stalled."""
        with self._lock:
            self._released.set()
            waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            loop.call_soon_threadsafe(_end, future)

    def wait(self) -> None:
        """Block until it is released."""
        if not self._released.wait(_HANGS):
            raise TimeoutError("a stalled request was never released")

    async def wait_async(self) -> None:
        """Wait until it is released."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._lock:
            if self._released.is_set():
                return
            self._waiting.append((loop, future))
        await asyncio.wait_for(future, _HANGS)


def _end(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@dataclass(frozen=True)
class _Object:
    content: Content
    generation: str
    updated: datetime


@dataclass
class _Answer:
    """What a request will get, and how long it takes."""

    seconds: float
    get: Callable[[], Any]
    fault: Fault | None = None


class SlowStorage:
    """A bucket behind a network.

    Parameters
    ----------
    name : str, optional
        Of the bucket; by default one of its own.
    latency : float
        Seconds until a request is answered.
    bandwidth : float or None
        Bytes a second of each stream; None: no limit.
    page : int
        Entries in a page of a listing.
    asynchronous : bool
        Whether `uri` names the file system with an event loop.
    tells : iterable of str
        What listings say of an object besides name and size: of "generation", "etag", "updated".

    Attributes
    ----------
    log : list of Request
        What was asked, in order.
    sent : int
        Bytes that were read from it.
    in_flight, most : int
        Requests at once, now and at most.
    """

    def __init__(
        self,
        name: str = "",
        *,
        latency: float = LATENCY,
        bandwidth: float | None = BANDWIDTH,
        page: int = PAGE,
        asynchronous: bool = True,
        tells: tuple[str, ...] = ("generation", "etag", "updated"),
    ) -> None:
        self.name = name or f"bucket-{next(_numbers)}"
        self.latency, self.bandwidth, self.page, self.tells = latency, bandwidth, page, tells
        self.scheme = "slow" if asynchronous else "slow-sync"
        self.log: list[Request] = []
        self.sent = self.in_flight = self.most = 0
        self._objects: dict[str, _Object] = {}
        self._sorted: list[str] | None = None
        self._faults: list[Fault] = []
        self._generation = itertools.count(int(time.time() * 1e6))
        self._lock = threading.RLock()
        BUCKETS[self.name] = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        for fault in self._faults:
            fault.release()
        BUCKETS.pop(self.name, None)

    def __repr__(self) -> str:
        return f"<SlowStorage {self.scheme}://{self.name}: {len(self._objects)} objects>"

    # What a test arranges; paths are those within the bucket.

    def uri(self, path: str = "") -> str:
        """Return how users name `path`."""
        return f"{self.scheme}://{self.name}/{path}"

    def put(self, path: str, content: Content) -> str:
        """Write an object; return its generation."""
        with self._lock:
            generation = str(next(self._generation))
            if path not in self._objects:
                self._sorted = None
            self._objects[path] = _Object(content, generation, datetime.now(UTC))
            return generation

    def put_folder(self, folder: Path, under: str = "") -> None:
        """Make every file below `folder` an object."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                self.put(f"{under.rstrip('/')}/{name}" if under else name, InFile(path))

    def delete(self, path: str) -> None:
        """Remove an object."""
        with self._lock:
            del self._objects[path]
            self._sorted = None

    def paths(self) -> list[str]:
        """Return the names of all objects, sorted."""
        with self._lock:
            if self._sorted is None:
                self._sorted = sorted(self._objects)
            return self._sorted

    def content(self, path: str) -> bytes:
        """Return what an object holds, without a request."""
        return self._objects[path].content[:]

    def fail(
        self,
        path: str,
        error: Callable[[str], Exception],
        *,
        after: int = 0,
        times: float = float("inf"),
        on: frozenset[str] = _READS,
    ) -> Fault:
        """Let requests for `path` (a pattern of `fnmatch`) fail with ``error(path)``.

        `PermissionError` for 403, `FileNotFoundError` for 404, `ConnectionResetError` with ``times=2`` for
        a connection that is lost twice, midway.
        """
        return self._script(Fault(path, on, after, times, error=error))

    def truncate(self, path: str, *, keep: float = 0.5, after: int = 0, times: float = float("inf")) -> Fault:
        """Send only a part of the bytes that were asked for, and say nothing."""
        return self._script(Fault(path, _READS, after, times, keep=keep))

    def stall(
        self, path: str, *, after: int = 0, times: float = float("inf"), on: frozenset[str] = _READS
    ) -> Fault:
        """Answer nothing until the fault that is returned is released."""
        return self._script(Fault(path, on, after, times, stalls=True))

    def change(self, path: str, content: Content, *, after: int = 1) -> Fault:
        """Replace an object once `after` reads of it were let through, before the next is answered."""
        return self._script(Fault(path, _READS, after, 1, change=content))

    def reset(self) -> None:
        """Forget the log and the counters."""
        with self._lock:
            self.log.clear()
            self.sent = 0
            self.most = self.in_flight

    def count(self, method: str = "", path: str = "*") -> int:
        """Return how many requests there were of `method`, for the pattern `path`."""
        return sum(method in ("", each.method) and fnmatchcase(each.path, path) for each in list(self.log))

    def _script(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    # What the file systems ask.

    @contextmanager
    def answer(self, request: Request, make: Callable[[], Any], size: int = 0) -> Iterator[_Answer]:
        """Count a request while it lasts; yield what it gets.

        `make` is called at once, and returns what is called when the time is over.
        """
        with self._lock:
            self.log.append(request)
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            fault = next((each for each in self._faults if each.takes(request.method, request.path)), None)
            if fault is not None and fault.change is not None:
                self.put(request.path, fault.change)
        try:
            seconds = self.latency + (size / self.bandwidth if self.bandwidth else 0)
            error = fault.error if fault is not None else None
            if error is not None:
                yield _Answer(seconds / 2, lambda: _raise(error(request.path)), fault)
            else:
                yield _Answer(seconds, make(), fault)
        finally:
            with self._lock:
                self.in_flight -= 1

    def look(self, path: str, generation: str | None = None) -> _Object:
        """Return an object, or raise as for 404."""
        found = self._objects.get(path)
        if found is None or generation not in (None, found.generation):
            raise FileNotFoundError(f"{self.name}/{path}")
        return found

    def info(self, path: str) -> Info:
        """Return what a listing says of an object."""
        found = self.look(path)
        told = {
            "generation": found.generation,
            "etag": f'"{found.generation}"',
            "updated": found.updated.isoformat(),
        }
        size = len(found.content)
        return {"name": f"{self.name}/{path}", "size": size, "type": "file"} | {
            key: told[key] for key in self.tells
        }

    def under(self, prefix: str, *, flat: bool) -> list[Info]:
        """Return what begins with `prefix`; not `flat`: folders in place of what is deeper."""
        with self._lock:
            names = self.paths()
            begin, end = bisect_left(names, prefix), bisect_left(names, prefix + "\U0010ffff")
            rests = [name.removeprefix(prefix) for name in names[begin:end]]
            entries = dict.fromkeys(
                rest if flat or "/" not in rest else f"{rest.partition('/')[0]}/" for rest in rests
            )
            return [
                folder(f"{self.name}/{prefix}{rest[:-1]}")
                if not flat and rest.endswith("/")
                else self.info(prefix + rest)
                for rest in entries
            ]


def _raise(error: Exception) -> None:
    raise error


def folder(name: str) -> Info:
    return {"name": name, "size": 0, "type": "directory"}


fsspec.register_implementation("slow", "slow_systems.SlowFileSystem", clobber=True)
fsspec.register_implementation("slow-sync", "slow_systems.SlowSyncFileSystem", clobber=True)
