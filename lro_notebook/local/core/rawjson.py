"""Editing JSON text in place: spans of members and elements in bytes that are known to be valid.

Decimals such as ``1.00`` and the order of keys survive, since values are never rewritten. The caller must
have validated the text with `orjson.loads`; on other input the spans mean nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"?'  # an unterminated one is matched to the end, to avoid backtracking
_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(_STRING + rb"|[^\s,\]}]+", re.DOTALL)
_BRACKETS = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_SPACE_OR_STRING = re.compile(rb"(" + _STRING + rb")|[ \t\r\n]+", re.DOTALL)


class Member(NamedTuple):
    """One ``"key": value`` of an object: the start of its key, and start and end of its value."""

    key: str
    key_start: int
    start: int
    end: int


def value_end(raw: bytes, start: int) -> int:
    """Return the end of the value that starts at `start`."""
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
    """Yield the members of the object at `start` in order, including repeated keys."""
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
    """Return the member `key` of the object at `start`, the last one if the key is repeated."""
    last = None
    for candidate in members(raw, start):
        if candidate.key == key:
            last = candidate
    return last


def compact(raw: bytes) -> bytes:
    """Return `raw` on one line, without white space outside strings."""
    return _SPACE_OR_STRING.sub(rb"\1", raw)


def without(raw: bytes, keys: Container[str]) -> bytes:
    """Return the object `raw` without the members named in `keys`."""
    kept = [raw[item.key_start : item.end] for item in members(raw) if item.key not in keys]
    return b"{" + b",".join(kept) + b"}"


def meta_slot(raw: bytes, document: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return the bytes before and after the version stamp of a resource.

    ``head + b'"versionId":"1","lastUpdated":"…"' + tail`` is the resource with its stamp in ``meta``;
    an existing stamp is removed.

    Parameters
    ----------
    raw : bytes
        A JSON object without white space around it.
    document : dict
        The same object, parsed; it is not empty, and its ``meta``, if any, is an object.
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
    """Return the span of the top-level ``meta``, which must exist."""
    if raw.count(b'"meta"') == 1 and b"\\u" not in raw:
        # The object has the key, and its text occurs only once, so this is it. Scanning the members before it
        # would take longer than the rest of an import.
        start = _skip(raw, _skip(raw, raw.index(b'"meta"') + len(b'"meta"')) + 1)
        return start, value_end(raw, start)
    meta = member(raw, "meta")
    if meta is None:
        message = "the object has no top-level meta"
        raise ValueError(message)
    return meta.start, meta.end


def _skip(raw: bytes, at: int) -> int:
    """Return the position of the first character at or after `at` that is not white space."""
    space = _SPACE.match(raw, at)
    return at if space is None else space.end()


def _next(raw: bytes, end: int) -> int:
    """Return the position of the item after the one that ends at `end`, or of the closing bracket."""
    at = _skip(raw, end)
    return _skip(raw, at + 1) if raw[at] == ord(",") else at
