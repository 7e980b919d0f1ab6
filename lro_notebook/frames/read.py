"""The way in: a place, and how to read it, to `Results`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.frames.chunks import Options
from lro_notebook.frames.files import find
from lro_notebook.frames.results import Results
from lro_notebook.frames.storage import locate

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from lro_notebook.frames.files import Span

_WORDS = {
    "decimals": ("float", "exact", "text"),
    "lists": ("first", "nested", "explode"),
    "errors": ("report", "raise"),
}


def read(
    uri: str | os.PathLike[str],
    *,
    tables: Iterable[str] | None = None,
    columns: Iterable[str] | Mapping[str, Iterable[str]] | None = None,
    decimals: str = "float",
    parse_dates: bool = False,
    lists: str = "first",
    errors: str = "report",
    operation: str | None = None,
    partial: bool = False,
    span: Span = (None, None),
    buckets: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Results:
    """Return the result files at `uri`; lists them, and reads none of them yet.

    Parameters
    ----------
    uri : str or path
        A folder, file, name prefix or glob: a plain path or any fsspec URL.
    tables : iterable of str, optional
        Only these tables.
    columns : iterable of str, or mapping of table to such, optional
        Only these columns (dotted names), in this order.
    decimals : {"float", "exact", "text"}
        Numbers as float64, as exact decimals, or as the text that was there. A column where all numbers
        are integers is int64 in the first two.
    parse_dates : bool
        Date columns as UTC instants, where every value is a date; else they stay text.
    lists : {"first", "nested", "explode"}
        Lists: their first element, as they are, or in tables of their own too.
    errors : {"report", "raise"}
        Bad lines: listed in ``Results.bad_lines`` with a warning, or an error.
    operation : str, optional
        Only the files of this operation.
    partial : bool
        Whether missing shards are no error.
    span : pair of datetime
        When `operation` ran, for files that do not name it.
    buckets : str, optional
        The folder that holds the buckets of the embedded service.
    storage_options : mapping, optional
        Passed on to fsspec.

    Raises
    ------
    ConfigError
        An option or the URI cannot work, or several operations wrote there.
    ResultError
        Nothing is there, or shards are missing.
    """
    for name, value in (("decimals", decimals), ("lists", lists), ("errors", errors)):
        if value not in _WORDS[name]:
            raise ConfigError(f"{name}={value!r} is not known; use one of {', '.join(_WORDS[name])}")
    location = locate(uri, buckets=buckets, storage_options=storage_options)
    shards = find(location, operation=operation, tables=tables, partial=partial, span=span)
    options = Options(_columns(columns), decimals, parse_dates, lists, errors)
    return Results(location, shards, options)


def _columns(
    columns: Iterable[str] | Mapping[str, Iterable[str]] | None,
) -> list[str] | dict[str, list[str]] | None:
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return {table: _listed(names) for table, names in columns.items()}
    return _listed(columns)


def _listed(names: Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
