"""Rows of FHIR resources: current versions, older versions and deletions.

Bodies are bytes that were validated before. Only their version stamp is set here, in the transaction that
stores them, so ``lastUpdated`` follows the order of commits.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.local.fhir.search import index
from lro_notebook.local.operations.records import microseconds, timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

TABLES = """
CREATE TABLE IF NOT EXISTS resources (
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    operation INTEGER,
    body BLOB NOT NULL,
    UNIQUE (store, type, id)
);
CREATE TABLE IF NOT EXISTS history (
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    operation INTEGER,
    body BLOB,
    UNIQUE (store, type, id, version)
);
CREATE INDEX IF NOT EXISTS tombstones ON history (store, type, id, version) WHERE body IS NULL;
"""


class Incoming(NamedTuple):
    """A validated resource to be stored; its version stamp goes between `head` and `tail`.

    `document` is its content, parsed, where somebody has it: the search index needs it.
    """

    type: str
    id: str
    head: bytes
    tail: bytes
    document: Any = None

    def stamped(self, version: int, updated: str) -> bytes:
        """Return the whole resource with its stamp."""
        return b'%b"versionId":"%d","lastUpdated":"%b"%b' % (self.head, version, updated.encode(), self.tail)


class Stored(NamedTuple):
    """One version of a resource; `body` is None for a deletion. `updated` is in microseconds since 1970.

    `operation` is the number of the operation that wrote it, None if a request did.
    """

    id: str
    version: int
    updated: int
    body: bytes | None
    operation: int | None = None


def put_many(
    connection: sqlite3.Connection,
    store: int,
    incoming: Sequence[Incoming],
    *,
    operation: int | None = None,
    keeps_old: bool = True,
) -> None:
    """Store resources; the old version of an existing one moves to the history.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction that may write.
    store : int
        The key of their store.
    incoming : sequence of Incoming
        The resources; of several with the same id, the last one stays.
    operation : int, optional
        The number of the operation that stores them, None for a request.
    keeps_old : bool
        Without it the current version is replaced, or left as it is if it has the same content.
    """
    moment = microseconds()
    put = partial(_put_distinct, connection, store, moment=moment, operation=operation, keeps_old=keeps_old)
    start, seen = 0, set[tuple[str, str]]()
    for number, item in enumerate(incoming):
        key = (item.type, item.id)
        if key in seen:
            put(incoming[start:number])
            start, seen = number, set()
        seen.add(key)
    put(incoming[start:])


def delete(
    connection: sqlite3.Connection, store: int, type_: str, identifier: str, *, operation: int | None = None
) -> None:
    """Move a resource to the history and mark it as deleted; do nothing if it does not exist."""
    current = read(connection, store, type_, identifier)
    if current is None or current.body is None:
        return
    _archive(connection, [(store, type_, identifier)])
    key = (store, type_, identifier)
    connection.execute("DELETE FROM resources WHERE (store, type, id) = (?, ?, ?)", key)
    connection.execute(
        "INSERT INTO history (store, type, id, version, updated, operation, body) "
        "VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (*key, current.version + 1, microseconds(), operation),
    )


def read(connection: sqlite3.Connection, store: int, type_: str, identifier: str) -> Stored | None:
    """Return the current version of a resource, or its deletion; None if it never existed."""
    return next(iter(versions(connection, store, type_, identifier, limit=1)), None)


def read_version(
    connection: sqlite3.Connection, store: int, type_: str, identifier: str, version: int
) -> Stored | None:
    """Return one version of a resource, or None."""
    stored = next(iter(versions(connection, store, type_, identifier, before=version + 1, limit=1)), None)
    return stored if stored is not None and stored.version == version else None


def versions(
    connection: sqlite3.Connection,
    store: int,
    type_: str,
    identifier: str,
    *,
    before: int = 2**62,
    limit: int,
) -> list[Stored]:
    """Return up to `limit` versions of a resource below version `before`, newest first."""
    rows = connection.execute(
        """
        SELECT id, version, updated, body, operation FROM resources
        WHERE store = ?1 AND type = ?2 AND id = ?3 AND version < ?4
        UNION ALL
        SELECT id, version, updated, body, operation FROM history
        WHERE store = ?1 AND type = ?2 AND id = ?3 AND version < ?4
        ORDER BY version DESC LIMIT ?5
        """,
        (store, type_, identifier, before, limit),
    )
    return [Stored(*row) for row in rows]


def counts(connection: sqlite3.Connection, store: int, *, since: int | None) -> dict[str, int]:
    """Return type -> number of current resources; with `since`, only those updated after it."""
    rows = connection.execute(
        "SELECT type, count(*) FROM resources WHERE store = ?1 AND (?2 IS NULL OR updated > ?2) "
        "GROUP BY type ORDER BY type",
        (store, since),
    )
    return dict(rows.fetchall())


class Size(NamedTuple):
    """The resources of a type in a store: their number, and bytes of current and earlier versions."""

    type: str
    number: int
    current: int
    earlier: int


def sizes(connection: sqlite3.Connection, store: int) -> list[Size]:
    """Return the sizes of a store's resource types, by type."""
    rows = connection.execute(
        "SELECT type, count(*), sum(length(body)), (SELECT coalesce(sum(length(body)), 0) FROM history "
        "WHERE (history.store, history.type) = (resources.store, resources.type)) "
        "FROM resources WHERE store = ? GROUP BY type ORDER BY type",
        (store,),
    )
    return [Size(*row) for row in rows]


def bodies(
    connection: sqlite3.Connection, store: int, type_: str, *, since: int | None
) -> Iterator[tuple[str, bytes]]:
    """Yield id and body of the current resources of a type, by id; only those updated after `since`."""
    return connection.execute(
        "SELECT id, body FROM resources WHERE store = ?1 AND type = ?2 AND (?3 IS NULL OR updated > ?3) "
        "ORDER BY id",
        (store, type_, since),
    )


def changed_since(connection: sqlite3.Connection, store: int, moment: int) -> Iterator[tuple[str, str]]:
    """Yield type and id of the resources written or deleted after `moment`, by type and id."""
    return connection.execute(
        "SELECT type, id FROM resources WHERE store = ?1 AND updated > ?2 "
        "UNION SELECT type, id FROM history WHERE store = ?1 AND updated > ?2 ORDER BY type, id",
        (store, moment),
    )


def with_versions(
    connection: sqlite3.Connection, store: int, *, since: int | None = None
) -> Iterator[tuple[str, str]]:
    """Yield type and id of the resources that have a version; with `since`, one written after it."""
    return changed_since(connection, store, -1 if since is None else since)


def existing_versions(
    connection: sqlite3.Connection, store: int, type_: str, identifiers: Sequence[str]
) -> set[tuple[str, int]]:
    """Return pairs of id and version number that exist among these resources."""
    rows = connection.execute(
        "SELECT id, version FROM resources WHERE store = ?1 AND type = ?2 "
        "AND id IN (SELECT value FROM json_each(?3)) "
        "UNION ALL SELECT id, version FROM history WHERE store = ?1 AND type = ?2 "
        "AND id IN (SELECT value FROM json_each(?3))",
        (store, type_, orjson.dumps(identifiers).decode()),
    )
    return set(rows.fetchall())


def as_of(
    connection: sqlite3.Connection, store: int, type_: str, identifier: str, *, moment: int
) -> Stored | None:
    """Return the version or deletion of a resource that was current at a time; None if none was."""
    row = connection.execute(
        """
        SELECT id, version, updated, body, operation FROM resources
        WHERE store = ?1 AND type = ?2 AND id = ?3 AND updated <= ?4
        UNION ALL
        SELECT id, version, updated, body, operation FROM history
        WHERE store = ?1 AND type = ?2 AND id = ?3 AND updated <= ?4
        ORDER BY version DESC LIMIT 1
        """,
        (store, type_, identifier, moment),
    ).fetchone()
    return None if row is None else Stored(*row)


def version_counts(
    connection: sqlite3.Connection, store: int, type_: str, identifier: str, *, until: int | None
) -> tuple[int, int]:
    """Return how many current (0 or 1) and older versions a resource has, up to `until`."""
    counts = [
        connection.execute(
            f"SELECT count(*) FROM {table} WHERE store = ? AND type = ? AND id = ? "  # noqa: S608
            "AND (? IS NULL OR updated <= ?)",
            (store, type_, identifier, until, until),
        ).fetchone()[0]
        for table in ("resources", "history")
    ]
    return counts[0], counts[1]


def purge(
    connection: sqlite3.Connection, store: int, key: tuple[str, str], *, until: int | None, current: bool
) -> None:
    """Delete the old versions up to `until` for good; with `current` also the newest."""
    tables = ("history", "resources") if current else ("history",)
    for table in tables:
        connection.execute(
            f"DELETE FROM {table} WHERE store = ? AND type = ? AND id = ? "  # noqa: S608
            "AND (? IS NULL OR updated <= ?)",
            (store, *key, until, until),
        )


def insert_versions(connection: sqlite3.Connection, store: int, type_: str, rows: Sequence[Stored]) -> None:
    """Add versions with their own numbers and times; the newest of all becomes the current one."""
    connection.executemany(
        "INSERT INTO history (store, type, id, version, updated, operation, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(store, type_, row.id, row.version, row.updated, row.operation, row.body) for row in rows],
    )
    for identifier in {row.id for row in rows}:
        key = (store, type_, identifier)
        _archive(connection, [key])
        connection.execute("DELETE FROM resources WHERE (store, type, id) = (?, ?, ?)", key)
        connection.execute(
            "INSERT INTO resources (store, type, id, version, updated, operation, body) "
            "SELECT store, type, id, version, updated, operation, body FROM history "
            "WHERE (store, type, id) = (?1, ?2, ?3) AND body IS NOT NULL AND version = "
            "(SELECT max(version) FROM history WHERE (store, type, id) = (?1, ?2, ?3))",
            key,
        )
        connection.execute(
            "DELETE FROM history WHERE (store, type, id, version) IN "
            "(SELECT store, type, id, version FROM resources WHERE (store, type, id) = (?, ?, ?))",
            key,
        )
    index.keep_up(connection, store, [(type_, row.id) for row in rows])


def _put_distinct(
    connection: sqlite3.Connection,
    store: int,
    incoming: Sequence[Incoming],
    *,
    moment: int,
    operation: int | None,
    keeps_old: bool,
) -> None:
    """Store resources; no two may have the same type and id."""
    by_type: defaultdict[str, list[str]] = defaultdict(list)
    for item in incoming:
        by_type[item.type].append(item.id)
    latest: dict[tuple[str, str], int] = {}
    for type_, identifiers in by_type.items():
        latest.update(_latest(connection, store, type_, identifiers))
    if latest and keeps_old:
        _archive(connection, [(store, type_, identifier) for type_, identifier in latest])
    elif latest:
        incoming = [item for item in incoming if not _is_there(connection, store, item, latest)]
    updated = timestamp(moment)
    rows = []
    for item in incoming:
        version = latest.get((item.type, item.id), 0) + 1
        body = item.stamped(version, updated)
        rows.append((store, item.type, item.id, version, moment, operation, body))
    connection.executemany(
        "INSERT INTO resources (store, type, id, version, updated, operation, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (store, type, id) DO UPDATE "
        "SET version = excluded.version, updated = excluded.updated, operation = excluded.operation, "
        "body = excluded.body",
        rows,
    )
    index.keep_up(
        connection, store, ((item.type, item.id) for item in incoming), (item.document for item in incoming)
    )


def _is_there(
    connection: sqlite3.Connection, store: int, item: Incoming, latest: Mapping[tuple[str, str], int]
) -> bool:
    """Tell whether the current version of a resource has the same content."""
    version = latest.get((item.type, item.id))
    if version is None:
        return False
    row = connection.execute(
        "SELECT updated, body FROM resources WHERE (store, type, id, version) = (?, ?, ?, ?)",
        (store, item.type, item.id, version),
    ).fetchone()
    return row is not None and item.stamped(version, timestamp(row[0])) == bytes(row[1])


def _latest(
    connection: sqlite3.Connection, store: int, type_: str, identifiers: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Return the newest version, or deletion, of the resources that have one."""
    rows = connection.execute(
        """
        SELECT id, max(version) FROM (
            SELECT id, version FROM resources
            WHERE store = ?1 AND type = ?2 AND id IN (SELECT value FROM json_each(?3))
            UNION ALL
            SELECT id, version FROM history INDEXED BY tombstones
            WHERE store = ?1 AND type = ?2 AND id IN (SELECT value FROM json_each(?3)) AND body IS NULL
        ) GROUP BY id
        """,
        (store, type_, orjson.dumps(identifiers).decode()),
    )
    return {(type_, identifier): version for identifier, version in rows}


def _archive(connection: sqlite3.Connection, keys: Sequence[tuple[int, str, str]]) -> None:
    """Copy current versions to the history."""
    connection.executemany(
        "INSERT INTO history (store, type, id, version, updated, operation, body) "
        "SELECT store, type, id, version, updated, operation, body FROM resources "
        "WHERE (store, type, id) = (?, ?, ?)",
        keys,
    )
