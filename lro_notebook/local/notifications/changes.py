"""Which changes the notification configs of stores ask for, noted by SQLite itself as rows are written.

Temporary triggers of the writing connection note them in a temporary table, so whatever way a change takes,
it is noted, and a transaction that is rolled back has noted nothing. Resources that operations write are left
out, as Google's service does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import orjson

from lro_notebook.local.core.current_method import CAUSE
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets.stores import Store
from lro_notebook.local.hl7v2 import message_filter, rows
from lro_notebook.local.notifications.messages import Change, Message, messages_of

if TYPE_CHECKING:
    import sqlite3

#: The condition is read for single requests and for instances, never for the rows of a FHIR import.
_ASKED = "FROM stores WHERE key = NEW.store AND CAST(body AS TEXT) LIKE '%\"pubsubTopic\"%'"
_RESOURCE = "NEW.type || '/' || NEW.id, NEW.updated, NEW.version"
_BEFORE = (
    "(SELECT body FROM history WHERE (store, type, id, version) = "
    "(NEW.store, NEW.type, NEW.id, NEW.version - 1))"
)
_COLUMNS = "told (store, kind, path, updated, version, body, type)"

#: Run once on the connection that writes.
SCRIPT = f"""
CREATE TEMP TABLE told (
    number INTEGER PRIMARY KEY,
    store INTEGER NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    updated INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body BLOB,
    type TEXT
);
CREATE TEMP TRIGGER told_new AFTER INSERT ON resources WHEN NEW.operation IS NULL BEGIN
    INSERT INTO {_COLUMNS} SELECT NEW.store,
    CASE WHEN {_BEFORE} IS NULL THEN 'CreateResource' ELSE 'UpdateResource' END,
    'fhir/' || {_RESOURCE}, NEW.body, '' {_ASKED};
END;
CREATE TEMP TRIGGER told_again AFTER UPDATE ON resources WHEN NEW.operation IS NULL BEGIN
    INSERT INTO {_COLUMNS} SELECT NEW.store, 'UpdateResource',
    'fhir/' || {_RESOURCE}, NEW.body, '' {_ASKED};
END;
CREATE TEMP TRIGGER told_gone AFTER INSERT ON history
WHEN NEW.operation IS NULL AND NEW.body IS NULL BEGIN
    INSERT INTO {_COLUMNS} SELECT NEW.store, 'DeleteResource',
    'fhir/' || {_RESOURCE}, {_BEFORE}, '' {_ASKED};
END;
CREATE TEMP TRIGGER told_instance AFTER INSERT ON instances BEGIN
    INSERT INTO {_COLUMNS} SELECT NEW.store, 'instance',
    'dicomWeb/studies/' || NEW.study || '/series/' || NEW.series || '/instances/' || NEW.id,
    NEW.updated, NEW.updated, NEW.metadata, NEW.storage_class {_ASKED};
END;
CREATE TEMP TRIGGER told_message AFTER INSERT ON message_changes
WHEN NEW.operation IS NULL AND NEW.change = 'CREATE' BEGIN
    INSERT INTO {_COLUMNS} SELECT NEW.store, 'message', 'messages/' || NEW.id,
    NEW.moment, 0, NULL, '' {_ASKED};
END;
"""


def collect(connection: sqlite3.Connection) -> list[Message]:
    """Return the messages for the changes of a transaction, and forget the changes."""
    noted = connection.execute(
        "SELECT told.store, dataset || '/' || collection || '/' || stores.id, stores.body, "
        "kind, path, updated, version, told.body, type FROM told JOIN stores ON stores.key = told.store "
        "ORDER BY number"
    ).fetchall()
    connection.execute("DELETE FROM told")
    messages: list[Message] = []
    for key, name, config, kind, path, updated, version, body, type_ in noted:
        known = rows.find(connection, key, path.partition("/")[2]) if kind == "message" else None
        change = Change(
            name,
            orjson.loads(config),
            CAUSE.get(),
            kind,
            path,
            updated,
            str(version),
            body or b"",
            type_ if known is None else known.type,
        )
        matches = partial(_matches, connection, Store(key, name), path.partition("/")[2])
        messages += messages_of(change, matches)
    return messages


def _matches(connection: sqlite3.Connection, store: Store, message: str, text: str) -> bool:
    """Return whether a filter lets an HL7v2 message pass; one that cannot be read lets none."""
    try:
        clause = message_filter.compile_filter(text, rows.parser_of(connection, store).zone)
    except ServiceError:
        return False
    query = f"SELECT 1 FROM messages WHERE (store, id) = (?, ?) AND ({clause.sql})"  # noqa: S608 - compiled
    return connection.execute(query, (store.key, message, *clause.values)).fetchone() is not None
