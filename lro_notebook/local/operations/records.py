"""Records of operations and of their failures: rows, and their JSON in the API.

Every function takes an open connection. Counters are written in the transaction of the data that they count,
so they equal the committed rows at any moment.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core.resource_names import operation_not_found, operation_number
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.operations import request_fields
from lro_notebook.operations.resource import Status, format_timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

_TYPES = "type.googleapis.com/google.cloud.healthcare"
_DONE_FILTER = re.compile(r"done\s*=\s*(true|false)", re.ASCII)


class Failure(NamedTuple):
    """A failed unit of an operation; `message` never holds the content of the unit."""

    source: str
    resource: str
    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class Start:
    """What is known about an operation when it starts.

    Attributes
    ----------
    parent : str
        Name of the dataset that the operation belongs to.
    api_version : str
        ``v1`` or ``v1beta1``: the version of the call that started it.
    method : str
        Name of the method below ``google.cloud.healthcare.{version}``.
    resource : str
        Name of the store or dataset that it runs on.
    log : str
        Type of its Cloud Logging entries; empty if it has none.
    """

    parent: str
    api_version: str
    method: str
    resource: str
    log: str = ""


def microseconds() -> int:
    """Return the time now in microseconds since 1970."""
    return time.time_ns() // 1000


def timestamp(moment: int) -> str:
    """Return microseconds since 1970 as an RFC 3339 timestamp."""
    return format_timestamp(datetime.fromtimestamp(moment / 1_000_000, UTC))


def insert(connection: sqlite3.Connection, start: Start) -> int:
    """Insert a queued operation and return its number.

    Numbers are nanoseconds since 1970, so they are ordered by time. Each is larger than all existing ones,
    so none is used twice even if the clock steps back.
    """
    (latest,) = connection.execute("SELECT coalesce(max(id), 0) FROM operations").fetchone()
    number = max(time.time_ns(), int(latest) + 1)
    connection.execute(
        "INSERT INTO operations (id, parent, api_version, method, resource, log, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            start.parent,
            start.api_version,
            start.method,
            start.resource,
            start.log,
            microseconds(),
        ),
    )
    return number


def active(connection: sqlite3.Connection) -> int:
    """Return how many operations are queued or running."""
    (count,) = connection.execute("SELECT count(*) FROM operations WHERE ended IS NULL").fetchone()
    return int(count)


def set_total(connection: sqlite3.Connection, number: int, pending: int) -> None:
    """Set how many units the operation has."""
    connection.execute("UPDATE operations SET pending = ? WHERE id = ?", (pending, number))


def advance(
    connection: sqlite3.Connection,
    number: int,
    *,
    success: int,
    failures: Iterable[Failure],
    secondary: int = 0,
) -> bool:
    """Count units as done and record the failed ones; return False if the operation is gone."""
    moment = microseconds()
    rows = [(number, moment, item.source, item.resource, int(item.code), item.message) for item in failures]
    done = success + len(rows)
    cursor = connection.execute(
        "UPDATE operations SET pending = max(0, pending - ?), success = success + ?, failure = failure + ?, "
        "secondary_success = secondary_success + ? WHERE id = ? AND ended IS NULL",
        (done, success, len(rows), secondary, number),
    )
    if cursor.rowcount != 1:
        return False
    connection.executemany(
        "INSERT INTO failures (operation, time, source, resource, code, message) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    return True


def add_drafts(connection: sqlite3.Connection, number: int, units: int) -> None:
    """Note that counted units are in files that are not in place yet."""
    connection.execute(
        "INSERT INTO drafts (operation, units) VALUES (?, ?) "
        "ON CONFLICT (operation) DO UPDATE SET units = units + excluded.units",
        (number, units),
    )


def keep_drafts(connection: sqlite3.Connection, number: int) -> None:
    """Note that the files of an operation are in place."""
    connection.execute("DELETE FROM drafts WHERE operation = ?", (number,))


def finish(connection: sqlite3.Connection, number: int, end: End) -> None:
    """End an operation; what it has written to files that are not in place does not count."""
    connection.execute(
        "UPDATE operations SET success = success - (SELECT units FROM drafts WHERE operation = ?1) "
        "WHERE id = ?1 AND ended IS NULL AND id IN (SELECT operation FROM drafts)",
        (number,),
    )
    keep_drafts(connection, number)
    connection.execute(
        "UPDATE operations SET ended = ?, pending = 0, error = ?, response = ? "
        "WHERE id = ? AND ended IS NULL",
        (end.ended, *_error_and_response(end.outcome), number),
    )


def _error_and_response(outcome: Status | Mapping[str, Any]) -> tuple[bytes | None, bytes | None]:
    """Return the error and response columns for an outcome."""
    if isinstance(outcome, Status):
        return orjson.dumps(outcome.to_dict()), None
    return None, orjson.dumps(outcome)


def abort_active(connection: sqlite3.Connection) -> list[int]:
    """Abort the operations that an earlier run of the service left active; return their numbers."""
    numbers = [number for (number,) in connection.execute("SELECT id FROM operations WHERE ended IS NULL")]
    for number in numbers:
        finish(connection, number, End(microseconds(), ABORTED))
    return numbers


def request_cancel(connection: sqlite3.Connection, dataset: str, identifier: str) -> int | None:
    """Record a request to cancel; return the number of the operation, or None if it has ended."""
    number: int = _row(connection, dataset, identifier)[0]
    cursor = connection.execute(
        "UPDATE operations SET cancel_requested = 1 WHERE id = ? AND ended IS NULL", (number,)
    )
    return number if cursor.rowcount == 1 else None


def active_number(connection: sqlite3.Connection, dataset: str, identifier: str) -> int | None:
    """Return the number of an operation, which must exist, or None if it has ended."""
    row = _row(connection, dataset, identifier)
    number: int | None = row[0] if row[5] is None else None
    return number


class End(NamedTuple):
    """How and when an operation ended whose row cannot be written yet."""

    ended: int
    outcome: Status | Mapping[str, Any]


#: Ends whose rows cannot be written yet, by operation number.
Ends: TypeAlias = "Mapping[int, End]"


def get(
    connection: sqlite3.Connection, dataset: str, identifier: str, *, endpoint: str, ends: Ends
) -> dict[str, Any]:
    """Return an operation, which must exist, as the API shows it."""
    return _resource(_row(connection, dataset, identifier), endpoint, ends)


def page(
    connection: sqlite3.Connection,
    dataset: str,
    *,
    before: int,
    limit: int,
    done: bool | None,
    endpoint: str,
    ends: Ends,
) -> list[tuple[int, dict[str, Any]]]:
    """Return up to `limit` operations numbered below `before`, newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM operations WHERE parent = ? AND id < ? "  # noqa: S608 - constant columns
        "AND (? IS NULL OR (ended IS NOT NULL OR id IN (SELECT value FROM json_each(?))) = ?) "
        "ORDER BY id DESC LIMIT ?",
        (dataset, before, done, orjson.dumps(list(ends)).decode(), done, limit),
    )
    return [(row[0], _resource(row, endpoint, ends)) for row in rows]


def failures_page(
    connection: sqlite3.Connection, dataset: str, identifier: str, *, after: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return up to `limit` rows of an operation's failure log after row `after`."""
    number = _row(connection, dataset, identifier)[0]
    rows = connection.execute(
        "SELECT number, time, source, resource, code, message FROM failures "
        "WHERE operation = ? AND number > ? ORDER BY number LIMIT ?",
        (number, after, limit),
    )
    return [
        (
            key,
            {
                "timestamp": timestamp(moment),
                "source": source,
                "resource": resource,
                "code": code,
                "message": message,
            },
        )
        for key, moment, source, resource, code, message in rows
    ]


class LogRow(NamedTuple):
    """A failure together with its operation; `time` is in microseconds since 1970."""

    number: int
    time: int
    source: str
    resource: str
    code: int
    message: str
    operation: int
    parent: str
    method: str
    target: str
    log: str


def log_rows(
    connection: sqlite3.Connection, *, operation: int | None, start: int, end: int, after: int, limit: int
) -> list[LogRow]:
    """Return up to `limit` failures of one operation, or of all, after row `after`."""
    rows = connection.execute(
        "SELECT f.number, f.time, f.source, f.resource, f.code, f.message, "
        "o.id, o.parent, o.method, o.resource, o.log "
        "FROM failures AS f JOIN operations AS o ON o.id = f.operation "
        "WHERE f.number > ?1 AND (?2 IS NULL OR f.operation = ?2) AND f.time BETWEEN ?3 AND ?4 "
        "ORDER BY f.number LIMIT ?5",
        (after, operation, start, end, limit),
    )
    return [LogRow(*row) for row in rows]


def expire(connection: sqlite3.Connection, before: int) -> None:
    """Remove the records of operations that ended before a time, with their failure logs."""
    connection.execute("DELETE FROM operations WHERE ended < ?", (before,))


def parse_filter(text: str) -> bool | None:
    """Return the ``done`` that a list filter asks for; it can only be ``done=true`` or ``done=false``."""
    text = request_fields.expression(text, "filter", "done=true").strip()
    if not text:
        return None
    match = _DONE_FILTER.fullmatch(text)
    if match is None:
        raise invalid_argument("filter: the local service reads 'done=true', 'done=false' or an empty filter")
    return match.group(1) == "true"


#: The error of a cancelled operation.
CANCELLED = Status(Code.CANCELLED.value, "Operation was cancelled")
#: The error of an operation that was queued or running when the service stopped.
ABORTED = Status(
    Code.ABORTED.value, "The service stopped while the operation was queued or running; start it again"
)

#: Methods whose operations have no units.
_UNCOUNTED = frozenset({"dataset.DatasetService.CreateDataset"})
_COUNTERS = ("pending", "success", "failure", "secondarySuccess")
_COLUMNS = (
    "id, parent, api_version, method, created, ended, cancel_requested, pending, success, failure, "
    "secondary_success, error, response"
)


def _row(connection: sqlite3.Connection, dataset: str, identifier: str) -> tuple[Any, ...]:
    number = operation_number(identifier, dataset=dataset)
    row: tuple[Any, ...] | None = connection.execute(
        f"SELECT {_COLUMNS} FROM operations WHERE id = ? AND parent = ?",  # noqa: S608 - constant columns
        (number, dataset),
    ).fetchone()
    if row is None:
        raise operation_not_found(dataset, identifier)
    return row


def _resource(row: tuple[Any, ...], endpoint: str, ends: Ends) -> dict[str, Any]:
    """Return a row as ``google.longrunning.Operation`` JSON."""
    number, parent, version, method, created, ended, cancel, *counts, error, response = row
    end = ends.get(number)
    if ended is None and end is not None:
        ended, counts[0] = end.ended, 0
        error, response = _error_and_response(end.outcome)
    name = f"{parent}/operations/{number}"
    metadata: dict[str, Any] = {
        "@type": f"{_TYPES}.{version}.OperationMetadata",
        "apiMethodName": f"google.cloud.healthcare.{version}.{method}",
        "createTime": timestamp(created),
    }
    if ended is not None:
        metadata["endTime"] = timestamp(ended)
    metadata["logsUrl"] = f"{endpoint}/{version}/{name}:failures"
    if cancel:
        metadata["cancelRequested"] = True
    counter = {key: str(count) for key, count in zip(_COUNTERS, counts, strict=True) if count}
    # Of an operation that found nothing to do the counter is there too, and empty.
    if counter or (response is not None and method not in _UNCOUNTED):
        metadata["counter"] = counter
    operation: dict[str, Any] = {"name": name, "metadata": metadata}
    if ended is not None:
        operation["done"] = True
        if error is not None:
            operation["error"] = orjson.loads(error)
        else:
            operation["response"] = orjson.loads(response)
    return operation


def response_type(start: Start, message: str) -> str:
    """Return the ``@type`` of a response message, such as ``fhir.rest.ImportResourcesResponse``."""
    if message.startswith("google."):
        return f"type.googleapis.com/{message}"
    return f"{_TYPES}.{start.api_version}.{message}"
