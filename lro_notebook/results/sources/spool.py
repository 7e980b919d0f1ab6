"""Bytes that may be needed a second time, in a temporary file: a remote file is fetched once."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
from bisect import bisect_right
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from lro_notebook.errors import ResultError
from lro_notebook.results.sources.source import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lro_notebook.results.location import Location
    from lro_notebook.results.shards import Shard

_SPARE = 500_000_000  # bytes of the disk that are left to others
_WHOLE = 1 << 20  # bytes that are read at once where all are asked for


def check_room(folder: str) -> None:
    """Raise `ResultError` before the disk of `folder`, which is for temporary files, is full."""
    if shutil.disk_usage(folder).free < _SPARE:
        raise no_room(folder)


def no_room(folder: str) -> ResultError:
    """Return the error for a `folder` for temporary files whose disk is full."""
    return ResultError(
        f"the disk of {folder} is full: what was fetched is kept there for a while. Nothing of it is left; "
        "make room, or set TMPDIR to a folder on a larger disk before Python starts"
    )


class Spool:
    """What was read of some files, in one temporary file without a name. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder = tempfile.gettempdir()
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed at the end of `with`
        except OSError as error:
            raise no_room(self._folder) from error
        self._size = 0
        self._extents: dict[str, list[tuple[int, int, int]]] = {}  # start and end in the file, place here

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Let all of it go."""
        self._file.close()

    def keep(self, path: str, start: int, data: bytes) -> None:
        """Keep the bytes of a file from `start` on.

        Raises
        ------
        ResultError
            The disk is full.
        """
        check_room(self._folder)
        with self._lock:
            try:
                self._file.seek(self._size)
                view = memoryview(data)
                while view:
                    view = view[self._file.write(view) :]
            except OSError as error:
                raise no_room(self._folder) from error
            extents = self._extents.setdefault(path, [])
            place, self._size = self._size, self._size + len(data)
            if extents and (last := extents[-1])[1] == start and last[2] + last[1] - last[0] == place:
                extents[-1] = (last[0], start + len(data), last[2])
            else:
                extents.append((start, start + len(data), place))
                extents.sort()

    def find(self, path: str, start: int, size: int) -> bytes:
        """Return what is kept of a file from `start` on, at most `size` bytes; none if that was not read."""
        with self._lock:
            extents = self._extents.get(path, [])
            number = bisect_right(extents, start, key=lambda extent: extent[0]) - 1
            if number < 0 or start >= extents[number][1]:
                return b""
            first, end, place = extents[number]
            self._file.seek(place + start - first)
            return self._file.read(min(size, end - start))

    def gap(self, path: str, start: int, size: int) -> int:
        """Return how many of `size` bytes from `start` on, which is not kept, come before what is."""
        with self._lock:
            extents = self._extents.get(path, [])
            number = bisect_right(extents, start, key=lambda extent: extent[0])
            return min(size, extents[number][0] - start) if number < len(extents) else size


class Spooled(Streams):
    """A source whose bytes are kept in a `Spool`, and come from there the second time.

    Attributes
    ----------
    source : Streams
        Where they come from the first time.
    """

    def __init__(self, source: Streams, spool: Spool) -> None:
        self.source, self._spool = source, spool
        self._ends: dict[str, int] = {}

    @contextmanager
    def open(self, shard: Shard, *, block_size: int | None = None) -> Iterator[BinaryIO]:
        """Open a shard, at the source only once something is read that is not kept."""
        with ExitStack() as stack:

            def opened() -> BinaryIO:
                return stack.enter_context(self.source.open(shard, block_size=block_size))

            yield cast("BinaryIO", _Stream(shard.path, self._spool, self._ends, opened))

    def stop(self) -> None:
        """Have all that is on its way given up."""
        self.source.stop()

    def label(self, shard: Shard) -> str:
        """Return what the source calls `shard`."""
        return self.source.label(shard)

    @property
    def is_remote(self) -> bool:
        """Whether to open a shard may take a trip over the network."""
        return self.source.is_remote

    def beside(self, uri: str) -> Location | None:
        """Return the place `uri` as the source reaches it."""
        return self.source.beside(uri)


class _Stream:
    """A file of which only what is not kept is read."""

    def __init__(self, path: str, spool: Spool, ends: dict[str, int], opened: Callable[[], BinaryIO]) -> None:
        self._path, self._spool, self._ends, self._opened = path, spool, ends, opened
        self._file: BinaryIO | None = None
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all by default; none at the end only."""
        parts: list[bytes] = []
        left = size if size >= 0 else None
        while left is None or left > 0:
            kept = self._spool.find(self._path, self._place, _WHOLE if left is None else left)
            part = kept or self._fetched(_WHOLE if left is None else left)
            parts.append(part)
            self._place += len(part)
            left = None if left is None else left - len(part)
            if not part:
                break
        return b"".join(parts)

    def _fetched(self, size: int) -> bytes:
        if self._place >= self._ends.get(self._path, self._place + 1):
            return b""
        file = self._inner()
        if file.tell() != self._place:
            file.seek(self._place)
        data = file.read(self._spool.gap(self._path, self._place, size))
        if data:
            self._spool.keep(self._path, self._place, data)
        elif size and (not self._place or self._spool.find(self._path, self._place - 1, 1)):
            self._ends[self._path] = self._place
        return data

    def _inner(self) -> BinaryIO:
        if self._file is None:
            self._file = self._opened()
        return self._file

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; return it."""
        if whence == io.SEEK_END and self._path not in self._ends:
            self._ends[self._path] = self._inner().seek(0, io.SEEK_END)
        base = {io.SEEK_CUR: self._place, io.SEEK_END: self._ends.get(self._path, 0)}
        self._place = place + base.get(whence, 0)
        return self._place

    def tell(self) -> int:
        """Return how many bytes are before the place."""
        return self._place
