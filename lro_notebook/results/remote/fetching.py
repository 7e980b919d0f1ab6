"""The files of one reading, fetched ahead from a remote place: in order, many requests at once, bounded.

Small files come whole, large ones in ranges of some MB, and of files whose start is enough only that. Each is
read in the state that was listed.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from lro_notebook.errors import ResultError
from lro_notebook.results.file_systems import pinned, protocols, unbuffered
from lro_notebook.results.location import cause_of, faults
from lro_notebook.results.remote.fetched_file import FetchedFile
from lro_notebook.results.remote.first_bytes import states_of
from lro_notebook.results.remote.read_errors import Reached, changed, failure
from lro_notebook.results.remote.retried_calls import Calls, Fetch, TruncatedError
from lro_notebook.results.remote.versions import Version
from lro_notebook.results.sources.source import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from lro_notebook.results.location import Location
    from lro_notebook.results.remote.retried_calls import Call
    from lro_notebook.results.shards import Shard

SMALLEST, LARGEST = 1_000_000, 8_000_000  # bytes of a range
_SECONDS = 0.5  # that a range should take: larger ones where the network is fast
_FAIR, _LONG = 4_000_000, 10.0  # bytes of a range that do no harm unless they take so many seconds
_TELLS = 250_000  # bytes; a smaller answer does not tell how fast the network is
_AHEAD = 4  # ranges ahead in a file of which more than that many heads were read: as much as was read


def next_size(size: int, count: int, seconds: float) -> int:
    """Return how large the next range is to be, after one of `count` bytes took so many seconds."""
    if count < _TELLS:
        return size
    speed = count / max(seconds, 1e-6)  # also of this machine: while it parses, answers wait
    return int(min(LARGEST, max(SMALLEST, speed * _SECONDS, min(_FAIR, speed * _LONG))))


def end_of(place: int, size: int, length: int) -> int:
    """Return where a range ends that begins at `place` of a file of `size` bytes; no small rest is left."""
    return size if size - place <= length * 5 // 4 else place + length


class Range:
    """Bytes of a file on their way, or here.

    Attributes
    ----------
    number : int
        Of the file.
    start, stop : int
        The bytes.
    """

    def __init__(self, number: int, start: int, stop: int, since: float) -> None:
        self.number, self.start, self.stop, self.since = number, start, stop, since
        self.call: Call[bytes]

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.stop - self.start


class Plan:
    """Which range is fetched next. Pure.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of the files.
    head : int
        Bytes at the start of each that are wanted at first; 0 for all.
    whole : collection of int
        Numbers of the files of which no part can be read alone.
    """

    def __init__(self, sizes: Sequence[int], head: int, whole: frozenset[int] = frozenset()) -> None:
        self._sizes, self._head, self._whole = sizes, head, whole
        self._done = [0] * len(sizes)
        self._wanted = [min(size, head) if head else size for size in sizes]
        self._at = 0
        self._promoted: dict[int, int] = {}
        self.length = SMALLEST

    def next(self) -> tuple[int, int, int] | None:
        """Return file, start and end of the range that is due, None if none is."""
        for number, until in self._promoted.items():
            if self._done[number] < until:
                return self._from(number, self._done[number])
        while self._at < len(self._sizes) and self._done[self._at] >= self._wanted[self._at]:
            self._at += 1
        return self._from(self._at, self._done[self._at]) if self._at < len(self._sizes) else None

    def at(self, number: int, place: int) -> tuple[int, int, int]:
        """Return the range to fetch for the byte `place` of a file, whatever is due."""
        return self._from(number, place)

    def issue(self, number: int, start: int, stop: int) -> None:
        """Note that a range is fetched."""
        if start == self._done[number]:
            self._done[number] = stop

    def read(self, number: int, place: int) -> None:
        """Note that a file is read from `place` on: past its head, what follows is fetched ahead too."""
        if self._head and place >= self._head * _AHEAD and place <= self._done[number]:
            self._promoted[number] = min(self._sizes[number], place + _AHEAD * self._length(place))

    def leave(self, number: int) -> None:
        """Note that no more of a file is wanted."""
        self._promoted.pop(number, None)
        self._done[number] = self._wanted[number] = self._sizes[number]

    def _from(self, number: int, place: int) -> tuple[int, int, int]:
        size = self._sizes[number]
        if number in self._whole:
            return number, 0, size
        if not self._head:
            return number, place, end_of(place, size, self.length)
        return number, place, min(size, place + self._length(place))

    def _length(self, place: int) -> int:
        """Return the length of a range where the head was not enough: it grows with what is read."""
        usual = place // _AHEAD if place >= self._head * _AHEAD else place
        return max(self._head, min(usual, self.length))


class Fetching(Streams):
    """The files of one reading: those to come are fetched while one is read.

    Parameters
    ----------
    location : Location
        The file system.
    shards : sequence of Shard
        The files, in the order in which they will be opened.
    fetch : Fetch
        How much at once.
    head : int
        Bytes at the start of each file that are probably enough; 0 for all.
    label : callable
        Returns the name that rows carry for a shard.
    """

    def __init__(
        self,
        location: Location,
        shards: Sequence[Shard],
        fetch: Fetch,
        *,
        head: int = 0,
        label: Callable[[Shard], str] | None = None,
    ) -> None:
        self._location, self._label, self._fetch = location, label, fetch
        self._shards = list({shard.path: shard for shard in shards}.values())
        self._numbers = {shard.path: number for number, shard in enumerate(self._shards)}
        versions = [shard.version or Version(shard.size) for shard in self._shards]
        whole = frozenset(n for n, version in enumerate(versions) if version.whole or not version.size)
        # A file of unknown size is asked for whole: it has one byte at least, as far as the plan knows.
        self._plan = Plan([max(shard.size, 1) for shard in self._shards], head, whole)
        self._versions, self._whole = versions, set(whole)
        self._fs = location.fs
        self._calls = Calls(self._fs, fetch)
        self._changed = threading.Condition()
        self._ranges: list[list[Range]] = [[] for _ in self._shards]
        self._flying = self._held = 0
        self._opened: set[int] = set()
        self._stopped = False
        self._sends_parts = protocols(self._fs).isdisjoint({"http", "https"})  # all others do
        self._process = os.getpid()

    def label(self, shard: Shard) -> str:
        """Return a name for `shard` that rows may carry."""
        return self._label(shard) if self._label else shard.uri

    @contextmanager
    def open(self, shard: Shard, *, block_size: int | None = None) -> Iterator[BinaryIO]:
        """Open a file; what was fetched of it is given up afterwards."""
        del block_size
        self._stay()
        number = self._numbers[shard.path]
        self._opened.add(number)
        size = None if number in self._whole else shard.size
        file = FetchedFile(size, lambda place: self._take(number, place), self._drop)
        try:
            yield cast("BinaryIO", file)
        finally:
            self._leave(number)

    def check(self) -> None:
        """Raise where a file is not what was listed any more; asks for those that were not read in one state.

        Raises
        ------
        ResultError
            One of them changed.
        """
        unsure = [
            (shard, version)
            for number, (shard, version) in enumerate(zip(self._shards, self._versions, strict=True))
            if number in self._opened and shard.version and pinned(self._fs, version.generation) is None
        ]
        now = states_of(self._location, [shard for shard, _ in unsure], self._fetch)
        for (shard, version), state in zip(unsure, now, strict=True):
            if version.differs(state):
                raise changed(shard.uri)

    def stop(self) -> None:
        """Give up all that is on its way; whoever waits for it is told."""
        if os.getpid() != self._process:  # the child of a fork has nothing of this
            return
        with self._changed:
            self._stopped = True
            ranges = [each for several in self._ranges for each in several]
            self._ranges = [[] for _ in self._shards]
            self._changed.notify_all()
        for each in ranges:
            each.call.cancel()
        self._calls.close()

    close = stop

    def _take(self, number: int, place: int) -> tuple[Range, bytes]:
        """Return the range with the byte `place` of a file; waits for it."""
        self._stay()
        with self._changed:
            self._plan.read(number, place)
            found = self._found(number, place)
            if found is None:
                # What is needed now comes whatever the bounds are, but waits its turn for a while.
                self._changed.wait_for(self._has_room, self._fetch.timeout)
                found = self._found(number, place) or self._issue(*self._plan.at(number, place))
            self._fill()
        try:
            return found, found.call.result()
        except faults() as error:
            raise self._failure(number, place, error, found.call.tries) from cause_of(
                error, self._shards[number].path
            )

    def _found(self, number: int, place: int) -> Range | None:
        is_whole = number in self._whole
        return next((r for r in self._ranges[number] if is_whole or r.start <= place < r.stop), None)

    def _has_room(self) -> bool:
        return self._flying < self._fetch.streams or self._stopped

    def _fill(self) -> None:
        """Fetch more, as much as the bounds allow."""
        with self._changed:
            while not self._stopped and self._flying < self._fetch.streams:
                due = self._plan.next()
                if due is None:
                    return
                if due[1] and not self._sends_parts:  # the first part tells
                    return
                if self._held and self._held + due[2] - due[1] > self._fetch.memory:
                    return
                self._issue(*due)

    def _issue(self, number: int, start: int, stop: int) -> Range:
        if self._stopped:
            raise ResultError("this reading was stopped; ask for the table again")
        each = Range(number, start, stop, self._fetch.clock())
        each.call = self._begin(each)
        self._plan.issue(number, start, stop)
        self._ranges[number].append(each)
        self._flying += 1
        self._held += each.size
        # Not the range itself, which would hold itself and its bytes.
        known, size, since = weakref.ref(each), each.size, each.since
        each.call.future.add_done_callback(lambda future: self._landed(known(), size, since, future))
        return each

    def _begin(self, each: Range) -> Call[bytes]:
        shard, version = self._shards[each.number], self._versions[each.number]
        is_whole = each.number in self._whole
        span = {} if is_whole else {"start": each.start, "end": each.stop}
        how = {**span, **(pinned(self._fs, version.generation) or {}), **unbuffered(self._fs)}
        return self._calls.begin(
            "cat_file", shard.path, (lambda data: data) if is_whole else exact(each), **how
        )

    def _landed(self, each: Range | None, size: int, since: float, future: Future[bytes]) -> None:
        """Note that a range is here, or will not come; after a failure no more is fetched ahead."""
        failed = future.cancelled() or future.exception() is not None
        with self._changed:
            self._flying -= 1
            if not failed:
                if each is not None:
                    self._learn(each, future.result())
                self._plan.length = next_size(self._plan.length, size, self._fetch.clock() - since)
                self._fill()
            self._changed.notify_all()

    def _learn(self, each: Range, data: bytes) -> None:
        """Note whether the file system sends parts of files; where it sends a whole one, that is it."""
        if len(data) == each.size:
            self._sends_parts |= each.size < self._shards[each.number].size
            return
        self._plan.leave(each.number)
        self._held += len(data) - each.size
        each.start, each.stop = 0, len(data)
        self._whole.add(each.number)

    def _drop(self, each: Range) -> None:
        """Give up a range that was read."""
        self._stay()
        with self._changed:
            if each in self._ranges[each.number]:
                self._ranges[each.number].remove(each)
                self._held -= each.size
            self._fill()

    def _leave(self, number: int) -> None:
        """Give up what is here and on its way of a file."""
        if os.getpid() != self._process:
            return
        with self._changed:
            ranges, self._ranges[number] = self._ranges[number], []
            self._held -= sum(each.size for each in ranges)
            self._plan.leave(number)
        for each in ranges:
            each.call.drop()
        self._fill()

    def _stay(self) -> None:
        if os.getpid() != self._process:
            raise ResultError(
                "this table was being read when the process forked, and is the parent's; ask again here"
            )

    def _failure(self, number: int, place: int, error: BaseException, tries: int) -> ResultError:
        shard, version = self._shards[number], self._versions[number]
        reached = Reached(
            place, version.size, len(self._opened) - 1, len(self._shards), tries, self._fetch.timeout
        )
        return failure(self._calls, shard, version, error, reached)

    def __enter__(self) -> Self:
        try:
            self._fill()
        except BaseException:  # an interrupt: what is on its way already must not stay
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def exact(each: Range) -> Callable[[Any], bytes]:
    """Return what takes the bytes of a range, and refuses fewer; more are the whole file."""
    size = each.size  # not the range, which would hold itself and its bytes

    def check(data: bytes) -> bytes:
        if len(data) < size:
            raise TruncatedError(f"{len(data)} of {size} bytes")
        return bytes(data)

    return check
