"""File systems far away, for tests: what they hold and what goes wrong is scripted, each request is noted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.spec import AbstractFileSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20.0
TOGETHER = 16
#: The file systems by name; instances share what they hold, as clients of one server do.
BUCKETS: dict[str, Bucket] = {}


class Request(NamedTuple):
    """A request: a method of the file system, the path, and which bytes."""

    method: str
    path: str
    start: int | None = None
    stop: int | None = None


class Bucket:
    """Objects by their paths.

    Attributes
    ----------
    requests : list of Request
        What was asked for, in order.
    most : int
        How many requests there were at once, at most.
    held : threading.Event
        Cleared, it holds all answers with bytes back.
    meet : callable
        Tells which requests are answered only once there are 16 at once.
    fault : callable
        Is told each request for bytes, and its data; may raise, change the bytes, or hang.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.states: Counter[str] = Counter()
        self.requests: list[Request] = []
        self.flying = self.most = self.cancelled = 0
        self.meet: Callable[[Request], bool] = lambda _: False
        self.held = threading.Event()
        self.held.set()
        self.fault: Callable[[Request, bytes], bytes | threading.Event] = lambda _, data: data
        self._lock = threading.Lock()

    def put(self, path: str, data: bytes) -> None:
        """Write an object."""
        if self.objects.get(path) == data:
            return
        self.objects[path] = data
        self.states[path] += 1

    def of(self, method: str) -> list[Request]:
        """Return the requests of a method."""
        return [request for request in self.requests if request.method == method]

    @contextmanager
    def asked(self, request: Request) -> Iterator[None]:
        """Note a request for as long as it takes."""
        with self._lock:
            self.requests.append(request)
            self.flying += 1
            self.most = max(self.most, self.flying)
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            with self._lock:
                self.flying -= 1

    def answer(self, request: Request) -> bytes | threading.Event:
        """Return the bytes that are asked for, or what to wait for without an end."""
        if request.path not in self.objects:
            raise FileNotFoundError(request.path)
        return self.fault(request, self.objects[request.path][request.start : request.stop])

    def waits(self, request: Request) -> bool:
        """Tell whether a request is not to be answered yet."""
        is_held = request.method == "cat_file" and not self.held.is_set()
        return is_held or (self.most < TOGETHER and self.meet(request))

    def info(self, path: str) -> dict[str, Any]:
        """Return what the file system says of a path."""
        path = path.rstrip("/")
        if path in self.objects:
            return {
                "name": path,
                "size": len(self.objects[path]),
                "type": "file",
                "ETag": f'"{self.states[path]}"',
            }
        if any(name.startswith(f"{path}/") for name in self.objects):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def ls(self, path: str) -> list[dict[str, Any]]:
        """Return what is in a folder."""
        path = path.rstrip("/")
        below = [name.removeprefix(f"{path}/") for name in self.objects if name.startswith(f"{path}/")]
        names = sorted({name.partition("/")[0] for name in below})
        return [self.info(f"{path}/{name}") for name in names] or [self.info(path)]

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.002)


class Loop(AsyncFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system of coroutines, which keeps listings as those of object stores do."""

    protocol = "loop"

    def __init__(self, bucket: str, **more: Any) -> None:
        super().__init__(**more)
        self.bucket = BUCKETS[bucket]

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        request = Request("cat_file", self._strip_protocol(path), start, end)
        with self.bucket.asked(request):
            await _until(lambda: not self.bucket.waits(request))
            answer = self.bucket.answer(request)
            if isinstance(answer, threading.Event):
                await _until(answer.is_set)
                raise ConnectionResetError
            return answer

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        for known in self.dircache.get(self._parent(path), ()):
            if known["name"] == path:
                return dict(known)
        request = Request("info", path)
        with self.bucket.asked(request):
            await _until(lambda: not self.bucket.waits(request))
            return self.bucket.info(path)

    async def _ls(self, path: str, *, detail: bool = True, **_: Any) -> list[Any]:
        path = self._strip_protocol(path)
        if path not in self.dircache:
            with self.bucket.asked(Request("ls", path)):
                listed = self.bucket.ls(path)
            self.dircache[path] = listed
        else:
            listed = self.dircache[path]
        return listed if detail else [info["name"] for info in listed]

    def invalidate_cache(self, path: str | None = None) -> None:
        del path
        self.dircache.clear()


class Threaded(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system that blocks."""

    protocol = "threaded"

    def __init__(self, bucket: str, **more: Any) -> None:
        super().__init__(**more)
        self.bucket = BUCKETS[bucket]

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        request = Request("cat_file", self._strip_protocol(path), start, end)
        with self.bucket.asked(request):
            self.bucket.until(lambda: not self.bucket.waits(request))
            answer = self.bucket.answer(request)
            if isinstance(answer, threading.Event):
                answer.wait(PATIENCE)
                raise ConnectionResetError
            return answer

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        request = Request("info", self._strip_protocol(path))
        with self.bucket.asked(request):
            self.bucket.until(lambda: not self.bucket.waits(request))
            return self.bucket.info(self._strip_protocol(path))

    def ls(self, path: str, *, detail: bool = True, **_: Any) -> list[Any]:
        with self.bucket.asked(Request("ls", self._strip_protocol(path))):
            listed = self.bucket.ls(self._strip_protocol(path))
        return listed if detail else [info["name"] for info in listed]


async def _until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 - what it waits for is set in another thread
        await asyncio.sleep(0.002)


def register() -> None:
    """Have fsspec know the file systems."""
    for each in (Loop, Threaded):
        fsspec.register_implementation(each.protocol, each, clobber=True)


def in_thread(work: Callable[[], Any]) -> Any:
    """Begin `work` in a thread; return its future."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="test-work")
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future
