"""Which state of an object was listed, so that another one is never taken for it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping


class Version(NamedTuple):
    """The state of an object, as its file system tells it.

    Attributes
    ----------
    size : int or None
        Bytes.
    generation : str or None
        The number that Cloud Storage gives to each state.
    tag : str or None
        The ETag.
    written : datetime or None
        When.
    whole : bool
        Whether no part of it can be read alone: its server sends none, or it is decompressed on its way. Then
        the size need not be that of what comes.
    """

    size: int | None = None
    generation: str | None = None
    tag: str | None = None
    written: datetime | None = None
    whole: bool = False

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Self:
        """Return the state that the `info` of fsspec tells of."""
        size, generation = info.get("size"), info.get("generation")
        tag = next((str(info[key]).strip('"') for key in ("ETag", "etag") if info.get(key)), None)
        return cls(
            None if size is None else int(size),
            None if generation is None else str(generation),
            tag,
            moment_of(info),
            info.get("contentEncoding") == "gzip" or info.get("partial") is False,
        )

    def differs(self, other: Version) -> bool:
        """Tell whether `other` is another state: by what both tell, the surest first."""
        for name in ("generation", "tag"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None:
                return bool(mine != theirs)
        pairs = ((self.size, other.size), (self.written, other.written))
        return any(mine is not None and theirs is not None and mine != theirs for mine, theirs in pairs)


def moment_of(info: Mapping[str, Any]) -> datetime | None:
    """Return when a file was written; file systems of fsspec say it in several ways."""
    keys = ("mtime", "updated", "LastModified", "last_modified", "Last-Modified")
    value = next((info[key] for key in keys if info.get(key)), None)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return parse_timestamp(value) or _moment_of_header(value) if isinstance(value, str) else None


def _moment_of_header(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        return None
