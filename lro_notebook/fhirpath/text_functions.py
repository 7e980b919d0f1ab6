"""The functions on text."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ResultError
from lro_notebook.fhirpath import regex
from lro_notebook.fhirpath.function import Function, Items, one
from lro_notebook.fhirpath.values import Item

if TYPE_CHECKING:
    from collections.abc import Callable


def _join(items: Items, separator: str = "") -> Items:
    texts = [item.value for item in items]
    if not all(isinstance(text, str) for text in (*texts, separator)):
        raise ResultError("join() needs text")
    return [Item(separator.join(texts), "string")]


def _text(name: str, change: Callable[..., Any]) -> Callable[..., Items]:
    """Return a function of one text as a function of collections."""

    def run(items: Items, *arguments: Any) -> Items:
        if not items:
            return []
        value = one(items, f"{name}()").value
        if not isinstance(value, str):
            raise ResultError(f"{name}() needs text")
        result = change(value, *arguments)
        return [] if result is None else [Item(result, "boolean" if isinstance(result, bool) else None)]

    return run


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


def _several(name: str, change: Callable[..., list[str]]) -> Callable[..., Items]:
    """Return a function of one text to several as a function of collections."""
    whole = _text(name, change)

    def run(items: Items, *arguments: Any) -> Items:
        return [Item(part) for result in whole(items, *arguments) for part in result.value]

    return run


def _regex(name: str, run: Callable[..., Any]) -> Callable[..., Items]:
    """Return a function of one text that takes a regular expression."""

    def checked(text: str, pattern: str, *more: str) -> Any:
        if not all(isinstance(argument, str) for argument in (pattern, *more)):
            raise TypeError
        if reason := regex.problem(pattern):
            raise ResultError(f"{name}(): {reason}")
        try:
            return run(text, pattern, *more)
        except ValueError as error:
            raise ResultError(f"{name}(): {error}") from error

    return _text(name, checked)


def _coded(name: str, codings: dict[str, Callable[[str], str]]) -> Callable[..., Items]:
    """Return a function whose argument names one of several codings of text."""

    def change(text: str, coding: str) -> str | None:
        if coding not in codings:
            raise ResultError(f"{name}() takes {', '.join(map(repr, codings))}")
        try:
            return codings[coding](text)
        except ValueError:  # the text is not in that coding
            return None

    return _text(name, change)


def _row(name: str, change: Callable[..., Any], *arguments: Any, gives: str, **more: Any) -> Function:
    """Return the row of a function of one text."""
    return Function(name, _text(name, change), arguments, gives=gives, **more)


_ENCODE: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "urlbase64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
}
_DECODE: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64decode(text, validate=True).decode(),
    "urlbase64": lambda text: base64.urlsafe_b64decode(text).decode(),
    "hex": lambda text: bytes.fromhex(text).decode(),
}
_ESCAPE: dict[str, Callable[[str], str]] = {
    "html": html.escape,
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}
_UNESCAPE: dict[str, Callable[[str], str]] = {
    "html": html.unescape,
    "json": lambda text: str(json.loads(f'"{text}"')),
}

ROWS = (
    _row("length", len, gives="integer", views=True),
    _row("indexOf", str.find, "value", gives="integer"),
    _row("lastIndexOf", str.rfind, "value", gives="integer"),
    _row("contains", lambda text, part: part in text, "value", gives="boolean", views=True),
    _row("startsWith", str.startswith, "value", gives="boolean", views=True),
    _row("endsWith", str.endswith, "value", gives="boolean", views=True),
    Function("matches", _regex("matches", regex.matches), ("pattern",), gives="boolean", views=True),
    Function(
        "replaceMatches",
        _regex("replaceMatches", regex.replaced),
        ("pattern", "value"),
        gives="string",
        views=True,
    ),
    _row("replace", str.replace, "value", "value", gives="string", views=True),
    _row("substring", _substring, "value", "value", min_arguments=1, gives="string", views=True),
    _row("lower", str.lower, gives="string", views=True),
    _row("upper", str.upper, gives="string", views=True),
    _row("trim", str.strip, gives="string", views=True),
    Function("join", _join, ("value",), min_arguments=0, gives="string", views=True),
    Function(
        "split", _several("split", lambda text, mark: text.split(mark) if mark else list(text)), ("value",)
    ),
    Function("toChars", _several("toChars", list)),
    Function("encode", _coded("encode", _ENCODE), ("value",), gives="string"),
    Function("decode", _coded("decode", _DECODE), ("value",), gives="string"),
    Function("escape", _coded("escape", _ESCAPE), ("value",), gives="string"),
    Function("unescape", _coded("unescape", _UNESCAPE), ("value",), gives="string"),
)
