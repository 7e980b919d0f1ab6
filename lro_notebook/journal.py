"""What this machine has started: one SQLite file that survives the kernel.

A row is written *before* a start request is sent and completed when its answer comes; a row that
never got one is an operation that may or may not run. The row holds an allow-list (method, path,
URIs, types, times), never a request body: bodies can hold keys or patient data. A journal that
cannot be written warns once and never fails an operation.

No WAL: home directories may be network mounts. A connection lives for one call.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import LroWarning, warn_caller
from lro_notebook.resource import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMA = """
CREATE TABLE IF NOT EXISTS started (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    source TEXT,
    destination TEXT,
    types TEXT,
    since TEXT,
    requested TEXT NOT NULL,
    name TEXT,
    state TEXT NOT NULL,
    ended TEXT
);
CREATE INDEX IF NOT EXISTS started_name ON started (name);
"""
_COLUMNS = "service, method, target, source, destination, types, since, requested, name, state, ended"
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartRecord:
    """What was asked for when an operation was started.

    Attributes
    ----------
    service : str
        Which service it went to: an endpoint, or ``local:`` and the folder of an embedded service.
    method : str
        What it does, such as ``fhirStores.export`` or the HTTP verb.
    target : str
        The resource that it was sent to.
    source, destination : str or None
        URIs or resource names that it reads from and writes to.
    types : tuple of str
        Resource types that it is limited to; empty for all.
    since : str or None
        RFC 3339 time that it is limited to.
    requested : datetime
        When the request was about to be sent, UTC.
    name : str or None
        The operation's name, once answered.
    state : str
        The last state that this machine saw; UNKNOWN while no answer has come.
    ended : datetime or None
        When the operation was seen to end, UTC.
    """

    service: str
    method: str
    target: str
    requested: datetime
    source: str | None = None
    destination: str | None = None
    types: tuple[str, ...] = ()
    since: str | None = None
    name: str | None = None
    state: str = "UNKNOWN"
    ended: datetime | None = None


def default_path() -> Path:
    """Return where the journal is: ``LRO_NOTEBOOK_STATE_DIR``, or the platform's state directory."""
    import platformdirs  # noqa: PLC0415 - not needed before the first start

    folder = os.environ.get("LRO_NOTEBOOK_STATE_DIR")
    return (Path(folder) if folder else platformdirs.user_state_path("lro_notebook")) / "journal.sqlite3"


def _record(row: tuple[Any, ...]) -> StartRecord:
    service, method, target, source, destination, types, since, requested, name, state, ended = row
    return StartRecord(
        service=service,
        method=method,
        target=target,
        requested=parse_timestamp(requested) or _LONG_AGO,
        source=source,
        destination=destination,
        types=tuple(types.split(",")) if types else (),
        since=since,
        name=name,
        state=state,
        ended=parse_timestamp(ended),
    )


class Journal:
    """The journal in one file; may be used from any thread and by several kernels at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._warned = threading.Event()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path or default_path()

    def intend(self, record: StartRecord) -> int | None:
        """Write that a start request is about to be sent; return the row's id, None if it failed."""
        values = (
            record.service,
            record.method,
            record.target,
            record.source,
            record.destination,
            ",".join(record.types) or None,
            record.since,
            format_timestamp(record.requested),
            None,
            "UNKNOWN",
            None,
        )
        row = self._write(f"INSERT INTO started ({_COLUMNS}) VALUES ({','.join('?' * len(values))})", values)  # noqa: S608
        return row or None

    def answered(self, row: int | None, name: str) -> None:
        """Complete `row`: the service accepted the request as operation `name`."""
        if row is not None:
            self._write("UPDATE started SET name = ?, state = 'PENDING' WHERE id = ?", (name, row))

    def refused(self, row: int | None) -> None:
        """Remove `row`: the service refused the request, nothing was started."""
        if row is not None:
            self._write("DELETE FROM started WHERE id = ?", (row,))

    def ended(self, name: str, state: str, moment: datetime, *, service: str) -> None:
        """Note that operation `name` was seen to end."""
        self._write(
            "UPDATE started SET state = ?, ended = ? WHERE name = ? AND service = ?",
            (state, format_timestamp(moment), name, service),
        )

    def find(self, name: str, *, service: str, loopback: bool = False) -> StartRecord | None:
        """Return what was asked for when operation `name` of `service` was started from this machine.

        On `loopback` the name alone decides: a local service changes its port, and its operations' ids are
        never given twice.
        """
        anywhere = "OR service LIKE 'local:%' OR service LIKE 'http://%'" if loopback else ""
        clause = f"WHERE name = ? AND (service = ? {anywhere}) ORDER BY id DESC LIMIT 1"
        return next(self._read(clause, (name, service)), None)

    def all(self) -> list[StartRecord]:
        """Return every row, oldest first."""
        return list(self._read("ORDER BY id", ()))

    def _connect(self) -> sqlite3.Connection:
        path = self.path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=5.0)
        connection.executescript(_SCHEMA)
        return connection

    def _write(self, sql: str, values: tuple[Any, ...]) -> int:
        """Carry out one statement; return the last row id, 0 where the journal cannot be written."""
        try:
            with closing(self._connect()) as connection, connection:
                return connection.execute(sql, values).lastrowid or 0
        except (sqlite3.Error, OSError) as error:
            self._complain(error)
            return 0

    def _read(self, clause: str, values: tuple[Any, ...]) -> Iterator[StartRecord]:
        if not self.path.exists():
            return
        try:
            with closing(self._connect()) as connection:
                rows = connection.execute(f"SELECT {_COLUMNS} FROM started {clause}", values).fetchall()  # noqa: S608
        except (sqlite3.Error, OSError) as error:
            self._complain(error)
            return
        yield from map(_record, rows)

    def _complain(self, error: Exception) -> None:
        _log.info("journal: %s", error)
        if not self._warned.is_set():
            self._warned.set()
            warn_caller(
                f"the journal {self.path} cannot be used ({error}); operations go on, but lro.started() will "
                "not show them. Set LRO_NOTEBOOK_STATE_DIR to a folder that can be written.",
                LroWarning,
            )
