"""Operations, their progress and the journal as DataFrames: fixed columns and dtypes, also when empty."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from lro_notebook.operations.journal import COLUMNS
from lro_notebook.operations.resource import operation_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.operations.journal import Row
    from lro_notebook.operations.operation import Operation

_UTC: Final = "datetime64[us, UTC]"

OPERATION_DTYPES: Mapping[str, str] = {
    "id": "string",
    "name": "string",
    "method": "string",
    "target": "string",
    "state": "string",
    "done": "boolean",
    "created": _UTC,
    "ended": _UTC,
    "elapsed": "timedelta64[us]",
    "completed": "Int64",
    "total": "Int64",
    "failed": "Int64",
    "fraction": "Float64",
    "cancel_requested": "boolean",
    "error_code": "string",
    "error_message": "string",
    "logs_url": "string",
    "created_from": "string",
    "source": "string",
    "destination": "string",
}
SAMPLE_DTYPES: Mapping[str, str] = {
    "time": _UTC,
    "state": "string",
    "completed": "Int64",
    "total": "Int64",
    "failed": "Int64",
    "fraction": "Float64",
}
STARTED_DTYPES: Mapping[str, str] = {
    "id": "string",
    "name": "string",
    "method": "string",
    "target": "string",
    "source": "string",
    "destination": "string",
    "types": "string",
    "since": "string",
    "state": "string",
    "requested": _UTC,
    "ended": _UTC,
    "service": "string",
    "origin": "string",
}


def typed(rows: Iterable[Mapping[str, Any]], dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Return `rows` as a frame with exactly the columns and dtypes of `dtypes`."""
    table = list(rows)
    return pd.DataFrame(
        {column: _column([row.get(column) for row in table], dtype) for column, dtype in dtypes.items()}
    )


def operations_frame(operations: Iterable[Operation], *, now: datetime | None = None) -> pd.DataFrame:
    """Return one row per operation, from the last snapshot of each; sends no request."""
    moment = now or datetime.now(UTC)
    return typed((_operation_row(operation, moment) for operation in operations), OPERATION_DTYPES)


def history_frame(operation: Operation) -> pd.DataFrame:
    """Return one row per look at the progress of `operation`, oldest first."""
    rows = ({column: getattr(sample, column) for column in SAMPLE_DTYPES} for sample in operation.samples)
    return typed(rows, SAMPLE_DTYPES)


def started_frame(pages: Iterable[Sequence[Row]]) -> pd.DataFrame:
    """Return one row per operation that this machine has started, the newest last.

    Parameters
    ----------
    pages : iterable of rows
        As `Journal.pages` gives them: the newest page first, its newest row last.
    """
    frames = [_started_page(page) for page in pages][::-1] or [_started_page([])]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _operation_row(operation: Operation, now: datetime) -> dict[str, Any]:
    snapshot = operation.snapshot
    resource, progress, error = snapshot.resource, snapshot.progress, snapshot.resource.error
    metadata = resource.metadata or {}
    until = progress.ended or (None if resource.done else now)
    return {
        "id": operation.id,
        "name": resource.name,
        "method": operation.method or None,
        "target": operation.target or None,
        "state": snapshot.state,
        "done": resource.done,
        "created": progress.created,
        "ended": progress.ended,
        "elapsed": until - progress.created if until and progress.created else None,
        "completed": progress.completed,
        "total": progress.total,
        "failed": progress.failed,
        "fraction": progress.fraction,
        "cancel_requested": progress.cancel_requested,
        "error_code": error.name if error else None,
        "error_message": error.message if error else None,
        "logs_url": metadata.get("logsUrl") if isinstance(metadata.get("logsUrl"), str) else None,
        "created_from": progress.created_from,
        "source": operation.source,
        "destination": operation.destination,
    }


def _started_page(rows: Sequence[Row]) -> pd.DataFrame:
    _, *columns = zip(*rows, strict=True) if rows else ((), *((),) * len(COLUMNS))
    values = dict(zip(COLUMNS, columns, strict=True))
    values["id"] = tuple(name and operation_id(name) for name in values["name"])
    return pd.DataFrame({name: _series(values[name], dtype) for name, dtype in STARTED_DTYPES.items()})


def _series(values: Any, dtype: str) -> pd.Series[Any]:  # pandas' stubs know no None in strings
    texts = pd.Series(values, dtype="string")
    if dtype != _UTC:
        return texts
    return pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").astype(_UTC)


def _column(values: Sequence[Any], dtype: str) -> pd.Series[Any]:
    if dtype.startswith("timedelta64"):  # pandas 2 takes those of Python only up to 292 years
        return pd.Series(np.array(values, dtype))
    return pd.Series(values, dtype=dtype)
