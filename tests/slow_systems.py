"""The file systems of `slow_storage`: ``slow://`` with an event loop, ``slow-sync://`` without one."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.asyn import AsyncFileSystem
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from slow_storage import BUCKETS, Fault, Info, Request, SlowStorage, folder

if TYPE_CHECKING:
    from collections.abc import Mapping

Result = TypeVar("Result")

#: Requests as they are made: what is asked, what makes the answer, and the bytes that it takes.
_Asked = tuple["SlowStorage", Request, Callable[[], Callable[[], Any]], int]
_Steps = Generator[_Asked, Any, Result]


class _Calls:
    """What both file systems ask, as steps that wait for answers; `dircache` grows stale as gcsfs's does."""

    dircache: Any
    version_aware: bool

    def _split(self, path: str) -> tuple[SlowStorage, str, str | None]:
        bucket, _, rest = path.strip("/").partition("/")
        generation = None
        if self.version_aware:
            rest, _, generation = rest.partition("#")
        if bucket not in BUCKETS:
            raise FileNotFoundError(bucket)
        return BUCKETS[bucket], rest, generation or None

    def _listing(self, path: str) -> list[Info] | None:
        try:
            found: list[Info] = self.dircache[path]
        except KeyError:
            return None
        return found

    def _get(self, path: str, start: int | None, end: int | None, how: Mapping[str, Any]) -> _Steps[bytes]:
        storage, name, generation = self._split(path)
        generation = how.get("generation") or generation
        known = storage._objects.get(name)
        begin, stop, _ = slice(start, end).indices(len(known.content) if known else 0)

        def make() -> Callable[[], bytes]:
            found = storage.look(name, generation)
            return lambda: found.content[begin:stop]

        data: bytes = yield storage, Request("read", name, start, end), make, max(0, stop - begin)
        with storage._lock:
            storage.sent += len(data)
        return data

    def _about(self, path: str) -> _Steps[Info]:
        path = path.rstrip("/")
        for entry in self._listing(path.rpartition("/")[0]) or ():
            if entry["name"] == path:
                return entry
        storage, name, generation = self._split(path)
        if not name or self._listing(path) is not None:
            return folder(path)

        def make() -> Callable[[], Info]:
            storage.look(name, generation)
            return lambda: storage.info(name)

        try:
            about: Info = yield storage, Request("info", name), make, 0
        except FileNotFoundError:
            below = yield from self._pages(storage, f"{name}/", flat=False, most=1)
        else:
            return about
        if not below:
            raise FileNotFoundError(path)
        return folder(path)

    def _pages(
        self, storage: SlowStorage, prefix: str, *, flat: bool, most: int | None = None
    ) -> _Steps[list[Info]]:
        found: list[Info] = []
        while True:
            begin, end = len(found), len(found) + min(storage.page, most or storage.page)

            def make() -> Callable[[], list[Info]]:
                return lambda: storage.under(prefix, flat=flat)

            entries = yield storage, Request("list", prefix, begin, end), make, 0
            found += entries[begin:end]
            if len(found) == len(entries) or (most and len(found) >= most):
                return found

    def _list(self, path: str, *, refresh: bool = False) -> _Steps[list[Info]]:
        path = path.rstrip("/")
        found = None if refresh else self._listing(path)
        if found is None:
            storage, name, _ = self._split(path)
            found = yield from self._pages(storage, f"{name}/" if name else "", flat=False)
            if not found:
                return [(yield from self._about(path))]
            self.dircache[path] = found
        return found

    def _put(self, path: str, content: bytes) -> _Steps[None]:
        storage, name, _ = self._split(path)

        def make() -> Callable[[], object]:
            return lambda: storage.put(name, content)

        yield storage, Request("write", name), make, len(content)
        self._forget(path)

    def _copy(self, path: str, to: str) -> _Steps[None]:
        storage, name, _ = self._split(path)
        target, new, _ = self._split(to)

        def make() -> Callable[[], object]:
            return lambda: target.put(new, storage.look(name).content)

        yield target, Request("write", new), make, 0
        self._forget(to)

    def _remove(self, path: str) -> _Steps[None]:
        storage, name, _ = self._split(path)

        def make() -> Callable[[], object]:
            storage.look(name)
            return lambda: storage.delete(name)

        yield storage, Request("delete", name), make, 0
        self._forget(path)

    def _forget(self, path: str | None) -> None:
        """Drop the listings in which `path` is; all for None."""
        if path is None:
            self.dircache.clear()
            return
        while path:
            self.dircache.pop(path, None)
            path = path.rpartition("/")[0]


class SlowFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is read in blocks, a request each, and written at its end."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.cat_file(self.path, start=start, end=end)
        return data

    def _initiate_upload(self) -> None:
        self._parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> None:  # noqa: FBT001, FBT002 - fsspec's signature
        self._parts.append(self.buffer.getvalue())
        if final:
            self.fs.pipe_file(self.path, b"".join(self._parts))


class SlowSyncFileSystem(_Calls, AbstractFileSystem):  # type: ignore[misc]
    """A file system without an event loop: what is to run at once needs threads."""

    protocol = "slow-sync"

    def __init__(self, *args: Any, version_aware: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.version_aware = version_aware

    def _run(self, steps: _Steps[Result]) -> Result:
        got, wrong = None, None
        while True:
            try:
                storage, request, make, size = steps.send(got) if wrong is None else steps.throw(wrong)
            except StopIteration as end:
                result: Result = end.value
                return result
            try:
                with storage.answer(request, make, size) as answer:
                    if answer.fault is not None:
                        answer.fault.reached.set()
                        if answer.fault.stalls:
                            answer.fault.wait()
                    if answer.seconds:
                        time.sleep(answer.seconds)
                    got, wrong = _cut(answer.get(), answer.fault), None
            except Exception as error:  # noqa: BLE001 - raised in the steps
                wrong = error

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **how: Any) -> bytes:
        """Return the bytes of a range, in one request."""
        return self._run(self._get(self._strip_protocol(path), start, end, how))

    def info(self, path: str, **_how: Any) -> Info:
        """Return what is known of a path."""
        return self._run(self._about(self._strip_protocol(path)))

    def ls(self, path: str, detail: bool = True, refresh: bool = False, **_how: Any) -> list[Any]:  # noqa: FBT001, FBT002
        """List a folder, page by page."""
        found = self._run(self._list(self._strip_protocol(path), refresh=refresh))
        return found if detail else [entry["name"] for entry in found]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_how: Any) -> None:
        """Write an object."""
        del mode
        self._run(self._put(self._strip_protocol(path), value))

    def cp_file(self, path1: str, path2: str, **_how: Any) -> None:
        """Copy an object."""
        self._run(self._copy(self._strip_protocol(path1), self._strip_protocol(path2)))

    def rm_file(self, path: str) -> None:
        """Remove an object."""
        self._run(self._remove(self._strip_protocol(path)))

    def _rm(self, path: str) -> None:
        self.rm_file(path)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget listings."""
        self._forget(path)

    def _open(self, path: str, mode: str = "rb", **how: Any) -> SlowFile:
        return SlowFile(self, path, mode, **how)


class SlowFileSystem(_Calls, AsyncFileSystem):  # type: ignore[misc]
    """A file system with an event loop, which lists and caches as gcsfs does, also what `find` has found."""

    protocol = "slow"

    def __init__(self, *args: Any, version_aware: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.version_aware = version_aware

    async def _run(self, steps: _Steps[Result]) -> Result:
        got, wrong = None, None
        while True:
            try:
                storage, request, make, size = steps.send(got) if wrong is None else steps.throw(wrong)
            except StopIteration as end:
                result: Result = end.value
                return result
            try:
                with storage.answer(request, make, size) as answer:
                    if answer.fault is not None:
                        answer.fault.reached.set()
                        if answer.fault.stalls:
                            await answer.fault.wait_async()
                    await asyncio.sleep(answer.seconds)
                    got, wrong = _cut(answer.get(), answer.fault), None
            except Exception as error:  # noqa: BLE001 - raised in the steps
                wrong = error

    async def _cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **how: Any
    ) -> bytes:
        return await self._run(self._get(self._strip_protocol(path), start, end, how))

    async def _info(self, path: str, **_how: Any) -> Info:
        return await self._run(self._about(self._strip_protocol(path)))

    async def _ls(self, path: str, detail: bool = True, refresh: bool = False, **_how: Any) -> list[Any]:  # noqa: FBT001, FBT002
        found = await self._run(self._list(self._strip_protocol(path), refresh=refresh))
        return found if detail else [entry["name"] for entry in found]

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,  # noqa: FBT001, FBT002
        **how: Any,
    ) -> Any:
        """List without folders: a request per page, however deep they are."""
        path = self._strip_protocol(path).rstrip("/")
        storage, name, _ = self._split(path)
        found = await self._run(self._pages(storage, f"{name}/" if name else "", flat=True))
        if not found and name in storage._objects:
            found = [await self._info(path)]
        entries = {entry["name"]: entry for entry in found}
        for each in [*entries]:
            while len(each := each.rpartition("/")[0]) > len(path):
                entries.setdefault(each, folder(each))
        listings = defaultdict(list)
        for key in sorted(entries):
            listings[key.rpartition("/")[0]].append(entries[key])
        self.dircache.update(listings if name not in storage._objects else {})
        depth = path.count("/") + maxdepth if maxdepth else None
        wanted = [
            key
            for key, entry in sorted(entries.items())
            if (withdirs or entry["type"] == "file") and (depth is None or key.count("/") <= depth)
        ]
        return {key: entries[key] for key in wanted} if how.get("detail") else wanted

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_how: Any) -> None:
        del mode
        await self._run(self._put(self._strip_protocol(path), value))

    async def _cp_file(self, path1: str, path2: str, **_how: Any) -> None:
        await self._run(self._copy(self._strip_protocol(path1), self._strip_protocol(path2)))

    async def _rm_file(self, path: str, **_how: Any) -> None:
        await self._run(self._remove(self._strip_protocol(path)))

    async def _mkdir(self, path: str, **_how: Any) -> None:
        pass

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:  # noqa: FBT001, FBT002
        pass

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget listings."""
        self._forget(path)

    def _open(self, path: str, mode: str = "rb", **how: Any) -> SlowFile:
        return SlowFile(self, path, mode, **how)


def _cut(got: Any, fault: Fault | None) -> Any:
    """Return what arrives of an answer."""
    return got[: int(len(got) * fault.keep)] if fault is not None and isinstance(got, bytes) else got
