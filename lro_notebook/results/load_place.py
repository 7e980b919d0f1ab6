"""The way in: a place, and how to read it, to `Results`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError, LeftOutWarning, LroWarning, warn_caller
from lro_notebook.results.allowed_places import Near
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.discovery.discover import find, told
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.formats.hl7v2.charsets import checked_encoding
from lro_notebook.results.limits import Limits
from lro_notebook.results.location import locate
from lro_notebook.results.manifest import listing_at
from lro_notebook.results.memory_estimate import available
from lro_notebook.results.named_files import Reach, Storage, results_of
from lro_notebook.results.remote.retried_calls import USUAL, Fetch
from lro_notebook.results.results import Results
from lro_notebook.results.sources import bigquery
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from lro_notebook.results.allowed_places import Service
    from lro_notebook.results.discovery.ownership import Span
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.manifest import Listing
    from lro_notebook.results.shards import Found

Columns = Iterable[str] | Mapping[str, Iterable[str]] | None

_SHARE = 4  # the part of the free memory that fetched bytes may take
_WORDS = {
    "decimals": ("float", "exact", "text"),
    "lists": ("first", "nested", "explode"),
    "errors": ("report", "raise"),
}


def read(
    uri: str | os.PathLike[str],
    *,
    tables: Iterable[str] | None = None,
    columns: Columns = None,
    decimals: str = "float",
    parse_dates: bool = False,
    lists: str = "first",
    errors: str = "report",
    source_file: bool = False,
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
    streams: int | None = None,
    operation: str | None = None,
    partial: bool = False,
    span: Span = (None, None),
    only: Format | None = None,
    deep: bool = False,
    own: bool = True,
    buckets: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    credentials: Any = None,
    service: Service | None = None,
) -> Results:
    """Return the results at `uri`; lists them, and reads none of them yet.

    Parameters
    ----------
    uri : str or path
        A folder, file, name prefix or glob: a plain path or any fsspec URL. ``bq://project.dataset`` for
        tables in BigQuery.
    tables : iterable of str, optional
        Only these tables.
    columns : iterable of str, or mapping of table to such, optional
        Only these columns (dotted names), in this order.
    decimals : {"float", "exact", "text"}
        Numbers as float64, as exact decimals, or as the text that was there. A column where all numbers
        are integers is int64 in the first two.
    parse_dates : bool
        Columns of dates as UTC instants, and of times of day as such, where every value is one; else they
        stay text, and ``Results.unparsed_dates`` counts the values that are none.
    lists : {"first", "nested", "explode"}
        Lists: their first element, as they are, or in tables of their own too.
    errors : {"report", "raise"}
        Bad lines: listed in ``Results.bad_lines`` with a warning, or an error.
    source_file : bool
        Whether each row says its file, in a column ``source_file``.
    encoding : str, optional
        The character set of HL7v2 messages that name none, and of delimited values without a byte order mark:
        a name of Python or of HL7. By default UTF-8, and Windows-1252 for what is not in it.
    limits : mapping of str to int, optional
        What is too much, where the defaults of `limits.Limits` will not do.
    streams : int, optional
        Requests to a remote place at once; 16 by default.
    operation : str, optional
        Only the files of this operation.
    partial : bool
        Whether shards may be missing.
    span : pair of datetime
        When `operation` ran, for files that do not name it.
    only : Format, optional
        Only files in this format.
    deep : bool
        Whether files in folders below are meant even where there are others.
    own : bool
        Whether it is an error if no file can be told to be of `operation`.
    buckets : str, optional
        The folder that holds the buckets of the embedded service.
    storage_options : mapping, optional
        Passed on to fsspec.
    credentials : google.auth.credentials.Credentials, optional
        For BigQuery; application-default credentials if None.
    service : Service, optional
        Whose client reads: what a manifest names may also lie there.

    Raises
    ------
    ConfigError
        An option or the URI cannot work, or several operations wrote there.
    ResultError
        Nothing is there, or shards are missing.
    """
    options = options_of(
        columns=columns,
        decimals=decimals,
        parse_dates=parse_dates,
        lists=lists,
        errors=errors,
        source_file=source_file,
        encoding=encoding,
        limits=limits,
    )
    fetch = fetch_of(streams, options.limits)
    if os.fspath(uri).startswith(bigquery.PREFIX):
        warehouse, shards = bigquery.find_tables(
            os.fspath(uri), tables=tables, credentials=credentials, only=only
        )
        return Results(warehouse, shards, options)
    location = locate(uri, buckets=buckets, storage_options=storage_options)
    listing = listing_at(location, fetch)
    if listing is not None:
        near = Near(
            location.uri.rpartition("/")[0] or ".",
            relative=True,
            origin="" if service is None else service.origin,
            cloud=service is not None,
        )
        given = {"buckets": buckets, "storage_options": storage_options}
        storage = Storage(location.uri, given, service)
        return results_of(listing, FHIR_NDJSON, tables, options, Reach(near, storage, fetch))
    found = find(
        location,
        operation=operation,
        tables=tables,
        partial=partial,
        span=span,
        only=only,
        deep=deep,
        own=own,
        fetch=fetch,
    )
    tell(found, location.uri)
    return Results(Files(location, fetch), found.shards, options, skipped=found.skipped)


def tell(found: Found, place: str) -> None:
    """Warn of what is left out of what was `found` at a place, and of what is not sure."""
    if found.note:
        warn_caller(found.note, LroWarning)
    if loud := [each for each in found.skipped if not each.quiet]:
        warn_caller(told(loud, place), LeftOutWarning)


def read_files(
    listing: Listing,
    near: Near,
    *,
    format: Format,  # noqa: A002 - as the field of a shard
    tables: Iterable[str] | None = None,
    columns: Columns = None,
    decimals: str = "float",
    parse_dates: bool = False,
    lists: str = "first",
    errors: str = "report",
    source_file: bool = False,
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
    streams: int | None = None,
    buckets: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    service: Service | None = None,
) -> Results:
    """Return the files that are named one by one; all of one sort are in one file system and format.

    Raises
    ------
    ConfigError
        An option or a URI cannot work.
    ResultError
        A file is not there, or none of them is `near`, or not all while `errors` is "raise".
    """
    options = options_of(
        columns=columns,
        decimals=decimals,
        parse_dates=parse_dates,
        lists=lists,
        errors=errors,
        source_file=source_file,
        encoding=encoding,
        limits=limits,
    )
    given = {"buckets": buckets, "storage_options": storage_options}
    storage = Storage(near.folder or "gs://", given, service)
    fetch = fetch_of(streams, options.limits)
    return results_of(listing, format, tables, options, Reach(near, storage, fetch))


def options_of(
    *,
    columns: Columns = None,
    decimals: str = "float",
    parse_dates: bool = False,
    lists: str = "first",
    errors: str = "report",
    source_file: bool = False,
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
) -> Options:
    """Return the options, checked; see `read`."""
    for name, value in (("decimals", decimals), ("lists", lists), ("errors", errors)):
        if value not in _WORDS[name]:
            raise ConfigError(f"{name}={value!r} is not known; use one of {', '.join(_WORDS[name])}")
    return Options(
        _columns(columns),
        decimals,
        parse_dates,
        lists,
        errors,
        encoding=checked_encoding(encoding),
        limits=Limits.of(limits),
        source_file=source_file,
    )


#: What `options_of` takes.
OPTION_WORDS = frozenset(inspect.signature(options_of).parameters)


def fetch_of(streams: object, limits: Limits) -> Fetch:
    """Return how a remote place is read: with so many requests at once, in the memory that is there.

    Raises
    ------
    ConfigError
        `streams` is not a whole number of at least 1.
    """
    streams = USUAL.streams if streams is None else streams
    if not isinstance(streams, int) or isinstance(streams, bool) or streams < 1:
        raise ConfigError(f"streams={streams!r} is not a whole number of at least 1")
    free = available()
    return Fetch(streams, limits.fetched if free is None else min(limits.fetched, free // _SHARE))


def _columns(columns: Columns) -> list[str] | dict[str, list[str]] | None:
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return {table: _listed(names) for table, names in columns.items()}
    return _listed(columns)


def _listed(names: Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
