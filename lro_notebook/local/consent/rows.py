"""Rows of a consent store: attribute definitions, artifacts, consents and user data mappings.

Every function takes an open connection and does no other I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import orjson

from lro_notebook.local.consent.rules import mapped
from lro_notebook.local.core.service_errors import ServiceError, not_found
from lro_notebook.local.datasets.stores import already_exists

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from lro_notebook.local.consent.rules import Mapped
    from lro_notebook.local.datasets.stores import Store

TABLES = """
CREATE TABLE IF NOT EXISTS consent_items (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (store, collection, id)
);
"""

Collection = Literal["attributeDefinitions", "consentArtifacts", "consents", "userDataMappings"]
Item = dict[str, Any]


def add(
    connection: sqlite3.Connection,
    store: Store,
    collection: Collection,
    identifier: str,
    body: Mapping[str, Any],
) -> Item:
    """Insert an item and return it; raise if the id exists."""
    name = f"{store.name}/{collection}/{identifier}"
    item = {"name": name, **{key: value for key, value in body.items() if key != "name"}}
    cursor = connection.execute(
        "INSERT INTO consent_items (store, collection, id, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (store.key, collection, identifier, orjson.dumps(item)),
    )
    if cursor.rowcount != 1:
        raise already_exists(name)
    return item


def get(connection: sqlite3.Connection, store: Store, collection: Collection, identifier: str) -> Item:
    """Return an item, which must exist."""
    row = connection.execute(
        "SELECT body FROM consent_items WHERE (store, collection, id) = (?, ?, ?)",
        (store.key, collection, identifier),
    ).fetchone()
    if row is None:
        raise _item_not_found(store, collection, identifier)
    item: Item = orjson.loads(row[0])
    return item


def replace(connection: sqlite3.Connection, store: Store, collection: Collection, item: Item) -> Item:
    """Replace an item, which must exist, and return it."""
    connection.execute(
        "UPDATE consent_items SET body = ? WHERE (store, collection, id) = (?, ?, ?)",
        (orjson.dumps(item), store.key, collection, item["name"].rpartition("/")[2]),
    )
    return item


def delete(connection: sqlite3.Connection, store: Store, collection: Collection, identifier: str) -> None:
    """Remove an item, which must exist."""
    cursor = connection.execute(
        "DELETE FROM consent_items WHERE (store, collection, id) = (?, ?, ?)",
        (store.key, collection, identifier),
    )
    if cursor.rowcount != 1:
        raise _item_not_found(store, collection, identifier)


def page(
    connection: sqlite3.Connection, store: int, collection: Collection, *, after: int = 0, limit: int = -1
) -> list[tuple[int, Item]]:
    """Return up to `limit` items after row `after`, in the order of their creation; all without a limit."""
    rows = connection.execute(
        "SELECT number, body FROM consent_items WHERE store = ? AND collection = ? AND number > ? "
        "ORDER BY number LIMIT ?",
        (store, collection, after, limit),
    )
    return [(number, orjson.loads(body)) for number, body in rows]


def mappings(connection: sqlite3.Connection, store: int) -> list[Mapped]:
    """Return the user data mappings that are not archived, with the defaults of their attributes."""
    defaults = {
        item["name"].rpartition("/")[2]: item["dataMappingDefaultValue"]
        for _, item in page(connection, store, "attributeDefinitions")
        if item.get("dataMappingDefaultValue")
    }
    items = page(connection, store, "userDataMappings")
    return [mapped(item, defaults) for _, item in items if not item.get("archived")]


def consents(connection: sqlite3.Connection, store: int) -> list[Item]:
    """Return the consents of a store."""
    return [item for _, item in page(connection, store, "consents")]


def _item_not_found(store: Store, collection: Collection, identifier: str) -> ServiceError:
    return not_found(
        f"{store.name}/{collection}/{identifier[:80]} does not exist; "
        f"list them with GET {store.name}/{collection}"
    )
