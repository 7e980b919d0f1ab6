"""Cutting JSON text without changing it: spans of members and elements in bytes that are known to be valid.

A decimal such as ``1.00`` and the order of keys survive, since no value is ever written again. The
caller has validated the text (`orjson.loads`); on other input the spans mean nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"?'  # one without an end is taken whole, and not looked for again
_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(_STRING + rb"|[^\s,\]}]+", re.DOTALL)
_BRACKETS = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_SPACE_OR_STRING = re.compile(rb"(" + _STRING + rb")|[ \t\r\n]+", re.DOTALL)


class Member(NamedTuple):
    """One ``"key": value`` of an object: where its key starts, where its value starts and ends."""

    key: str
    key_start: int
    start: int
    end: int


def value_end(raw: bytes, start: int) -> int:
    """Return where the value that starts at `start` ends."""
    if raw[start] not in b"{[":
        scalar = _SCALAR.match(raw, start)
        return start if scalar is None else scalar.end()
    depth = 0
    for token in _BRACKETS.finditer(raw, start):
        mark = raw[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        if depth == 0:
            return token.end()
    return len(raw)


def members(raw: bytes, start: int = 0) -> Iterator[Member]:
    """Yield the members of the object at `start`, in their order, repeated keys included."""
    at = _skip(raw, _skip(raw, start) + 1)
    while raw[at] != ord("}"):
        key_end = value_end(raw, at)
        value = _skip(raw, _skip(raw, key_end) + 1)
        end = value_end(raw, value)
        yield Member(orjson.loads(raw[at:key_end]), at, value, end)
        at = _next(raw, end)


def elements(raw: bytes, start: int = 0) -> Iterator[bytes]:
    """Yield the text of each element of the array at `start`."""
    at = _skip(raw, _skip(raw, start) + 1)
    while raw[at] != ord("]"):
        end = value_end(raw, at)
        yield raw[at:end]
        at = _next(raw, end)


def member(raw: bytes, key: str, start: int = 0) -> Member | None:
    """Return the member `key` of the object at `start`; the last one where the key is repeated."""
    found = None
    for candidate in members(raw, start):
        if candidate.key == key:
            found = candidate
    return found


def compact(raw: bytes) -> bytes:
    """Return `raw` on one line: white space outside strings is left out, nothing else changes."""
    return _SPACE_OR_STRING.sub(rb"\1", raw)


def without(raw: bytes, keys: Container[str]) -> bytes:
    """Return the object `raw` without the members named in `keys`."""
    kept = [raw[item.key_start : item.end] for item in members(raw) if item.key not in keys]
    return b"{" + b",".join(kept) + b"}"


def meta_slot(raw: bytes, document: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return what comes before and after the version stamp of a resource.

    ``head + b'"versionId":"1","lastUpdated":"…"' + tail`` is the resource with its stamp in ``meta``;
    a stamp that it brought along is gone.

    Parameters
    ----------
    raw : bytes
        A JSON object without white space around it.
    document : dict
        The same object, parsed; it is not empty, and its ``meta``, where there is one, is an object.
    """
    meta = document.get("meta")
    if meta is None:
        return b'{"meta":{', b"}," + raw[1:].lstrip()
    start, end = _meta_span(raw)
    if "versionId" in meta or "lastUpdated" in meta:
        value = without(raw[start:end], ("versionId", "lastUpdated"))
    else:
        value = raw[start:end]
    rest = value[1:].lstrip()
    tail = rest if rest == b"}" else b"," + rest
    return raw[:start] + b"{", tail + raw[end:]


def with_id(raw: bytes, identifier: str) -> bytes:
    """Return the object `raw` with its ``id`` set to `identifier`."""
    value = orjson.dumps(identifier)
    old = member(raw, "id")
    if old is not None:
        return raw[: old.start] + value + raw[old.end :]
    rest = raw[1:].lstrip()
    return b'{"id":' + value + (b"" if rest == b"}" else b",") + rest


def _meta_span(raw: bytes) -> tuple[int, int]:
    """Return the span of the top-level ``meta``, which exists."""
    if raw.count(b'"meta"') == 1 and b"\\u" not in raw:
        # The parsed object has the key and its text occurs once, unescaped: this is it. Scanning the
        # members in front of it would take longer than the rest of an import.
        start = _skip(raw, _skip(raw, raw.index(b'"meta"') + len(b'"meta"')) + 1)
        return start, value_end(raw, start)
    found = member(raw, "meta")
    if found is None:
        message = "the object has no top-level meta"
        raise ValueError(message)
    return found.start, found.end


def _skip(raw: bytes, at: int) -> int:
    """Return the place of the first character from `at` on that is no white space."""
    space = _SPACE.match(raw, at)
    return at if space is None else space.end()


def _next(raw: bytes, end: int) -> int:
    """Return where the next item starts after one that ended at `end`, or the closing bracket."""
    at = _skip(raw, end)
    return _skip(raw, at + 1) if raw[at] == ord(",") else at
