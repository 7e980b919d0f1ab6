"""Limits on how deep JSON and expressions from outside may nest, so that recursion has a bound. Pure.

Within these limits, whatever is stored can be exported, and the export loaded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Levels of objects and lists. Less than orjson writes (254) and the loader reads (400), since a resource
#: comes in Bundles too; the parsers of protobuf, which Google's service is built with, end at 100.
MAX_DEPTH = 200
#: Depth of nested brackets in an expression.
MAX_BRACKETS = 32
REASON = f"its objects and lists nest more than {MAX_DEPTH} levels deep"

_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_SHORT = 100_000
_TOKEN = re.compile(rb'[\[{]|([\]}])|"(?:[^"\\]|\\.)*+"?+', re.DOTALL)  # a string may lack its end


def is_too_deep(text: bytes, limit: int = MAX_DEPTH) -> bool:
    """Tell whether a JSON text nests more than `limit` levels deep."""
    if text.count(b"{") + text.count(b"[") <= limit:
        return False
    shape = text.translate(None, _OTHERS)
    for _ in range(limit // 2 if len(shape) < _SHORT else 0):  # each turn takes two levels away at most
        shape = shape.replace(b"[]", b"").replace(b"{}", b"")
        if not shape:
            return False
    level = 0
    for token in _TOKEN.finditer(text):
        if token[1]:
            level -= 1
        elif text[token.start()] != ord('"'):
            level += 1
            if level > limit:
                return True
    return False


class Unreadable(ValueError):
    """The text is not JSON, or nests too deep; the message says which, without quoting the text."""


def loads(text: bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    Unreadable
        It is not valid, or nests more than `MAX_DEPTH` levels deep.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not valid JSON at character {error.pos}") from error
    if is_too_deep(text):
        raise Unreadable(REASON)
    return value


def has_deep_brackets(marks: Iterable[str]) -> bool:
    """Tell whether the brackets among `marks` nest more than `MAX_BRACKETS` deep."""
    level = 0
    for mark in marks:
        level += (mark in ("(", "[")) - (mark in (")", "]"))
        if level > MAX_BRACKETS:
            return True
    return False
