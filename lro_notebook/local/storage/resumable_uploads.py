"""Resumable uploads: how far each one is. They end with the service."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from lro_notebook.local.core.service_errors import invalid_argument, not_found

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.local.storage.object_resource import Stored
    from lro_notebook.local.storage.object_writing import Target

#: Chunks but the last are cut to a multiple of this many bytes, as Cloud Storage does.
CHUNK = 256 << 10
_SESSIONS_MAX = 1_000
_INCOMPLETE = 308
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(?:(\d{1,18})|(\*))|\*)/(?:(\d{1,18})|\*)", re.ASCII)


class Piece(NamedTuple):
    """What a request brings.

    Attributes
    ----------
    start : int or None
        Where it starts; None for a question only.
    total : int or None
        The whole size; None if unknown.
    is_open : bool
        Whether it goes on to the end, of which it does not say where it is: ``bytes 0-*/*``, as streams do.
    """

    start: int | None
    total: int | None
    is_open: bool = False


@dataclass(slots=True)
class Session:
    """An upload in pieces.

    Attributes
    ----------
    received : int
        Bytes of its draft that count.
    is_busy : bool
        Whether a request writes to it.
    done : Stored or None
        The object that it became.
    """

    target: Target
    draft: Path
    received: int = 0
    is_busy: bool = False
    done: Stored | None = None


class Sessions:
    """The unfinished uploads of a service by their ids; of too many the oldest are given up."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def add(self, session: Session) -> str:
        """Keep an upload and return its id."""
        while len(self._sessions) >= _SESSIONS_MAX:
            self.drop(next(iter(self._sessions)))
        identifier = secrets.token_urlsafe(24)
        self._sessions[identifier] = session
        return identifier

    def get(self, identifier: str) -> Session:
        """Return an upload, which must exist."""
        session = self._sessions.get(identifier)
        if session is None:
            raise not_found("no such upload: it was cancelled, or the service was restarted; start it again")
        return session

    def drop(self, identifier: str) -> None:
        """Forget an upload and what it has brought."""
        self._sessions.pop(identifier).draft.unlink(missing_ok=True)


def piece_of(content_range: str | None) -> Piece:
    """Return what a request says that it brings; without ``Content-Range`` it is the whole."""
    if content_range is None:
        return Piece(0, None, is_open=True)
    match = _CONTENT_RANGE.fullmatch(content_range.strip())
    if match is None:
        raise invalid_argument("Content-Range: expected such as 'bytes 0-262143/*' or 'bytes */*'")
    *numbers, star, size = match.groups()
    start, end, total = (None if text is None else int(text) for text in (*numbers, size))
    if start is not None and end is not None and (start > end or (total is not None and end >= total)):
        raise invalid_argument("Content-Range: its numbers contradict each other")
    return Piece(start, total, is_open=star is not None)


def unfinished(session: Session) -> Response:
    """Return the answer to a piece that is not the last, or to a question: 308, and its ``Range``."""
    headers = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
    return Response(status_code=_INCOMPLETE, headers=headers)
