"""What a load could not show, as people are told of it: bad lines, cut lists, files left out."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from lro_notebook.errors import TruncatedListsWarning, UnparsedDatesWarning, warn_caller
from lro_notebook.results.arrow.batch import BadLine, Miscounted, list_bad_lines
from lro_notebook.results.limits import DEFAULT
from lro_notebook.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lro_notebook.results.arrow.batch import Batch
    from lro_notebook.results.shards import Skipped

_INNER = 12  # tables in a table that a repr names
_LEFT, _RIGHT = 'style="text-align:left"', 'style="text-align:right"'


@dataclass(slots=True)
class Report:
    """What a load could not show: lines that were bad, lists that were cut."""

    bad: list[BadLine] = field(default_factory=list)
    truncated: dict[str, int] = field(default_factory=dict)
    most: int = DEFAULT.bad_lines
    unlisted: int = 0
    unparsed_dates: dict[str, int] = field(default_factory=dict)
    notes: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Take a piece into account; of more than `most` bad lines the rest is only counted."""
        self.unlisted += list_bad_lines(self.bad, batch.bad, self.most)
        for column, rows in batch.truncated.items():
            self.truncated[column] = self.truncated.get(column, 0) + rows
        for file, text in batch.notes:
            first, count = self.notes.get(text, (file, 0))
            self.notes[text] = first, count + 1

    def noted(self) -> list[str]:
        """Return what was decided about files, each with the first file that it is about."""
        more = {1: "", 2: " and 1 more file"}
        return [
            f"{file}{more.get(count, f' and {count - 1:,} more files')}: {text}"
            for text, (file, count) in self.notes.items()
        ]

    def messages(self, name: str) -> Iterator[str]:
        """Yield what to tell people of the bad lines of the table `name`."""
        short = [line for line in self.bad if isinstance(line.reason, Miscounted)]
        bad = [line for line in self.bad if not isinstance(line.reason, Miscounted)]
        if bad or self.unlisted:
            first = f", the first one {_place(bad[0])} ({bad[0].reason})" if bad else ""
            more = f" the first ones, and {self.unlisted:,} more" if self.unlisted else ""
            more += " there are (limits: bad_lines)" if self.unlisted else " them"
            yield f"bad lines in {name}: {len(bad) + self.unlisted:,}{first}; results.bad_lines lists{more}"
        if short:
            more = f" So it is with {len(short) - 1:,} more files." if len(short) > 1 else ""
            yield (
                f"{short[0].file}: {short[0].reason}, so the table {name} is not what was exported.{more} "
                "results.bad_lines lists them; fetch the files anew, or export again"
            )


def summary(sizes: Sequence[tuple[str, int, int]], rows: Mapping[str, int]) -> pd.DataFrame:
    """Return one row per table: its name, files and bytes, its rows if known; see `Results.summary`."""
    return pd.DataFrame(
        {
            "table": pd.Series([name for name, _, _ in sizes], dtype="string"),
            "files": pd.Series([files for _, files, _ in sizes], dtype="Int64"),
            "bytes": pd.Series([size for _, _, size in sizes], dtype="Int64"),
            "rows": pd.Series([rows.get(name) for name, _, _ in sizes], dtype="Int64"),
        }
    )


def skipped(files: Sequence[Skipped]) -> pd.DataFrame:
    """Return one row per file that is in no table; see `Results.skipped`."""
    return pd.DataFrame(
        {
            "file": pd.Series([each.uri for each in files], dtype="string"),
            "reason": pd.Series([each.reason for each in files], dtype="string"),
        }
    )


def bad_lines(reports: Iterable[Report]) -> pd.DataFrame:
    """Return one row per bad line; see `Results.bad_lines`."""
    listed = list(reports)
    bad = [line for report in listed for line in report.bad]
    frame = pd.DataFrame(
        {
            "file": pd.Series([line.file for line in bad], dtype="string"),
            "line": pd.Series([line.line for line in bad], dtype="Int64"),
            "reason": pd.Series([line.reason for line in bad], dtype="string"),
        }
    )
    frame.attrs["more"] = sum(report.unlisted for report in listed)
    return frame


def counts_frame(what: str, reports: Iterable[Mapping[str, int]]) -> pd.DataFrame:
    """Return one row per column that was counted: ``column`` (string), and `what` was counted (Int64)."""
    counts = {name: count for report in reports for name, count in report.items()}
    return pd.DataFrame(
        {
            "column": pd.Series(list(counts), dtype="string"),
            what: pd.Series(list(counts.values()), dtype="Int64"),
        }
    )


def no_table(missing: Sequence[str], there: Iterable[str], *, at: str = "", more: str = "") -> str:
    """Return a sentence on tables that are not there: what may be meant, which there are, and `more`."""
    names = sorted(there) if at else list(there)
    near = nearest(missing[0], names, cutoff=0.7)
    meant = f" (did you mean {near!r}?)" if near else ""
    which = ", ".join(missing) if at else repr(missing[0])
    tail = f"; {more}" if more else ""
    return f"no table {which}{at}{meant}; there are {', '.join(names) or 'none'}{tail}"


def inner(names: Sequence[str]) -> str:
    """Return the tables that were read with another, for a repr; empty for none."""
    more = f" and {len(names) - _INNER:,} more" if len(names) > _INNER else ""
    return f" (with {', '.join(names[:_INNER])}{more})" if names else ""


def part(state: str) -> str:
    """Return a note for the results of an operation that ended without success; empty for others."""
    return f", a part: the operation ended as {state}" if state else ""


def table_html(
    rows: Iterable[Sequence[str]], reports: Mapping[str, Report], none: str = "no tables", state: str = ""
) -> str:
    """Return what results show of themselves in a notebook: a row per table, and what to type next.

    Where there are none, `none` is what is said; `state` as for `part`.
    """
    rows = list(rows)
    if not rows:
        return f"<p>{html.escape(none[:1].upper() + none[1:], quote=False)}</p>"
    name = html.escape(f'"{rows[0][0]}"')
    count = f"{len(rows):,} {'table' if len(rows) == 1 else 'tables'}{part(state)}"
    above = f"<p>{count}. Next: <code>results[{name}]</code> · <code>results.profile({name})</code></p>"
    columns = ("files", "bytes", "rows", "bad lines")
    head = f"<th {_LEFT}>table</th>" + "".join(f"<th {_RIGHT}>{column}</th>" for column in columns)
    body = "".join(map(_row, rows))
    note = f"<p>{html.escape(_lists(names), quote=False)}</p>" if (names := _cut(reports)) else ""
    return f"{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _row(cells: Sequence[str]) -> str:
    """Return a row: names stand on the left, numbers on the right, whatever the page does with tables."""
    name, *numbers = map(html.escape, cells)
    return f"<tr {_RIGHT}><td {_LEFT}>{name}</td>{''.join(f'<td>{one}</td>' for one in numbers)}</tr>"


def cut(reports: Mapping[str, Report]) -> str:
    """Return a note for a repr of the tables that show lists by their first element; empty for none."""
    return f"; first elements of lists in {names}, see .truncated" if (names := _cut(reports)) else ""


def _cut(reports: Mapping[str, Report]) -> str:
    return ", ".join(name for name, report in reports.items() if report.truncated)


def _lists(names: str) -> str:
    return (
        f"lists in {names} are shown by their first element; results.truncated counts what is left "
        'out, lists="nested" or lists="explode" of read_results and op.load keeps it'
    )


def warn_of_lists(table: str) -> None:
    """Warn that `table` shows lists by their first element; in a notebook, the results themselves say so."""
    from lro_notebook.jupyter.auto_display import kernel

    if kernel() is None:
        warn_caller(_lists(table), TruncatedListsWarning)


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


def _place(line: BadLine) -> str:
    return line.file + (f" line {line.line}" if line.line is not None else "")
