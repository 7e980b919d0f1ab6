"""Columns whose name and values say that they are FHIR dates, as UTC instants; on request only."""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

INSTANT = pa.timestamp("us", "UTC")
#: The last segments of paths that FHIR R4 gives to date, dateTime and instant elements.
_NAME = re.compile(
    r".*(?:Date|DateTime|Instant)|date|issued|authored|authoredOn|sent|received|recorded|created|"
    r"lastUpdated|lastModified|timestamp|when|start|end"
)
_WHOLE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]| UTC|[+-]\d{2}:\d{2})?)?$"
_VALUE = r"^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})?)?)?)?$"


def is_date_name(name: str) -> bool:
    """Tell whether a column of this name may hold dates."""
    return _NAME.fullmatch(name.rpartition(".")[2]) is not None


def instants(column: pa.ChunkedArray, *, whole: bool = False) -> pa.Array | None:
    """Return the dates of `column` as timestamps in UTC; None if one of its values is not a date.

    The precision (``1970-03``) is lost, the start of the period stands for it. With `whole` set, days and
    times of ISO 8601 are dates alone, also as BigQuery writes them (``2024-05-01 10:00:00 UTC``).
    """
    if not pc.all(pc.match_substring_regex(column, _WHOLE if whole else _VALUE), min_count=1).as_py():
        return None
    if whole:
        column = pc.replace_substring_regex(column, " UTC$", "Z")
    try:
        series = pd.to_datetime(column.to_pandas(), format="ISO8601", utc=True)
    except ValueError:  # such as 2024-02-30, or a year that this pandas cannot hold
        return None
    return pa.array(series, INSTANT, from_pandas=True)
