"""What ``_include`` and ``_revinclude`` add to a page of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.search.parameter_expressions import target_of, walker

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from lro_notebook.local.fhir.rows import Stored
    from lro_notebook.local.fhir.search.conditions import Place
    from lro_notebook.local.fhir.search.query import Include

#: No page gets more than this added.
INCLUDED_MAX = 10_000


class Resource(NamedTuple):
    """A resource and its type."""

    type: str
    stored: Stored


def included(
    connection: sqlite3.Connection,
    place: Place,
    matches: Sequence[Resource],
    includes: Sequence[Include],
    *,
    store: str,
) -> list[Resource]:
    """Return what to add to `matches`, each resource once, and up to one more than `INCLUDED_MAX`."""
    seen = {(each.type, each.stored.id) for each in matches}
    added: list[Resource] = []
    latest, chosen = list(matches), list(includes)
    while latest and chosen and len(added) <= INCLUDED_MAX:
        fresh: list[Resource] = []
        for include in chosen:
            find = _referring if include.reverse else _referred
            for type_, identifier in find(connection, place, latest, include, store):
                if (type_, identifier) in seen or len(added) + len(fresh) > INCLUDED_MAX:
                    continue
                seen.add((type_, identifier))
                stored = rows.read(connection, place.store, type_, identifier)
                if stored is not None and stored.body is not None:
                    fresh.append(Resource(type_, stored))
        added += fresh
        latest, chosen = fresh, [include for include in includes if include.iterate]
    return added


def _referred(
    _connection: sqlite3.Connection, _place: Place, latest: Sequence[Resource], include: Include, store: str
) -> Iterator[tuple[str, str]]:
    """Yield type and id of what resources refer to."""
    for resource in latest:
        chosen = [each for each in include.indexed if each.type == resource.type]
        document = orjson.loads(resource.stored.body or b"null") if chosen else None
        for each in chosen:
            for value, _ in walker(each.parameter.expression, each.type)(document):
                text = value.get("reference") if isinstance(value, dict) else value
                target = target_of(text) if ":" not in str(text) or f"/{store}/fhir/" in str(text) else None
                if target is not None and include.target in ("", target[0]):
                    yield target


def _referring(
    connection: sqlite3.Connection, place: Place, latest: Sequence[Resource], include: Include, _: str
) -> Iterator[tuple[str, str]]:
    """Yield type and id of what refers to resources."""
    for type_ in sorted({resource.type for resource in latest if include.target in ("", resource.type)}):
        ids = [resource.stored.id for resource in latest if resource.type == type_]
        for each in include.indexed:
            found = connection.execute(
                "SELECT DISTINCT r.id FROM json_each(?) j CROSS JOIN search_texts s CROSS JOIN resources r "
                "WHERE s.parameter = ? AND s.text = j.value AND s.extra = ? AND r.rowid = s.resource "
                "ORDER BY r.rowid LIMIT ?",
                (
                    orjson.dumps(ids).decode(),
                    place.keys[each.type, each.parameter.name],
                    type_,
                    INCLUDED_MAX + 1,
                ),
            )
            for (identifier,) in found:
                yield each.type, identifier
