"""How deep JSON may nest in what is stored, so that it can be exported, and its export loaded. Pure."""

from __future__ import annotations

import re

#: Levels of objects and lists. Less than orjson writes (254) and the loader reads (400), since a resource
#: comes in Bundles too; the parsers of protobuf, which Google's service is built with, end at 100.
MOST = 200
REASON = f"its objects and lists nest more than {MOST} levels deep"

_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_SHORT = 100_000
_TOKEN = re.compile(rb'[\[{]|([\]}])|"(?:[^"\\]|\\.)*+"', re.DOTALL)


def is_too_deep(text: bytes, most: int = MOST) -> bool:
    """Tell whether a JSON text nests more than `most` levels deep."""
    if text.count(b"{") + text.count(b"[") <= most:
        return False
    shape = text.translate(None, _OTHERS)
    for _ in range(most // 2 if len(shape) < _SHORT else 0):  # each turn takes two levels away at most
        shape = shape.replace(b"[]", b"").replace(b"{}", b"")
        if not shape:
            return False
    level = 0
    for token in _TOKEN.finditer(text):
        if token[1]:
            level -= 1
        elif text[token.start()] != ord('"'):
            level += 1
            if level > most:
                return True
    return False
