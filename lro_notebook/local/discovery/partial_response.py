"""Partial responses: the fields that ``fields=`` selects, such as ``nextPageToken,operations(name,done)``.

A ``/`` or ``.`` goes into a message, parentheses select several of its fields, ``*`` is every field. A list
is selected from item by item.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lro_notebook.local.discovery.document import Document

#: Field -> what is selected of it; None is all of it.
Selection = dict[str, "Selection | None"]

EVERY = "*"
_NAME = re.compile(r"[A-Za-z0-9_@$-]+|\*", re.ASCII)
_MAX_LENGTH = 10_000
_MAX_DEPTH = 50


class SelectionError(ValueError):
    """A selection cannot be read, or names a field that is not there."""


def parse(text: str) -> Selection:
    """Return the selection that a text describes."""
    selection: Selection = {}
    for path in _Parser(text).paths():
        _add(selection, path)
    return selection


def select(data: Any, selection: Selection | None) -> Any:
    """Return the selected part of a JSON value."""
    if selection is None:
        return data
    if isinstance(data, list):
        return [select(item, selection) for item in data]
    if not isinstance(data, dict):
        return data
    if EVERY not in selection:
        return {key: select(value, selection[key]) for key, value in data.items() if key in selection}
    every = selection[EVERY]
    return {
        key: select(value, _either(selection[key], every) if key in selection else every)
        for key, value in data.items()
    }


def checked(selection: Selection, document: Document, schema: str, path: str = "") -> Selection:
    """Return the selection by JSON names; raise if a message of `schema` does not have a field."""
    fields = document.fields(schema)
    found: Selection = {}
    for name, inner in selection.items():
        field = fields.get(name)
        if field is None and name != EVERY:
            raise _no_such(f"{path}{name}")
        part = inner
        if field is not None and inner is not None and field.type != "any":
            if field.is_message and field.many != "map":
                part = checked(inner, document, field.type, f"{path}{name}.")
            elif field.many != "map":
                raise _no_such(f"{path}{name}.{next(iter(inner))}")
        key = name if field is None else field.name
        found[key] = _either(found[key], part) if key in found else part
    return found


def _no_such(path: str) -> SelectionError:
    return SelectionError(
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path[:200]}'."
    )


class _Parser:
    """Reads the paths of a selection from its text."""

    def __init__(self, text: str) -> None:
        if len(text) > _MAX_LENGTH:
            raise SelectionError(f"'fields' is longer than {_MAX_LENGTH} characters")
        self._text = text.replace(" ", "")
        self._place = 0

    def paths(self) -> Iterator[tuple[str, ...]]:
        """Yield the path of each field that is selected."""
        yield from self._items(())
        if self._place < len(self._text):
            raise self._unexpected()

    def _items(self, outer: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield from self._item(outer)
        while self._take(","):
            yield from self._item(outer)

    def _item(self, outer: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        path = (*outer, self._name())
        while self._take("/") or self._take("."):
            path = (*path, self._name())
        if len(path) > _MAX_DEPTH:
            raise SelectionError(f"'fields' goes more than {_MAX_DEPTH} levels deep")
        if not self._take("("):
            yield path
            return
        yield from self._items(path)
        if not self._take(")"):
            raise self._unexpected()

    def _name(self) -> str:
        match = _NAME.match(self._text, self._place)
        if match is None:
            raise self._unexpected()
        self._place = match.end()
        return match[0]

    def _take(self, mark: str) -> bool:
        is_next = self._text.startswith(mark, self._place)
        self._place += is_next
        return is_next

    def _unexpected(self) -> SelectionError:
        found = self._text[self._place : self._place + 1]
        return SelectionError(
            f"'fields' has an unexpected {found!r} at position {self._place}"
            if found
            else "'fields' ends too early"
        )


def _add(selection: Selection, path: tuple[str, ...]) -> None:
    """Add a path to a selection, unless it has all of a message on the way."""
    for name in path[:-1]:
        inner = selection.setdefault(name, {})
        if inner is None:
            return
        selection = inner
    selection[path[-1]] = None


def _either(one: Selection | None, other: Selection | None) -> Selection | None:
    """Return what either of two selections selects."""
    if one is None or other is None:
        return None
    return {
        key: _either(one[key], other[key]) if key in one and key in other else {**one, **other}[key]
        for key in {**one, **other}
    }
