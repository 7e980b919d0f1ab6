"""Which method of the API a request is for, by its HTTP method and path."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from lro_notebook.local.discovery.document import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lro_notebook.local.discovery.document import Method

#: The keys of a node beside the words of paths: a parameter, and the methods that end here.
_ANY, _HERE = "{}", ""

_Node = dict[str, Any]


def method_at(http_method: str, path: str) -> Method | None:
    """Return the method at an address, such as ``GET`` and ``/v1/projects/p/locations/l``, or None."""
    _, version, *parts = path.split("/") if path.count("/") > 1 else ("", "")
    tree = _trees().get(version)
    return None if tree is None else _find(tree, _cut(parts), 0, http_method)


@cache
def _trees() -> dict[str, _Node]:
    return {version: _tree(document(version).methods.values()) for version in ("v1", "v1beta1")}


def _tree(methods: Iterable[Method]) -> _Node:
    root: _Node = {}
    for method in methods:
        node = root
        for part in _cut(method.path.split("/")):
            node = node.setdefault(_ANY if part.startswith("{") else part, {})
        node.setdefault(_HERE, {})[method.http_method] = method
    return root


def _cut(parts: list[str]) -> list[str]:
    """Return the parts of a path, with the custom verb of the last one as a part of its own."""
    last, mark, verb = parts[-1].rpartition(":")
    return [*parts[:-1], last, f":{verb}"] if mark else parts


def _find(node: _Node, parts: Sequence[str], place: int, http_method: str) -> Method | None:
    """Return the method below a node; a word goes before a parameter, if it leads to one."""
    if place == len(parts):
        found: Method | None = node.get(_HERE, {}).get(http_method)
        return found
    part = parts[place]
    word = node.get(part) if part else None
    if word is not None:
        method = _find(word, parts, place + 1, http_method)
        if method is not None:
            return method
    other = node.get(_ANY) if part and not part.startswith(":") else None
    return None if other is None else _find(other, parts, place + 1, http_method)
