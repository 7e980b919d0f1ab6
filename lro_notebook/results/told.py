"""What a load could not show, as DataFrames and warnings. Reads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lro_notebook.errors import UnparsedDatesWarning, warn_caller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def counts_frame(what: str, reports: Iterable[Mapping[str, int]]) -> pd.DataFrame:
    """Return one row per column that was counted: ``column`` (string), and `what` was counted (Int64)."""
    counts = {name: count for report in reports for name, count in report.items()}
    return pd.DataFrame(
        {
            "column": pd.Series(list(counts), dtype="string"),
            what: pd.Series(list(counts.values()), dtype="Int64"),
        }
    )


def warn_of_dates(table: str, counts: Mapping[str, int], more: str = "") -> None:
    """Warn of the columns of `table` that stay text, and how many values are no dates; say `more`."""
    if not counts:
        return
    column, values = next(iter(counts.items()))
    warn_caller(
        f"columns of dates in {table} that stay text: {len(counts):,}, the first one {column}, of which "
        f"{values:,} {'value is no date' if values == 1 else 'values are no dates'} or time{more}",
        UnparsedDatesWarning,
    )
