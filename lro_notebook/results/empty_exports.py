"""An export that succeeded and had nothing to write, or nothing of a type: empty tables, of known columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lro_notebook.results.load_report import Report
from lro_notebook.results.load_table import Loaded
from lro_notebook.results.results import Results

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.arrow.batch import Options

#: What each FHIR resource has, where no columns were asked for.
_KEYS = ("resourceType", "id")


def nothing_of(operation: Operation, tables: Iterable[str] | None, options: Options) -> Results:
    """Return the empty results of an operation: a table for each that is asked for or was at its start."""
    names = _asked(operation) if tables is None else [tables] if isinstance(tables, str) else list(tables)
    results = Results(None, (), options, hint=_why(operation))
    results.know({name: _empty(name, options) for name in names})
    return results


def _why(operation: Operation) -> str:
    """Return why there are no tables, and what to do for empty ones."""
    since = operation.record.since if operation.record is not None else None
    why = "the export had nothing to write" + (f", as nothing was changed since {since}" if since else "")
    if "fhir" not in operation.method.lower():
        return why
    return f"{why}; an export with types=[…] has an empty table for each"


def add_nothing(results: Results, operation: Operation, options: Options) -> None:
    """Add an empty table to what an export has written for each type asked for that it had none of."""
    snapshot = operation.snapshot
    if snapshot.state == "SUCCEEDED" and not snapshot.progress.failed:
        results.know({name: _empty(name, options) for name in _asked(operation)})


def _asked(operation: Operation) -> list[str]:
    """Return the tables that an export was asked for at its start; none where that was all there is."""
    if operation.record is None or "export" not in operation.method.lower():
        return []
    ending = "_history" if operation.method.endswith("exportHistory") else ""
    return [f"{name}{ending}" for name in operation.record.types]


def _empty(name: str, options: Options) -> Loaded:
    columns = options.columns_of(name, name)
    schema = pa.schema([(column, pa.string()) for column in (_KEYS if columns is None else columns)])
    return Loaded(schema.empty_table(), Report())
