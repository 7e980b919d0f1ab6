"""What failed inside an operation, as a DataFrame: what it says itself, else what Cloud Logging has for it.

The embedded service answers the same call. An entry and its operation are joined by ``operation.id``;
where there are failures but no entry with that id, by method, dataset and time, since Google's documents also
say that these logs do not hold the operation's id.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code, ConfigError, LroWarning, warn_caller
from lro_notebook.http import auth
from lro_notebook.http.paging import paginate
from lro_notebook.http.session import Session
from lro_notebook.operations.failed_units import are_logged, failed_units, failure_of, structure_told
from lro_notebook.operations.resource import format_timestamp, parse_int64, parse_timestamp
from lro_notebook.reports.error_files import units_in_files
from lro_notebook.reports.frames import typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx
    import pandas as pd

    from lro_notebook.operations.operation import Operation

FAILURE_DTYPES: Mapping[str, str] = {
    "time": "datetime64[us, UTC]",
    "source": "string",
    "resource": "string",
    "code": "string",
    "message": "string",
}
_PAGE_SIZE = 1000


def failures(operation: Operation, *, transport: httpx.BaseTransport | None = None) -> pd.DataFrame:
    """Return one row per failure; see `Operation.failures`.

    ``frame.attrs`` says how many failures the operation counts (``counted``), whether these are all of them
    (``complete``), and what joins them to the operation (``joined_by``: ``resource`` where it tells them
    itself, else ``operation`` or ``time``). Only where it tells none, but counts some or is of a service that
    logs them, this calls ``POST https://logging.googleapis.com/v2/entries:list`` with the client's
    credentials, at the same host of another universe where they are of that one.

    Raises
    ------
    ConfigError
        The client has no credentials that Cloud Logging takes.
    ApiError, AuthError
        Cloud Logging refused the request; it needs ``logging.logEntries.list``.
    """
    counted = operation.snapshot.progress.failed
    told = failed_units(operation.resource)
    units = [*told, *(unit for unit in units_in_files(operation) if unit not in told)]
    rows, joined_by = [asdict(unit) for unit in units], "resource"
    if not rows and (counted or are_logged(operation)):
        rows, joined_by = _logged(operation, transport, counted)
    frame = typed(rows, FAILURE_DTYPES)
    complete = counted is None or len(rows) >= counted
    frame.attrs |= {"counted": counted, "complete": complete, "joined_by": joined_by}
    _warn(operation, len(rows), counted or 0, complete=complete, joined_by=joined_by)
    if not rows and not counted and (whole := failure_of(operation)):
        warn_caller(f"{whole}. It names no units that failed", LroWarning)
    if advice := structure_told(operation, (row["message"] for row in rows)):
        warn_caller(advice, LroWarning)
    return frame


def _logged(
    operation: Operation, transport: httpx.BaseTransport | None, counted: int | None
) -> tuple[list[dict[str, Any]], str]:
    """Return a row for each entry of the log, and what joins them to the operation."""
    rest, own = _logging(operation, transport)
    try:
        rows, joined_by = list(_rows(rest, _by_operation(operation), operation)), "operation"
        if not rows and counted and own:
            rows, joined_by = list(_rows(rest, _by_time(operation), operation)), "time"
    finally:
        if own:
            rest.close()
    return rows, joined_by


def _logging(operation: Operation, transport: httpx.BaseTransport | None) -> tuple[Session, bool]:
    """Return where the log is, and whether that is a connection of its own, to Cloud Logging."""
    client = operation.client
    if client is not None and client.local() is not None:
        return client.session, False
    credentials = None if client is None else client.session.credentials
    if credentials is None:
        logs = (operation.resource.metadata or {}).get("logsUrl") or "the Logs Explorer of the project"
        raise ConfigError(
            f"the failures of {operation.id} cannot be read without Google credentials (a token string is "
            f"for one service alone); they are in {logs}"
        )
    endpoint = f"https://logging.{auth.universe_of(credentials)}"
    return Session(endpoint, credentials=credentials, transport=transport), True


def _by_operation(operation: Operation) -> str:
    return f'operation.id="{operation.name}" AND severity>=ERROR'


def _by_time(operation: Operation) -> str:
    """Return the filter for the failures of a method in a dataset, while the operation ran."""
    progress = operation.snapshot.progress
    method = str((operation.resource.metadata or {}).get("apiMethodName", "")).rpartition(".")[2]
    clauses = [
        f'operation.producer="healthcare.googleapis.com/{method}"',
        f'resource.labels.dataset_id="{operation.name.rpartition("/operations/")[0].rpartition("/")[2]}"',
        "severity>=ERROR",
    ]
    if progress.created is not None and progress.created_from == "service":
        clauses.append(f'timestamp>="{format_timestamp(progress.created)}"')
    if progress.ended is not None and progress.ended_from == "service":
        clauses.append(f'timestamp<="{format_timestamp(progress.ended)}"')
    return " AND ".join(clauses)


def _rows(session: Session, filter_: str, operation: Operation) -> Iterator[dict[str, Any]]:
    project = "/".join(operation.name.split("/")[:2])
    body: dict[str, Any] = {
        "resourceNames": [project],
        "filter": filter_,
        "orderBy": "timestamp asc",
        "pageSize": _PAGE_SIZE,
    }

    def fetch(token: str | None) -> dict[str, Any]:
        asked = {**body, "pageToken": token} if token else body
        return session.call("POST", "v2/entries:list", role="read", json=asked)

    for page in paginate(fetch, "entries", where=str(session.url("v2/entries:list"))):
        yield from map(_row, page)


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    payload = _object(entry.get("jsonPayload"))
    error = _object(payload.get("error"))
    code = parse_int64(error.get("code"))
    return {
        "time": parse_timestamp(entry.get("timestamp")),
        "source": _text(payload, "source", "destination"),
        "resource": _text(payload, "resourceId", "resourceName"),
        "code": None if code is None else Code.of(code).name,
        "message": _text(error, "message"),
    }


def _text(fields: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of the fields that holds text."""
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _warn(operation: Operation, logged: int, counted: int, *, complete: bool, joined_by: str) -> None:
    if not complete and joined_by == "resource":
        warn_caller(
            f"operation {operation.id} tells {logged:,} of the {counted:,} failures that it counts; look for "
            "the others in its log",
            LroWarning,
        )
    elif not complete:
        warn_caller(
            f"the log holds {logged:,} of the {counted:,} failures of {operation.id}: Cloud Logging drops "
            "errors past a threshold, and takes a while to show them",
            LroWarning,
        )
    if joined_by == "time" and logged:
        warn_caller(
            f"the log does not say which failures are those of {operation.id}; these are of the same method "
            "and dataset, while it ran",
            LroWarning,
        )
