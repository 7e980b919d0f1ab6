"""Rows of operations and of their failure logs, and the JSON that the API shows for them.

Every function takes an open connection; those that write are called inside one transaction with the
data that they count, so a counter equals the committed rows at any moment.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core.names import no_operation, operation_number
from lro_notebook.local.core.service_errors import invalid
from lro_notebook.local.operations import arguments
from lro_notebook.operations.resource import Status, format_timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

_TYPES = "type.googleapis.com/google.cloud.healthcare"
_DONE_FILTER = re.compile(r"done\s*=\s*(true|false)", re.ASCII)


class Failure(NamedTuple):
    """One unit of work that failed. `message` never holds the content of the unit."""

    source: str
    resource: str
    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of an operation when it starts.

    Attributes
    ----------
    parent : str
        Name of the dataset that the operation belongs to.
    api_version : str
        ``v1`` or ``v1beta1``: the version of the call that starts it.
    method : str
        Name below ``google.cloud.healthcare.{version}``, such as ``fhir.FhirService.ImportResources``.
    resource : str
        Name of the store or dataset that it works on.
    log : str
        Type of its entries in Cloud Logging; empty where there is none.
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

    Numbers are nanoseconds since 1970: ordered by time, and never given twice even when the clock
    steps back, since each is larger than all that exist.
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


def size(connection: sqlite3.Connection, number: int, pending: int) -> None:
    """Set how many units are to be done."""
    connection.execute("UPDATE operations SET pending = ? WHERE id = ?", (pending, number))


def advance(
    connection: sqlite3.Connection,
    number: int,
    *,
    success: int,
    failures: Iterable[Failure],
    secondary: int = 0,
) -> bool:
    """Count units as done and log those that failed; return False if the operation is gone."""
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


def finish(connection: sqlite3.Connection, number: int, end: End) -> None:
    """End an operation with its response or its error; nothing is pending any more."""
    connection.execute(
        "UPDATE operations SET ended = ?, pending = 0, error = ?, response = ? "
        "WHERE id = ? AND ended IS NULL",
        (end.ended, *_written(end.outcome), number),
    )


def _written(outcome: Status | Mapping[str, Any]) -> tuple[bytes | None, bytes | None]:
    """Return error and response of an operation as its row has them."""
    if isinstance(outcome, Status):
        return orjson.dumps(outcome.to_dict()), None
    return None, orjson.dumps(outcome)


def abort_active(connection: sqlite3.Connection) -> list[int]:
    """End all that a service which is gone left queued or running; return the operations."""
    numbers = [number for (number,) in connection.execute("SELECT id FROM operations WHERE ended IS NULL")]
    for number in numbers:
        finish(connection, number, End(microseconds(), ABORTED))
    return numbers


def request_cancel(connection: sqlite3.Connection, dataset: str, identifier: str) -> int | None:
    """Note that an operation shall stop; return its number, or None if it has ended before."""
    number: int = _row(connection, dataset, identifier)[0]
    cursor = connection.execute(
        "UPDATE operations SET cancel_requested = 1 WHERE id = ? AND ended IS NULL", (number,)
    )
    return number if cursor.rowcount == 1 else None


def active_number(connection: sqlite3.Connection, dataset: str, identifier: str) -> int | None:
    """Return the number of an operation that must exist, or None if it has ended."""
    row = _row(connection, dataset, identifier)
    number: int | None = row[0] if row[5] is None else None
    return number


class End(NamedTuple):
    """How and when an operation has ended whose row cannot be written yet."""

    ended: int
    outcome: Status | Mapping[str, Any]


#: Operations that have ended and whose rows cannot be written yet, by their numbers.
Ends: TypeAlias = "Mapping[int, End]"


def get(
    connection: sqlite3.Connection, dataset: str, identifier: str, *, endpoint: str, ends: Ends
) -> dict[str, Any]:
    """Return an operation that must exist, as the API shows it."""
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
    """Return up to `limit` rows of an operation's failure log behind row `after`."""
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
    """A failure with what is known of its operation; `time` is in microseconds since 1970."""

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
    """Return up to `limit` failures of one or all operations behind row `after`, by row."""
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
    """Return what a list filter asks of ``done``; the one grammar is ``done=true`` or ``done=false``."""
    text = arguments.expression(text, "filter", "done=true").strip()
    if not text:
        return None
    match = _DONE_FILTER.fullmatch(text)
    if match is None:
        raise invalid("filter: the local service reads 'done=true', 'done=false' or an empty filter")
    return match.group(1) == "true"


#: How an operation ends that somebody cancelled.
CANCELLED = Status(Code.CANCELLED.value, "Operation was cancelled")
#: How an operation ends that the service could not run to its end because it stopped.
ABORTED = Status(
    Code.ABORTED.value, "The service stopped while the operation was queued or running; start it again"
)

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
        raise no_operation(dataset, identifier)
    return row


def _resource(row: tuple[Any, ...], endpoint: str, ends: Ends) -> dict[str, Any]:
    """Return the operation of a row as ``google.longrunning.Operation`` JSON."""
    number, parent, version, method, created, ended, cancel, *counts, error, response = row
    end = ends.get(number)
    if ended is None and end is not None:
        ended, counts[0] = end.ended, 0
        error, response = _written(end.outcome)
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
    if counter:
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
