"""How deep what comes from outside may be nested: one bound for JSON texts and for expressions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Objects and lists within each other in a JSON text. orjson writes 254 at most, and what is stored gets a
#: few more around it: pages, bundles, names.
JSON_LIMIT = 200
#: Brackets within each other in an expression.
BRACKET_LIMIT = 32


class Unreadable(ValueError):
    """The text is no JSON, or nested too deep; its message says so without the text."""


def loads(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text.

    Raises
    ------
    Unreadable
        It is not valid, or nested deeper than `JSON_LIMIT`.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not valid JSON at character {error.pos}") from error
    # Counting is fast, and nearly every text has fewer brackets than the limit or is flat.
    if raw.count(b"{") + raw.count(b"[") > JSON_LIMIT and _is_deep(value):
        raise Unreadable(f"nested deeper than {JSON_LIMIT} objects and lists")
    return value


def _is_deep(value: object) -> bool:
    """Return whether a value is nested deeper than the limit; level by level, so without recursion."""
    level = [value]
    for _ in range(JSON_LIMIT):
        level = [item for one in level for item in _items(one) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def is_bracketed_deep(marks: Iterable[str], opening: str = "([", closing: str = ")]") -> bool:
    """Return whether brackets among `marks` stand deeper within each other than `BRACKET_LIMIT`."""
    depth = 0
    for mark in marks:
        if mark in opening:
            depth += 1
            if depth > BRACKET_LIMIT:
                return True
        elif mark in closing:
            depth -= 1
    return False
