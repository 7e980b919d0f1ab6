"""Every table of results to a database, one after the other, in one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pandas as pd
import pyarrow.parquet as pq

from lro_notebook.errors import ConfigError
from lro_notebook.results.databases.naming import distinct
from lro_notebook.results.table_stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from lro_notebook.views.view import View

    #: Ready views by name, views, or either under a name for its table.
    Views = Sequence[View | Mapping[str, Any] | str] | Mapping[str, View | Mapping[str, Any] | str]


class Database(Protocol):
    """What tables can be written to."""

    def write(self, name: str, stream: Stream) -> int:
        """Write a table in the place of any other of that name, and return how many rows it has."""
        ...


class _Scan(Protocol):
    def to_parquet(self, path: str, /) -> Path: ...


class Row(NamedTuple):
    """A table that was written: its name there, and its rows."""

    table: str
    rows: int


def write_all(
    database: Database,
    tables: Iterable[AbstractContextManager[Mapping[str, Stream]]],
    scans: Mapping[str, _Scan],
) -> pd.DataFrame:
    """Write tables, those that are read together at a time, and views; return a row for each."""
    written: list[Row] = []
    for together in tables:
        with together as streams:
            names = distinct(streams, (row.table for row in written), "table")
            for name, stream in zip(names, streams.values(), strict=True):
                written.append(Row(name, database.write(name, stream)))
    names = distinct(scans, (row.table for row in written), "view")
    for name, scan in zip(names, scans.values(), strict=True):
        with _rows_of(scan) as stream:
            written.append(Row(name, database.write(name, stream)))
    return _frame(written)


@contextmanager
def _rows_of(scan: _Scan) -> Iterator[Stream]:
    """Give the rows of a view, kept in a temporary file."""
    with tempfile.TemporaryDirectory(prefix="lro-notebook-") as folder:
        path = scan.to_parquet(str(Path(folder, "view.parquet")))
        yield Stream.of_files(pq.read_schema(path), [path])


def named(views: Views) -> dict[str, View | Mapping[str, Any] | str]:
    """Return the views by the names of their tables: ``Patient_view`` where none is given."""
    if isinstance(views, str):
        raise ConfigError(f"views={views!r} is one name; give a list: views=[{views!r}]")
    if isinstance(views, Mapping):
        return dict(views)
    from lro_notebook.views.view import View

    names = [
        view if isinstance(view, str) and view in View.names() else _name(View.of(view)) for view in views
    ]
    return dict(zip(distinct(f"{name}_view" for name in names), views, strict=True))


def _name(view: View) -> str:
    return view.definition.name or view.resource


def _frame(written: Iterable[Row]) -> pd.DataFrame:
    rows = list(written)
    return pd.DataFrame(
        {
            "table": pd.Series([row.table for row in rows], dtype="string"),
            "rows": pd.Series([row.rows for row in rows], dtype="Int64"),
        }
    )
