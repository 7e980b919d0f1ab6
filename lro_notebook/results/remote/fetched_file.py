"""A file that is read from ranges as they come."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 1_000_000  # bytes of what was read that are kept, for a reader that goes back a little


class Begins(Protocol):
    """What tells where some bytes begin."""

    start: int


Span = TypeVar("Span", bound=Begins)


class FetchedFile(Generic[Span]):
    """A binary file to read; it can be read again from any place, at the price of fetching that again.

    Parameters
    ----------
    size : int or None
        Bytes; None where that is known once all of it is here.
    take : callable
        Returns the range with the byte at a place, and its data; waits for it.
    drop : callable
        Is told which range is not needed any more.
    """

    def __init__(
        self, size: int | None, take: Callable[[int], tuple[Span, bytes]], drop: Callable[[Span], object]
    ) -> None:
        self._size, self._take, self._drop = size, take, drop
        self._place = 0
        self._here: list[tuple[Span, bytes]] = []  # in the order in which it came

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, fewer only at the end; all that is left if it is negative."""
        end = self._end() if size < 0 else min(self._place + size, self._end())
        parts: list[bytes] = []
        while self._place < end:
            span, data = self._at(self._place)
            part = data[self._place - span.start : end - span.start]
            self._place += len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place}.get(whence)
        self._place = max(0, (self._end() if base is None else base) + place)
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from any place."""
        return True

    def close(self) -> None:
        """Leave closing to whoever opened the file."""

    def _end(self) -> int:
        if self._size is None:
            self._size = len(self._at(0)[1])
        return self._size

    def _at(self, place: int) -> tuple[Span, bytes]:
        """Return the range with the byte at `place`."""
        found = next((pair for pair in reversed(self._here) if _has(*pair, place)), None)
        if found is None:
            self._make_room()
            found = self._take(place)
            self._here.append(found)
        return found

    def _make_room(self) -> None:
        """Let go of what was read, but for the last bit: before the next is waited for."""
        while self._here and sum(len(data) for _, data in self._here) > _KEPT:
            span, _ = self._here.pop(0)
            self._drop(span)


def _has(span: Begins, data: bytes, place: int) -> bool:
    return span.start <= place < span.start + len(data)
