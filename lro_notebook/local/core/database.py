"""The service's SQLite file: schema, connections and transactions. What rows mean is not known here.

Each kind of store adds its own tables.

Write-ahead logging: one writer at a time, and any number of readers, which never wait for it. A commit
survives a killed process.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA_VERSION = 3
#: Files of these versions lack tables and indexes, which are added when they are opened.
_ADDED_TO = frozenset({0, 2})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS datasets (
    name TEXT PRIMARY KEY,
    parent TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS stores (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL REFERENCES datasets (name) ON DELETE CASCADE,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (dataset, collection, id)
);
CREATE TABLE IF NOT EXISTS operations (
    id INTEGER PRIMARY KEY,
    parent TEXT NOT NULL,
    api_version TEXT NOT NULL,
    method TEXT NOT NULL,
    resource TEXT NOT NULL,
    log TEXT NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    pending INTEGER NOT NULL DEFAULT 0,
    success INTEGER NOT NULL DEFAULT 0,
    failure INTEGER NOT NULL DEFAULT 0,
    secondary_success INTEGER NOT NULL DEFAULT 0,
    error BLOB,
    response BLOB
);
CREATE INDEX IF NOT EXISTS operations_of ON operations (parent, id);
CREATE INDEX IF NOT EXISTS operations_ended ON operations (ended);
CREATE INDEX IF NOT EXISTS operations_active ON operations (id) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS failures (
    number INTEGER PRIMARY KEY,
    operation INTEGER NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    time INTEGER NOT NULL,
    source TEXT NOT NULL,
    resource TEXT NOT NULL,
    code INTEGER NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS failures_of ON failures (operation, number);
"""

#: Tables that were added later; an older file gets them when it is opened.
_ADDED = """
CREATE TABLE IF NOT EXISTS policies (
    resource TEXT PRIMARY KEY,
    dataset TEXT REFERENCES datasets (name) ON DELETE CASCADE,
    store INTEGER REFERENCES stores (key) ON DELETE CASCADE,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS drafts (
    operation INTEGER PRIMARY KEY REFERENCES operations (id) ON DELETE CASCADE,
    units INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS object_notes (
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    generation TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS policies_of_datasets ON policies (dataset);
CREATE INDEX IF NOT EXISTS policies_of_stores ON policies (store);
"""


class Watcher(Protocol):
    """What sees the transactions that write: `script` runs first, with triggers that note what to see."""

    script: str

    def collect(self, connection: sqlite3.Connection) -> Sequence[Any]:
        """Return what a transaction has changed, just before it is committed."""

    def tell(self, collected: Sequence[Any]) -> None:
        """Tell of what was committed; called only if there is something."""


class Database:
    """Connections to one SQLite file; safe to share between threads.

    Parameters
    ----------
    path : Path
        The file; created with its schema if missing. One of an earlier version gets what it lacks.
    tables : str
        SQL that creates the tables of the kinds of stores, unless they exist.

    Raises
    ------
    ConfigError
        The file was made by another version of the package.
    """

    def __init__(self, path: Path, tables: str) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._idle: deque[sqlite3.Connection] = deque()
        self._watcher: Watcher | None = None
        try:
            self._writer = self._open()
            try:
                self._prepare(tables)
            except BaseException:
                self.close()
                raise
        except sqlite3.Error as error:
            raise ConfigError(f"{path} cannot be used as the service's data: {error}") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read one snapshot of the data, however long it takes, while others write."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run one write transaction: committed at the end, rolled back on an exception."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                seen = self._watcher.collect(self._writer) if self._watcher else ()
                self._writer.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has already rolled back.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            if self._watcher and seen:
                self._watcher.tell(seen)

    def watch(self, watcher: Watcher) -> None:
        """Let a watcher see the transactions that write, in their order."""
        self._writer.executescript(watcher.script)
        self._watcher = watcher

    def close(self) -> None:
        """Close the connections; none may be in use."""
        while self._idle:
            self._idle.pop().close()
        self._writer.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # Without a sync on each commit: a power cut may lose the last commits, a killed process none.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -65536")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _prepare(self, tables: str) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version in _ADDED_TO:
            self._writer.executescript(
                f"BEGIN; {_SCHEMA} {tables} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise ConfigError(
                f"{self._path} has schema version {version}, this program needs {SCHEMA_VERSION}; "
                "choose another data directory, or delete this one if its data is not needed"
            )
        self._writer.executescript(_ADDED)
