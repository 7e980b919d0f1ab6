"""Multipart bodies (RFC 2046): the parts of one that came, and one to send. Pure.

Lines may end in a line feed alone, as `gcsfs` sends them; the first boundary tells which.
"""

from __future__ import annotations

import re
from email.message import Message
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterable, Mapping

#: Most bytes in the header of a part.
_HEAD_MAX = 64 << 10
_PARTS_MAX = 10_000


class MultipartError(ValueError):
    """Why a body cannot be taken apart."""


class Part(NamedTuple):
    """A part of a body: its headers, with names in lower case, and where its content is."""

    headers: Mapping[str, str]
    start: int
    stop: int


def parameters_of(header: str) -> tuple[str, dict[str, str]]:
    """Return the media type of a ``Content-Type`` or one entry of ``Accept``, and its parameters.

    Names are in lower case, values as they are without quotes.
    """
    message = Message()
    message["content-type"] = header
    pairs = message.get_params([], unquote=True)
    given = {name.lower(): value for name, value in pairs[1:]}
    return (pairs[0][0].strip().lower() if pairs else ""), given


def parts(body: bytes | mmap.mmap, boundary: str) -> list[Part]:
    """Return the parts of a body.

    Raises
    ------
    MultipartError
        It has no boundary, no end, or a part without a header.
    """
    mark = b"--" + boundary.encode("latin-1", "replace")
    place = 0 if body[: len(mark)] == mark else body.find(b"\n" + mark) + 1
    if not boundary or (place == 0 and body[: len(mark)] != mark):
        raise MultipartError("the boundary of its Content-Type is not in it")
    line = b"\r\n" if body[place + len(mark) : place + len(mark) + 2] == b"\r\n" else b"\n"
    found: list[Part] = []
    while body[place + len(mark) : place + len(mark) + 2] != b"--":
        if len(found) == _PARTS_MAX:
            raise MultipartError(f"it has more than {_PARTS_MAX:,} parts")
        start = body.find(line, place + len(mark)) + len(line)
        # An empty part may begin with the line end that its boundary is made of.
        stop = _end(body, line, mark, start - len(line))
        if start < len(line) or stop == -1:
            raise MultipartError("it ends before its last boundary")
        found.append(_part(body, start, stop, line))
        place = stop + len(line)
    return found


def written(pieces: Iterable[tuple[str, bytes]], boundary: str) -> Iterable[bytes]:
    """Yield a body of parts, each of a ``Content-Type`` and its content."""
    mark = b"--" + boundary.encode()
    for kind, content in pieces:
        yield mark + f"\r\nContent-Type: {kind}\r\n\r\n".encode()
        yield content
        yield b"\r\n"
    yield mark + b"--\r\n"


def _end(body: bytes | mmap.mmap, line: bytes, mark: bytes, start: int) -> int:
    """Return where the next boundary begins, with the line end before it; -1 if there is none."""
    found = re.compile(re.escape(line + mark) + b"(?:--|" + line + b")").search(body, start)
    return -1 if found is None else found.start()


def _part(body: bytes | mmap.mmap, start: int, stop: int, line: bytes) -> Part:
    if body[start : start + len(line)] == line:  # no headers
        return Part({}, start + len(line), max(stop, start + len(line)))
    end = body.find(line + line, start, min(stop + len(line), start + _HEAD_MAX))
    if end == -1:
        raise MultipartError("a part has no empty line after its header")
    headers = {}
    for text in re.split(rb"\r?\n", body[start:end]):
        name, _, value = text.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Part(headers, end + 2 * len(line), max(stop, end + 2 * len(line)))
