"""What this machine has started, and what it has watched: one SQLite file that survives the kernel.

A row is written *before* a start request is sent and completed when its answer comes; a row that
never got one is an operation that may or may not run. The row holds an allow-list (method, path,
URIs, types, times), never a request body: bodies can hold keys or patient data. A journal that
cannot be written warns once and never fails an operation.

Rows stay for `KEPT_FOR`, and the newest `KEPT` for ever.
No WAL: home directories may be network mounts. A connection lives for one call.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook import forking
from lro_notebook.errors import LroWarning, warn_caller
from lro_notebook.operations.resource import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Row = tuple[Any, ...]  # the id, and `_COLUMNS`

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
    ended TEXT,
    origin TEXT,
    outputs TEXT
);
CREATE INDEX IF NOT EXISTS started_name ON started (name);
"""
_COLUMNS = (
    "service, method, target, source, destination, types, since, requested, name, state, ended, "
    "origin, outputs"
)
COLUMNS = tuple(_COLUMNS.split(", "))
#: As text, whatever somebody has put there: SQLite's columns take values of any type.
_SELECT = f"SELECT id, {', '.join(f'CAST({column} AS TEXT)' for column in COLUMNS)} FROM started"  # noqa: S608 - ours
#: Columns that older versions of this package did not make.
_ADDED = ("origin", "outputs")
_INSERT = f"INSERT INTO started ({_COLUMNS})"
KEPT, KEPT_FOR = 100_000, timedelta(days=400)  # rows, and how long, that stay whatever comes
PRUNE_EVERY, PRUNE_MOST = 100, 2_000  # starts from one look at what is old to the next; rows that it looks at
PAGE = 20_000  # rows that are read at once: what another start may have to wait for
#: The last: in the words of SQLite on a file whose schema is garbage.
_FAULTS = (sqlite3.Error, OSError, UnicodeError)
_NO_ROW = (1 << 63) - 1  # no id is larger
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
        API method, such as ``fhirStores.export``, or HTTP method and collection.
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
    outputs : tuple of tuple
        The places that its body named for output: URI, role, field and format of each, as
        `results.places.Place` has them.
    origin : str
        ``started``, or ``watched`` for one that somebody else started: then `requested` is when it was first
        watched, and `service` with its name is all that it takes to ask again.
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
    outputs: tuple[tuple[str, str, str, str | None], ...] = ()
    origin: str = "started"


def default_path() -> Path:
    """Return where the journal is: ``LRO_NOTEBOOK_STATE_DIR``, or the platform's state directory."""
    with forking.undivided():
        import platformdirs

    folder = os.environ.get("LRO_NOTEBOOK_STATE_DIR")
    return (Path(folder) if folder else platformdirs.user_state_path("lro_notebook")) / "journal.sqlite3"


def _record(row: Row) -> StartRecord:
    _, service, method, target, source, destination, types, since, requested, name, state, ended, *new = row
    origin, outputs = new
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
        outputs=_places(outputs),
        origin=origin or "started",
    )


def _values(record: StartRecord) -> Row:
    return (
        record.service,
        record.method,
        record.target,
        record.source,
        record.destination,
        ",".join(record.types) or None,
        record.since,
        format_timestamp(record.requested),
        record.name,
        record.state,
        format_timestamp(record.ended) if record.ended else None,
        record.origin,
        json.dumps(record.outputs) if record.outputs else None,
    )


def _places(text: str | None) -> tuple[tuple[str, str, str, str | None], ...]:
    """Return the places that a row holds; none where it is not what this package has written."""
    try:
        listed = json.loads(text or "[]")
        return tuple((str(uri), str(role), str(field), form) for uri, role, field, form in listed)
    except (ValueError, TypeError, RecursionError):
        return ()


def _storable(value: Any) -> Any:
    """Return `value`; of a text, what is no Unicode is escaped, since SQLite cannot hold it."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _text(value: bytes) -> str:
    return value.decode(errors="replace")  # one bad byte must not hide the other rows


def _missing(connection: sqlite3.Connection) -> list[str]:
    """Return the columns that the file lacks, since an older version of this package has made it."""
    there = {row[1] for row in connection.execute("PRAGMA table_info(started)")}
    return [column for column in _ADDED if column not in there]


class Journal:
    """The journal in one file; may be used from any thread and by several kernels at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._warned = False

    @property
    def path(self) -> Path:
        """The file."""
        return self._path or default_path()

    def intend(self, record: StartRecord) -> int | None:
        """Write that a start request is about to be sent; return the row's id, None if it failed.

        Every so often it also removes rows that are old, see `prune`.
        """
        values = _values(replace(record, name=None, state="UNKNOWN", ended=None))
        row = self._write(f"{_INSERT} VALUES ({','.join('?' * len(values))})", values)
        if row and row % PRUNE_EVERY == 0:
            self.prune(row, record.requested)
        return row or None

    def watched(self, records: Sequence[StartRecord]) -> None:
        """Write down operations that somebody else started and that are followed here, each once."""
        known = "SELECT 1 FROM started WHERE name = ? AND service = ?"
        sql = f"{_INSERT} SELECT {','.join('?' * len(COLUMNS))} WHERE NOT EXISTS ({known})"
        last = self._write(sql, *((*_values(record), record.name, record.service) for record in records))
        if last and last // PRUNE_EVERY != max(0, last - len(records)) // PRUNE_EVERY:
            self.prune(last, records[0].requested)

    def whereabouts(self, name: str) -> StartRecord | None:
        """Return what is known of operation `name`, whatever its service; the newest row counts."""
        rows = self._read(f"{_SELECT} WHERE name = ? ORDER BY id DESC LIMIT 1", (name,))
        return _record(rows[0]) if rows else None

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

    def started_on(
        self, target: str, methods: Sequence[str], *, service: str, limit: int
    ) -> list[StartRecord]:
        """Return what was started with one of `methods` on `target` and has a name, the newest first."""
        names = ", ".join("?" * len(methods))
        clause = f"target = ? AND service = ? AND method IN ({names}) AND name IS NOT NULL"
        sql = f"{_SELECT} WHERE {clause} AND coalesce(origin, 'started') = 'started' ORDER BY id DESC LIMIT ?"
        return [_record(row) for row in self._read(sql, (target, service, *methods, limit))]

    def prune(self, newest: int, now: datetime) -> None:
        """Remove some of the rows that are older than `KEPT_FOR` and not among the `KEPT` before `newest`.

        A row is as old as the end that it tells; where it tells none, as its request. Only the oldest
        `PRUNE_MOST` are looked at, so that it takes no longer in a longer journal.
        """
        self._write(
            "DELETE FROM started WHERE id IN (SELECT id FROM started ORDER BY id LIMIT ?) "
            "AND id <= ? AND coalesce(ended, requested) < ?",
            (PRUNE_MOST, newest - KEPT, format_timestamp(now - KEPT_FOR)),
        )

    def find(self, name: str, *, service: str, loopback: bool = False) -> StartRecord | None:
        """Return what was asked for when operation `name` of `service` was started from this machine.

        On `loopback` the name alone decides: a local service changes its port, and its operations' ids are
        never given twice.
        """
        anywhere = "OR service LIKE 'local:%' OR service LIKE 'http://%'" if loopback else ""
        clause = f"WHERE name = ? AND (service = ? {anywhere}) ORDER BY id DESC LIMIT 1"
        rows = self._read(f"{_SELECT} {clause}", (name, service))
        return _record(rows[0]) if rows else None

    def pages(self, limit: int | None = None) -> Iterator[Sequence[Row]]:
        """Iterate over pages of rows, the newest page first; within a page the newest row is the last.

        Parameters
        ----------
        limit : int or None
            How many of the newest rows; None for all.
        """
        before, left = _NO_ROW, limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            rows = self._read(f"{_SELECT} WHERE id < ? ORDER BY id DESC LIMIT ?", (before, size))
            if rows:
                yield rows[::-1]
            if len(rows) < size:
                return
            before, left = rows[-1][0], None if left is None else left - size

    def all(self) -> list[StartRecord]:
        """Return every row, oldest first."""
        return [_record(row) for page in list(self.pages())[::-1] for row in page]

    def __len__(self) -> int:
        rows = self._read("SELECT count(*) FROM started", ())
        return int(rows[0][0]) if rows else 0

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file for the body; nobody forks meanwhile, since SQLite's locks would stay held."""
        with forking.undivided(), closing(sqlite3.connect(self.path, timeout=5.0)) as connection:
            yield connection

    def _write(self, sql: str, *rows: Row) -> int:
        """Carry out a statement with each of `rows`; return the last row id, 0 where that cannot be done."""
        try:
            path = self.path
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
            with self._opened() as connection:
                connection.executescript(_SCHEMA)
                for column in _missing(connection):
                    connection.execute(f"ALTER TABLE started ADD COLUMN {column} TEXT")
                with connection:
                    last = 0
                    for values in rows:
                        last = connection.execute(sql, tuple(map(_storable, values))).lastrowid or 0
                    return last
        except _FAULTS as error:
            self._complain(error)
            return 0

    def _read(self, sql: str, values: tuple[Any, ...]) -> list[Row]:
        """Return the rows; what cannot be written may be read all the same."""
        try:
            if not self.path.exists():
                return []
            with self._opened() as connection:
                connection.text_factory = _text
                there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'started'").fetchone()
                for column in _missing(connection) if there else ():
                    sql = sql.replace(f"CAST({column} AS TEXT)", "NULL")
                return connection.execute(sql, tuple(map(_storable, values))).fetchall() if there else []
        except _FAULTS as error:
            self._complain(error)
            return []

    def _complain(self, error: Exception) -> None:
        _log.info("journal: %s", error)
        if not self._warned:
            self._warned = True
            warn_caller(
                f"the journal {self.path} cannot be used ({error}); operations go on, but lro.started() will "
                "not show them. Set LRO_NOTEBOOK_STATE_DIR to a folder that can be written.",
                LroWarning,
            )
