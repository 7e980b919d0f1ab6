"""Whose files they are: of which operation, by name, by folder, by time. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lro_notebook.results.location import Location

_WAYS: tuple[Literal["operation", "path", "time"], ...] = ("operation", "path", "time")
_SKEW = timedelta(seconds=1)  # the clocks of the service and of the storage differ

#: When an operation ran: from its start to its end, None where that is not known.
Span = tuple[datetime | None, datetime | None]


class _File(Protocol):
    @property
    def path(self) -> str: ...

    @property
    def operation(self) -> str | None: ...

    @property
    def written(self) -> datetime | None: ...


class Owned(NamedTuple):
    """How files are told to be an operation's.

    Attributes
    ----------
    id : str
        The id of the operation.
    span : pair of datetime
        When it ran.
    by : {"operation", "path", "time"}
        Whether their names begin with the id, have it as a word in their path below the place or, since none
        does, when they were written.
    """

    id: str
    span: Span
    by: Literal["operation", "path", "time"]

    def holds(self, file: _File, location: Location) -> bool:
        """Tell whether `file` is one of them."""
        if self.by == "operation" or file.operation is not None:
            return self.by == "operation" and file.operation == self.id
        if self.by == "path":
            return is_named(self.id, location.within(file.path))
        return any(self.span) and _within(file.written, self.span)


def owned(wanted: str, span: Span, files: Sequence[_File], location: Location) -> Owned | None:
    """Return how to tell those of `files` that the operation `wanted` wrote; None if none is told to be."""
    ways = (Owned(wanted, span, by) for by in _WAYS)
    return next((way for way in ways if any(way.holds(file, location) for file in files)), None)


def is_named(wanted: str, path: str) -> bool:
    """Tell whether an id stands as a word in a path."""
    return re.search(rf"(?:^|[/_.-]){re.escape(wanted)}(?:[/_.-]|$)", path) is not None


def operations(files: Iterable[_File]) -> list[str]:
    """Return the ids of the operations that wrote `files`, newest first."""
    last: defaultdict[str, datetime] = defaultdict(lambda: datetime.min.replace(tzinfo=UTC))
    for file in files:
        if file.operation is not None:
            last[file.operation] = max(last[file.operation], file.written or last[file.operation])
    return sorted(last, key=lambda name: (last[name], name), reverse=True)


def _within(written: datetime | None, span: Span) -> bool:
    begin, end = span
    if written is None:
        return False
    return (begin is None or written >= begin - _SKEW) and (end is None or written <= end + _SKEW)
