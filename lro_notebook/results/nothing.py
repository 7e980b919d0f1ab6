"""An export that succeeded and had nothing to write: empty tables, with the columns that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lro_notebook.results.main_table import Loaded
from lro_notebook.results.results import Results
from lro_notebook.results.told import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.arrow.batch import Options

#: What each FHIR resource has, where no columns were asked for.
_KEYS = ("resourceType", "id")


def wrote_nothing(operation: Operation) -> bool:
    """Tell whether an operation says itself that it was an export, has succeeded and has written nothing.

    The Healthcare API leaves out what is zero, and with it the whole counter: there the metadata of the end
    without a count says it. Others have to count.
    """
    snapshot = operation.snapshot
    progress, method = snapshot.progress, operation.method
    if snapshot.state != "SUCCEEDED" or progress.failed or "export" not in method.lower():
        return False
    if progress.completed is None:
        named = str((snapshot.resource.metadata or {}).get("apiMethodName", ""))
        return "healthcare" in named and progress.ended_from == "service"
    return progress.completed == 0


def nothing_of(operation: Operation, tables: Iterable[str] | None, options: Options) -> Results:
    """Return the empty results of an operation: a table for each that is asked for or was at its start."""
    if tables is not None:
        names = [tables] if isinstance(tables, str) else list(tables)
    else:
        ending = "_history" if operation.method.endswith("exportHistory") else ""
        names = [f"{name}{ending}" for name in (operation.record.types if operation.record else ())]
    return Results(None, (), options, known={name: _empty(name, options) for name in names})


def _empty(name: str, options: Options) -> Loaded:
    columns = options.columns_of(name, name)
    schema = pa.schema([(column, pa.string()) for column in (_KEYS if columns is None else columns)])
    return Loaded(schema.empty_table(), Report())
