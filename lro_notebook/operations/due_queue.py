"""`DueQueue`: what is due when. Pure: it knows neither clocks nor threads, and its user holds a lock."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
_SPARE = 64  # entries that no longer count, beside as many as there are items, before the heap is rebuilt


class DueQueue(Generic[T]):
    """Items, each with the moment when it is due; hashable, each in it once.

    A heap. An item that is put in again, or taken out, leaves its old entry behind, which no longer counts.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._entries: dict[T, tuple[float, int]] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries)

    def put(self, item: T, due: float) -> None:
        """Have `item` due at `due`, instead of when it was due before."""
        number = next(self._numbers)
        self._entries[item] = (due, number)
        heapq.heappush(self._heap, (due, number, item))
        if len(self._heap) > 2 * len(self._entries) + _SPARE:
            self._heap = [(due, number, item) for item, (due, number) in self._entries.items()]
            heapq.heapify(self._heap)

    def discard(self, item: T) -> None:
        """Take `item` out, if it is there."""
        self._entries.pop(item, None)

    @property
    def first_due(self) -> float | None:
        """When the first item is due; None where there is none."""
        while self._heap and not self._counts():
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[tuple[float, T]]:
        """Take out what is due at `now`: each with the moment when it was due, the earliest first."""
        taken = []
        while (due := self.first_due) is not None and due <= now:
            item = heapq.heappop(self._heap)[2]
            del self._entries[item]
            taken.append((due, item))
        return taken

    def due_by(self, moment: float) -> Iterator[T]:
        """Iterate over what is due by `moment`, in no particular order."""
        return (item for item, (due, _) in self._entries.items() if due <= moment)

    def clear(self) -> None:
        """Take everything out."""
        self._heap.clear()
        self._entries.clear()

    def _counts(self) -> bool:
        """Tell whether the first entry of the heap is the one that counts for its item."""
        _, number, item = self._heap[0]
        return self._entries.get(item, (0.0, -1))[1] == number
