"""References between the resources of a store: what there is, what is missing, and who refers to what."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator

    from lro_notebook.local.fhir.interactions.store_settings import Settings

#: `Patient/1` and `Patient/1/_history/2`, alone or at the end of an address.
_LOCAL = re.compile(
    r"(?P<base>https?://.+/fhir/)?(?P<type>[A-Z][A-Za-z]{0,63})/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/(?P<version>\d{1,18}))?",
    re.ASCII,
)
_EXTENSIONS = frozenset({"extension", "modifierExtension"})
#: What is in a Bundle refers to the Bundle's own addresses.
_OPAQUE = frozenset({"Bundle"})
#: More names than this are not looked for one by one.
_LOOKED_FOR = 5
_MENTION = re.compile(rb'"(?:[^"\\]*/)?([A-Z][A-Za-z]{0,63}/[A-Za-z0-9.-]{1,64})(?:/_history/\d+)?"')


class Target(NamedTuple):
    """What a reference leads to; `version` is 0 for the current one."""

    type: str
    id: str
    version: int = 0


def texts(document: Any, *, extensions: bool = True) -> Iterator[str]:
    """Yield the references in a resource, as they are written."""
    if isinstance(document, dict):
        if document.get("resourceType") in _OPAQUE:
            return
        for key, value in document.items():
            if key == "reference" and isinstance(value, str):
                yield value
            elif isinstance(value, dict | list) and (extensions or key not in _EXTENSIONS):
                yield from texts(value, extensions=extensions)
    elif isinstance(document, list):
        for each in document:
            yield from texts(each, extensions=extensions)


def target(text: str, store: str) -> Target | None:
    """Return what a reference leads to within a store; None for one that leads elsewhere."""
    match = _LOCAL.fullmatch(text)
    if match is None or (match["base"] and not match["base"].endswith(f"/{store}/fhir/")):
        return None
    return Target(match["type"], match["id"], int(match["version"] or 0))


def missing(connection: sqlite3.Connection, settings: Settings, documents: Iterable[Any]) -> list[Target]:
    """Return what resources refer to and the store does not have."""
    wanted: dict[Target, None] = {}
    for document in documents:
        for text in texts(document, extensions=settings.parses_extensions):
            found = target(text, settings.store.name)
            if found is not None:
                wanted[found] = None
    by_type: defaultdict[str, set[str]] = defaultdict(set)
    for each in wanted:
        by_type[each.type].add(each.id)
    there: set[tuple[str, str, int]] = set()
    for type_, ids in by_type.items():
        there |= _present(connection, settings.store.key, type_, ids)
    return [each for each in wanted if each not in there]


def _present(
    connection: sqlite3.Connection, store: int, type_: str, ids: Collection[str]
) -> set[tuple[str, str, int]]:
    """Return the versions that are there, and as version 0 what is there now."""
    listed = orjson.dumps(sorted(ids)).decode()
    found = set()
    for table in ("resources", "history"):
        rows = connection.execute(
            f"SELECT id, version FROM {table} WHERE store = ? AND type = ? AND body IS NOT NULL "  # noqa: S608
            "AND id IN (SELECT value FROM json_each(?))",
            (store, type_, listed),
        )
        for identifier, version in rows:
            found.add((type_, identifier, version))
            if table == "resources":
                found.add((type_, identifier, 0))
    return found


def referring(
    connection: sqlite3.Connection, settings: Settings, names: Collection[str]
) -> Iterator[tuple[str, str, Any]]:
    """Yield type, id and content of the resources that refer to one of `names`, such as ``Patient/1``.

    This reads the whole store, since references are nowhere kept beside the resources.
    """
    mentions, values = "1", tuple[bytes, ...]()
    if len(names) <= _LOOKED_FOR:  # SQLite looks for a few texts much faster than this can for any
        mentions = " OR ".join(["instr(body, ?) > 0"] * len(names))
        values = tuple(name.encode() for name in names)
    rows = connection.execute(
        f"SELECT type, id, body FROM resources WHERE store = ? AND ({mentions}) ORDER BY type, id",  # noqa: S608
        (settings.store.key, *values),
    )
    wanted = {name.encode() for name in names}
    for type_, identifier, body in rows:
        if not wanted.isdisjoint(match[1] for match in _MENTION.finditer(body)):
            document = orjson.loads(body)
            if any(_leads_to(text, settings, names) for text in _texts(document, settings)):
                yield type_, identifier, document


def _texts(document: Any, settings: Settings) -> Iterator[str]:
    return texts(document, extensions=settings.parses_extensions)


def _leads_to(text: str, settings: Settings, names: Collection[str]) -> bool:
    found = target(text, settings.store.name)
    return found is not None and f"{found.type}/{found.id}" in names
