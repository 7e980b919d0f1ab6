"""Where an operation wrote, as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.reports.frames import typed
from lro_notebook.results.read_outputs import outputs_of

if TYPE_CHECKING:
    import pandas as pd

    from lro_notebook.operations.operation import Operation

OUTPUT_DTYPES = dict.fromkeys(("what", "where", "role", "format", "told_by", "field"), "string")
_WHAT = {"gs": "Cloud Storage", "bq": "BigQuery", "file": "files"}


def outputs(operation: Operation) -> pd.DataFrame:
    """Return one row per place; see `Operation.outputs`."""
    rows = [
        {
            "what": _WHAT.get(scheme := place.uri.partition("://")[0], scheme),
            "where": place.uri,
            "role": place.role,
            "format": place.format,
            "told_by": place.told_by,
            "field": place.field,
        }
        for place in outputs_of(operation)
    ]
    return typed(rows, OUTPUT_DTYPES)
