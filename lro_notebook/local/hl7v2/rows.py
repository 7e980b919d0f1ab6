"""Rows of HL7v2 messages and of their changes, and the JSON of messages in the API.

The id of a message is the hash of its bytes, so equal messages are one. Every function takes an open
connection. Those that write record each change with the state before it, which rollbacks use.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from lro_notebook.local.core.service_errors import not_found
from lro_notebook.local.hl7v2 import message_parser, message_schema, parser_config
from lro_notebook.local.operations.records import microseconds, timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.hl7v2.message_filter import Clause
    from lro_notebook.local.hl7v2.message_parser import Parser, Reading
    from lro_notebook.local.hl7v2.message_schema import Schema

#: The ``MessageView`` of the API: which parts of a message to return.
VIEWS = ("RAW_ONLY", "PARSED_ONLY", "FULL", "SCHEMATIZED_ONLY", "BASIC")

TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    sent INTEGER,
    facility TEXT NOT NULL,
    type TEXT NOT NULL,
    labels TEXT NOT NULL,
    patients TEXT NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (store, id)
);
CREATE INDEX IF NOT EXISTS messages_sent ON messages (store, coalesce(sent, 0), number);
CREATE TABLE IF NOT EXISTS message_changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    change TEXT NOT NULL,
    moment INTEGER NOT NULL,
    operation INTEGER,
    rollback INTEGER NOT NULL,
    created INTEGER,
    labels TEXT,
    data BLOB
);
CREATE INDEX IF NOT EXISTS message_changes_of ON message_changes (store, id);
"""

_COLUMNS = "number, id, created, sent, facility, type, labels, patients, data"

Change = Literal["CREATE", "UPDATE", "DELETE"]


class Incoming(NamedTuple):
    """A message to be stored."""

    id: str
    data: bytes
    reading: Reading
    labels: Mapping[str, str]


class Stored(NamedTuple):
    """A message of a store; `labels` and `patients` are JSON text, times are microseconds since 1970."""

    number: int
    id: str
    created: int
    sent: int | None
    facility: str
    type: str
    labels: str
    patients: str
    data: bytes


def message_id(data: bytes) -> str:
    """Return the id of the message with these bytes."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()


def encoded(data: bytes) -> str:
    """Return bytes as JSON has them, in base64."""
    return base64.b64encode(data).decode()


def parser_of(connection: sqlite3.Connection, store: Store) -> Parser:
    """Return the parser of a store, which must exist."""
    row = connection.execute(
        "SELECT stores.body, datasets.body FROM stores JOIN datasets ON stores.dataset = datasets.name "
        "WHERE stores.key = ?",
        (store.key,),
    ).fetchone()
    if row is None:
        raise not_found(f"{store.name} does not exist")
    return parser_config.parser_of(orjson.loads(row[0]), orjson.loads(row[1]))


def put_many(
    connection: sqlite3.Connection, store: int, incoming: Iterable[Incoming], *, operation: int | None
) -> None:
    """Store messages; an existing message gets the labels of the new one."""
    moment = microseconds()
    for item in incoming:
        labels = orjson.dumps(item.labels, option=orjson.OPT_SORT_KEYS).decode()
        known = find(connection, store, item.id)
        if known is None:
            _record_change(connection, store, item.id, "CREATE", operation=operation)
            _insert(connection, store, item, labels, moment)
        elif known.labels != labels:
            relabel(connection, store, known, labels, operation=operation)


def relabel(
    connection: sqlite3.Connection,
    store: int,
    known: Stored,
    labels: str,
    *,
    operation: int | None = None,
    rollback: bool = False,
) -> None:
    """Replace the labels of a message."""
    _record_change(
        connection, store, known.id, "UPDATE", operation=operation, before=known, rollback=rollback
    )
    connection.execute("UPDATE messages SET labels = ? WHERE (store, id) = (?, ?)", (labels, store, known.id))


def delete(
    connection: sqlite3.Connection,
    store: int,
    known: Stored,
    *,
    operation: int | None = None,
    rollback: bool = False,
) -> None:
    """Remove a message."""
    _record_change(
        connection, store, known.id, "DELETE", operation=operation, before=known, rollback=rollback
    )
    connection.execute("DELETE FROM messages WHERE (store, id) = (?, ?)", (store, known.id))


def find(connection: sqlite3.Connection, store: int, identifier: str) -> Stored | None:
    """Return a message, or None."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE (store, id) = (?, ?)",  # noqa: S608 - constant columns
        (store, identifier),
    ).fetchone()
    return None if row is None else Stored(*row)


def page(
    connection: sqlite3.Connection,
    store: int,
    clause: Clause,
    *,
    order: Literal["", "ASC", "DESC"],
    after: tuple[int, int] | None,
    limit: int,
) -> list[Stored]:
    """Return up to `limit` messages after the place `after`, by arrival or by send time."""
    place = "(coalesce(sent, 0), number)" if order else "(0, number)"
    direction = order or "ASC"
    where, values = clause.sql, clause.values
    if after is not None:
        where = f"{where} AND {place} {'<' if direction == 'DESC' else '>'} (?, ?)"
        values = (*values, *after)
    by = f"coalesce(sent, 0) {direction}, number {direction}" if order else "number"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE store = ? AND {where} ORDER BY {by} LIMIT ?",  # noqa: S608 - built of constants
        (store, *values, limit),
    )
    return [Stored(*row) for row in rows]


def place_of(message: Stored, order: str) -> tuple[int, int]:
    """Return the place of a message in an order, for the page after it."""
    return (message.sent or 0) if order else 0, message.number


def count(connection: sqlite3.Connection, store: int, clause: Clause) -> int:
    """Return the number of messages that match a condition."""
    row = connection.execute(
        f"SELECT count(*) FROM messages WHERE store = ? AND {clause.sql}",  # noqa: S608 - built of constants
        (store, *clause.values),
    ).fetchone()
    return int(row[0])


def by_send_time(connection: sqlite3.Connection, store: int, clause: Clause) -> Iterator[Stored]:
    """Yield the messages that match a condition, by send time."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE store = ? AND {clause.sql} "  # noqa: S608 - built of constants
        "ORDER BY coalesce(sent, 0), number",
        (store, *clause.values),
    )
    return (Stored(*row) for row in rows)


def resource(message: Stored, view: str, parser: Parser, store_name: str) -> dict[str, Any]:
    """Return a message as the API shows it in a view."""
    name = f"{store_name}/messages/{message.id}"
    if view == "BASIC":
        return {"name": name}
    shown: dict[str, Any] = {"name": name}
    if view in ("RAW_ONLY", "FULL"):
        shown["data"] = encoded(message.data)
    shown["sendFacility"] = message.facility
    if message.sent is not None:
        shown["sendTime"] = timestamp(message.sent)
    shown["messageType"] = message.type
    shown["createTime"] = timestamp(message.created)
    if patients := orjson.loads(message.patients):
        shown["patientIds"] = patients
    if labels := orjson.loads(message.labels):
        shown["labels"] = labels
    if view in ("PARSED_ONLY", "FULL"):
        shown["parsedData"] = message_parser.parsed(message.data, parser)
    if parser.schema is not None and view in ("SCHEMATIZED_ONLY", "FULL"):
        shown["schematizedData"] = _schematized(message.data, parser, parser.schema)
    return shown


def _schematized(data: bytes, parser: Parser, schema: Schema) -> dict[str, str]:
    segments, marks = message_parser.segments(data, parser)
    if marks is None:
        return {"error": "the message has no header"}
    try:
        schematized = message_schema.schematized(segments, marks, schema)
    except message_parser.ParseError as parse_error:
        return {"error": str(parse_error)}
    return {"data": orjson.dumps(schematized).decode()}


def sizes(connection: sqlite3.Connection, store: int) -> list[tuple[str, int, int]]:
    """Return number and bytes of the messages of each type in a store."""
    rows = connection.execute(
        "SELECT type, count(*), sum(length(data)) FROM messages WHERE store = ? GROUP BY type ORDER BY type",
        (store,),
    )
    return rows.fetchall()


class Undo(NamedTuple):
    """The state that a rollback restores for a message; None means that it did not exist."""

    id: str
    created: int | None
    labels: str | None
    data: bytes | None


def changed(
    connection: sqlite3.Connection,
    store: int,
    *,
    since: int,
    change: str | None,
    operations: Sequence[int],
    exclude_rollbacks: bool,
    only: Sequence[str] | None,
) -> list[Undo]:
    """Return the state of each message before the first of the chosen changes after `since`.

    Messages that are in that state now are left out.
    """
    rows = connection.execute(
        """
        SELECT before.id, before.created, before.labels, before.data FROM (
        SELECT id, created, labels, data, min(number) AS first FROM message_changes
        WHERE store = ?1 AND moment > ?2 AND (?3 IS NULL OR change = ?3)
        AND (?4 = '[]' OR operation IN (SELECT value FROM json_each(?4)))
        AND (NOT ?5 OR NOT rollback)
        AND (?6 IS NULL OR id IN (SELECT value FROM json_each(?6)))
        GROUP BY id
        ) AS before LEFT JOIN messages ON messages.store = ?1 AND messages.id = before.id
        WHERE before.labels IS NOT messages.labels ORDER BY before.first
        """,
        (
            store,
            since,
            change,
            orjson.dumps(list(operations)).decode(),
            exclude_rollbacks,
            None if only is None else orjson.dumps(list(only)).decode(),
        ),
    )
    return [Undo(*row) for row in rows]


def undo(
    connection: sqlite3.Connection, store: int, items: Iterable[Undo], parser: Parser, *, operation: int
) -> None:
    """Restore messages to an earlier state, and record the changes as those of a rollback."""
    for item in items:
        known = find(connection, store, item.id)
        if item.created is None or item.labels is None:
            if known is not None:
                delete(connection, store, known, operation=operation, rollback=True)
        elif known is not None:
            relabel(connection, store, known, item.labels, operation=operation, rollback=True)
        else:
            data = item.data if item.data is not None else _data_of(connection, store, item.id)
            _record_change(connection, store, item.id, "CREATE", operation=operation, rollback=True)
            message = Incoming(item.id, data, message_parser.read(data, parser), {})
            _insert(connection, store, message, item.labels, item.created)


def _data_of(connection: sqlite3.Connection, store: int, identifier: str) -> bytes:
    """Return the bytes of a deleted message, which its deletion kept."""
    row = connection.execute(
        "SELECT data FROM message_changes WHERE (store, id) = (?, ?) AND data IS NOT NULL LIMIT 1",
        (store, identifier),
    ).fetchone()
    data: bytes = row[0]
    return data


def _insert(connection: sqlite3.Connection, store: int, item: Incoming, labels: str, created: int) -> None:
    reading = item.reading
    connection.execute(
        "INSERT INTO messages (store, id, created, sent, facility, type, labels, patients, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            store,
            item.id,
            created,
            reading.sent,
            reading.facility,
            reading.type,
            labels,
            orjson.dumps(reading.patients).decode(),
            item.data,
        ),
    )


def _record_change(
    connection: sqlite3.Connection,
    store: int,
    identifier: str,
    change: Change,
    *,
    operation: int | None,
    before: Stored | None = None,
    rollback: bool = False,
) -> None:
    """Record a change; only a deletion keeps the bytes, since otherwise the message has them."""
    connection.execute(
        "INSERT INTO message_changes (store, id, change, moment, operation, rollback, created, labels, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            store,
            identifier,
            change,
            microseconds(),
            operation,
            rollback,
            None if before is None else before.created,
            None if before is None else before.labels,
            before.data if before is not None and change == "DELETE" else None,
        ),
    )
