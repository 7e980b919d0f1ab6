"""The search index: what of resources is kept to find them by, in tables beside theirs.

A parameter of a resource type is indexed from the first search that needs it, and then kept up by each write,
in its transaction. Stores that nobody searches have no index. Triggers take out what is replaced or deleted.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir.search.parameter_expressions import walker
from lro_notebook.local.fhir.search.parameters import Parameter
from lro_notebook.local.fhir.search.values import Kept, keeper

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

#: Raise it when a value is kept otherwise than before: an index of another version is made anew.
_VERSION = 2
#: Resources that one transaction of `build` reads.
BUILD_STEP = 2000

#: `at_updated` and `at_resource` say which resource was indexed last; NULL once all are.
TABLES = """
CREATE INDEX IF NOT EXISTS resources_updated ON resources (store, type, updated);
CREATE TABLE IF NOT EXISTS search_parameters (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    definition BLOB NOT NULL,
    at_updated INTEGER,
    at_resource INTEGER,
    UNIQUE (store, type, name)
);
CREATE TABLE IF NOT EXISTS search_texts (
    parameter INTEGER NOT NULL,
    text TEXT NOT NULL,
    extra TEXT NOT NULL,
    updated INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    PRIMARY KEY (parameter, text, extra, updated, resource)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS search_texts_of ON search_texts (resource, parameter);
CREATE TABLE IF NOT EXISTS search_ranges (
    parameter INTEGER NOT NULL,
    low NUMERIC NOT NULL,
    high NUMERIC NOT NULL,
    text TEXT NOT NULL,
    extra TEXT NOT NULL,
    updated INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    PRIMARY KEY (parameter, low, high, text, extra, updated, resource)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS search_ranges_high ON search_ranges (parameter, high);
CREATE INDEX IF NOT EXISTS search_ranges_of ON search_ranges (resource, parameter);
CREATE TRIGGER IF NOT EXISTS search_parameter_deleted AFTER DELETE ON search_parameters BEGIN
    DELETE FROM search_texts WHERE parameter = old.key;
    DELETE FROM search_ranges WHERE parameter = old.key;
END;
CREATE TRIGGER IF NOT EXISTS search_resource_deleted AFTER DELETE ON resources
WHEN EXISTS (SELECT 1 FROM search_parameters WHERE store = old.store AND type = old.type) BEGIN
    DELETE FROM search_texts WHERE resource = old.rowid;
    DELETE FROM search_ranges WHERE resource = old.rowid;
END;
CREATE TRIGGER IF NOT EXISTS search_resource_replaced AFTER UPDATE OF body ON resources
WHEN EXISTS (SELECT 1 FROM search_parameters WHERE store = old.store AND type = old.type) BEGIN
    DELETE FROM search_texts WHERE resource = old.rowid;
    DELETE FROM search_ranges WHERE resource = old.rowid;
END;
"""

_INSERT_TEXT = (
    "INSERT OR IGNORE INTO search_texts (parameter, text, extra, updated, resource) VALUES (?, ?, ?, ?, ?)"
)
_INSERT_RANGE = (
    "INSERT OR IGNORE INTO search_ranges (parameter, low, high, text, extra, updated, resource) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Indexed(NamedTuple):
    """A parameter of a resource type, as the index has it; `key` is 0 where it has not."""

    type: str
    parameter: Parameter
    key: int = 0


class _Row(NamedTuple):
    """A resource to index: its row, the time of its change, and its content."""

    number: int
    updated: int
    document: Any


#: Resource type and name of a parameter -> its key, of those that are wholly indexed.
Keys = dict[tuple[str, str], int]


def keys(connection: sqlite3.Connection, store: int, needed: Collection[Indexed]) -> Keys | None:
    """Return the keys of the parameters that a search needs; None if one is not wholly indexed yet."""
    rows = connection.execute(
        "SELECT type, name, key, definition FROM search_parameters WHERE store = ? AND at_updated IS NULL",
        (store,),
    )
    found = {(type_, name): (key, definition) for type_, name, key, definition in rows}
    result: Keys = {}
    for each in needed:
        place = (each.type, each.parameter.name)
        key, definition = found.get(place, (0, b""))
        if definition != _definition(each.parameter):
            return None
        result[place] = key
    return result


def build(connection: sqlite3.Connection, store: int, needed: Collection[Indexed], *, limit: int) -> None:
    """Index up to `limit` more resources of each type; `keys` tells when all are."""
    by_type: defaultdict[str, list[Parameter]] = defaultdict(list)
    for each in needed:
        by_type[each.type].append(each.parameter)
    for type_, parameters in by_type.items():
        _register(connection, store, type_, parameters)
        _build_type(connection, store, type_, {each.name for each in parameters}, limit)


def keep_up(
    connection: sqlite3.Connection,
    store: int,
    written: Iterable[tuple[str, str]],
    documents: Iterable[Any] = (),
) -> None:
    """Index resources that were just written, by all the parameters that their types have in the index.

    Parameters
    ----------
    connection : sqlite3.Connection
        In the transaction that wrote them.
    store : int
        The key of their store.
    written : iterable of tuple
        Type and id of each.
    documents : iterable, optional
        The parsed content of each, in the same order; None where it must be read.
    """
    of_store = _registered(connection, store)
    if not of_store:
        return
    by_type: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for (type_, identifier), document in zip_longest(written, documents):
        if type_ in of_store:
            by_type[type_][identifier] = document
    for type_, by_id in by_type.items():
        rows = connection.execute(
            "SELECT id, rowid, updated FROM resources "
            "WHERE store = ? AND type = ? AND id IN (SELECT value FROM json_each(?))",
            (store, type_, orjson.dumps(list(by_id)).decode()),
        ).fetchall()
        _index(
            connection,
            store,
            of_store[type_],
            (
                _Row(number, updated, by_id[identifier] or _document(connection, number))
                for identifier, number, updated in rows
            ),
        )


def _document(connection: sqlite3.Connection, number: int) -> Any:
    (body,) = connection.execute("SELECT body FROM resources WHERE rowid = ?", (number,)).fetchone()
    return orjson.loads(body)


def _register(
    connection: sqlite3.Connection, store: int, type_: str, parameters: Sequence[Parameter]
) -> None:
    """Begin to index parameters; one that is defined otherwise than before begins anew."""
    for each in parameters:
        definition = _definition(each)
        place = (store, type_, each.name)
        connection.execute(
            "DELETE FROM search_parameters WHERE (store, type, name) = (?, ?, ?) AND definition != ?",
            (*place, definition),
        )
        connection.execute(
            "INSERT OR IGNORE INTO search_parameters "
            "(store, type, name, definition, at_updated, at_resource) VALUES (?, ?, ?, ?, ?, 0)",
            (*place, definition, -(2**62)),
        )


def _build_type(
    connection: sqlite3.Connection, store: int, type_: str, names: Collection[str], limit: int
) -> None:
    unfinished = connection.execute(
        "SELECT name, at_updated, at_resource FROM search_parameters "
        "WHERE store = ? AND type = ? AND at_updated IS NOT NULL",
        (store, type_),
    ).fetchall()
    places = {(updated, number) for name, updated, number in unfinished if name in names}
    if not places:
        return
    start = min(places)
    together = {name for name, *place in unfinished if tuple(place) == start}
    rows = [
        _Row(number, updated, orjson.loads(body))
        for number, updated, body in connection.execute(
            "SELECT rowid, updated, body FROM resources INDEXED BY resources_updated "
            "WHERE store = ? AND type = ? AND (updated, rowid) > (?, ?) ORDER BY updated, rowid LIMIT ?",
            (store, type_, *start, limit),
        )
    ]
    chosen = [each for each in _registered(connection, store)[type_] if each.parameter.name in together]
    _index(connection, store, chosen, rows)
    place = (rows[-1].updated, rows[-1].number) if len(rows) == limit else (None, None)
    connection.executemany(
        "UPDATE search_parameters SET at_updated = ?, at_resource = ? WHERE key = ?",
        [(*place, each.key) for each in chosen],
    )


def _registered(connection: sqlite3.Connection, store: int) -> Mapping[str, list[Indexed]]:
    """Return the parameters that writes keep up, by resource type."""
    by_type: defaultdict[str, list[Indexed]] = defaultdict(list)
    rows = connection.execute("SELECT type, key, definition FROM search_parameters WHERE store = ?", (store,))
    for type_, key, definition in rows:
        version, *fields = orjson.loads(definition)
        if version == _VERSION:
            code, kind, expression, targets, systems, flavour = fields
            parameter = Parameter(code, kind, expression, tuple(targets), tuple(systems), flavour)
            by_type[type_].append(Indexed(type_, parameter, key))
    return by_type


def _definition(parameter: Parameter) -> bytes:
    """Return all that what is kept depends on."""
    return orjson.dumps(
        [
            _VERSION,
            parameter.code,
            parameter.kind,
            parameter.expression,
            parameter.targets,
            parameter.systems,
            parameter.flavour,
        ]
    )


def _index(
    connection: sqlite3.Connection, store: int, chosen: Sequence[Indexed], rows: Iterable[_Row]
) -> None:
    """Keep what the parameters find in resources of one type."""
    texts: list[tuple[Any, ...]] = []
    ranges: list[tuple[Any, ...]] = []
    own = f"/{stores.name_of(connection, store)}/fhir/"
    walks = [
        (key, walker(each.expression, type_, each.systems), keeper(each, own)) for type_, each, key in chosen
    ]
    kept = Kept()
    for number, updated, document in rows:
        for key, walk, keep in walks:
            found = walk(document)
            if not found:
                continue
            keep(found, kept)
            if kept.texts:
                texts += [(key, text, extra, updated, number) for text, extra in kept.texts]
                kept.texts.clear()
            if kept.ranges:
                ranges += [(key, *each, updated, number) for each in kept.ranges]
                kept.ranges.clear()
    connection.executemany(_INSERT_TEXT, texts)
    connection.executemany(_INSERT_RANGE, ranges)


def distinct(needed: Iterable[Indexed]) -> Iterator[Indexed]:
    """Yield each parameter of each type once."""
    seen: set[tuple[str, str]] = set()
    for each in needed:
        place = (each.type, each.parameter.name)
        if place not in seen:
            seen.add(place)
            yield each
