"""What results say of themselves, as DataFrames: tables, bad lines, cut lists, files that were left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lro_notebook.results.main_table import Report
    from lro_notebook.results.shards import Skipped


def summary(sizes: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    """Return a row per table, of its name, files and bytes."""
    return pd.DataFrame(
        {
            "table": pd.Series([name for name, _, _ in sizes], dtype="string"),
            "files": pd.Series([files for _, files, _ in sizes], dtype="Int64"),
            "bytes": pd.Series([size for _, _, size in sizes], dtype="Int64"),
        }
    )


def bad_lines(reports: Iterable[Report]) -> pd.DataFrame:
    """Return a row per bad line; ``attrs["more"]`` is how many are not listed."""
    known = list(reports)
    bad = [line for report in known for line in report.bad]
    frame = pd.DataFrame(
        {
            "file": pd.Series([line.file for line in bad], dtype="string"),
            "line": pd.Series([line.line for line in bad], dtype="Int64"),
            "reason": pd.Series([line.reason for line in bad], dtype="string"),
        }
    )
    frame.attrs["more"] = sum(report.unlisted for report in known)
    return frame


def truncated(reports: Iterable[Report]) -> pd.DataFrame:
    """Return a row per list that is shown by its first element."""
    counts = {name: rows for report in reports for name, rows in report.truncated.items()}
    return pd.DataFrame(
        {
            "column": pd.Series(list(counts), dtype="string"),
            "rows": pd.Series(list(counts.values()), dtype="Int64"),
        }
    )


def skipped(files: Sequence[Skipped]) -> pd.DataFrame:
    """Return a row per file that is in no table."""
    return pd.DataFrame(
        {
            "file": pd.Series([each.uri for each in files], dtype="string"),
            "reason": pd.Series([each.reason for each in files], dtype="string"),
        }
    )
