"""The way in: a place, and how to read it, to `Results`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.admission import Near, admit, is_cloud
from lro_notebook.results.arrow.batch import Options
from lro_notebook.results.discover import Shard, find
from lro_notebook.results.formats.fhir_ndjson import FHIR_NDJSON
from lro_notebook.results.formats.hl7v2_charsets import checked_encoding
from lro_notebook.results.limits import Limits
from lro_notebook.results.manifest import manifest_at
from lro_notebook.results.memory import available
from lro_notebook.results.remote.calls import USUAL, Fetch
from lro_notebook.results.remote.starts import infos_of
from lro_notebook.results.remote.versions import Version
from lro_notebook.results.results import Results
from lro_notebook.results.sources import bigquery
from lro_notebook.results.sources.files import Files
from lro_notebook.results.storage import locate, shown

if TYPE_CHECKING:
    from lro_notebook.results.admission import Named, Service
    from lro_notebook.results.discover import Span
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.storage import Location

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
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
    streams: int | None = None,
    operation: str | None = None,
    partial: bool = False,
    span: Span = (None, None),
    only: Format | None = None,
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
    encoding : str, optional
        The character set of HL7v2 messages that name none: a name of Python or of HL7. By default UTF-8,
        and Windows-1252 for those that are not in it.
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
    manifest = manifest_at(location, fetch)
    if manifest is not None:
        near = Near(
            location.uri.rpartition("/")[0] or ".",
            relative=True,
            origin="" if service is None else service.origin,
            cloud=service is not None,
        )
        given = {"buckets": buckets, "storage_options": storage_options}
        storage = _Storage(location.uri, given, service)
        return _of_files(manifest, FHIR_NDJSON, tables, options, near, storage, fetch)
    shards = find(
        location, operation=operation, tables=tables, partial=partial, span=span, only=only, fetch=fetch
    )
    return Results(Files(location, fetch), shards, options)


def read_files(
    files: Iterable[Named],
    near: Near,
    *,
    format: Format,  # noqa: A002 - as the field of a shard
    tables: Iterable[str] | None = None,
    columns: Columns = None,
    decimals: str = "float",
    parse_dates: bool = False,
    lists: str = "first",
    errors: str = "report",
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
    streams: int | None = None,
    buckets: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    service: Service | None = None,
) -> Results:
    """Return the files that are named one by one, as (URI, table); all in one file system and format.

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
        encoding=encoding,
        limits=limits,
    )
    given = {"buckets": buckets, "storage_options": storage_options}
    storage = _Storage(near.folder or "gs://", given, service)
    fetch = fetch_of(streams, options.limits)
    return _of_files(files, format, tables, options, near, storage, fetch)


class _Storage(NamedTuple):
    """How files are read: the options that the caller gave for a place, and the service for another kind."""

    place: str
    given: dict[str, Any]
    service: Service | None

    def of(self, uri: str) -> dict[str, Any]:
        """Return the options of `storage.locate` for `uri`; those of one kind of place are for it alone."""
        if is_cloud(uri) and self.service is not None:
            return self.service.storage()
        if uri.startswith("https://"):  # a redirect could lead anywhere
            return {"storage_options": {"allow_redirects": False}}
        return self.given if is_cloud(uri) == is_cloud(self.place) else {}


def _of_files(  # noqa: PLR0917 - one place that both ways in share
    files: Iterable[Named],
    reading: Format,
    tables: Iterable[str] | None,
    options: Options,
    near: Near,
    storage: _Storage,
    fetch: Fetch,
) -> Results:
    listed = list(files)
    wanted = None if tables is None else {tables} if isinstance(tables, str) else set(tables)
    if wanted is not None:
        there = {table for _, table in listed}
        if missing := sorted(wanted - there):
            raise ResultError(
                f"no table {', '.join(missing)} in the manifest; there are {', '.join(sorted(there))}"
            )
        listed = [(uri, table) for uri, table in listed if table in wanted]
    admitted = admit(listed, near, errors=options.errors)
    if not admitted:
        return Results(None, [], options)
    first = admitted[0][0]
    location = locate(first, **storage.of(first))
    places = [location, *(_like(location, uri, storage) for uri, _ in admitted[1:])]
    shards = []
    infos = infos_of(location, [place.path for place in places], fetch)
    for (uri, table), place, info in zip(admitted, places, infos, strict=True):
        version = Version.of(info)
        shards.append(
            Shard(shown(uri), place.path, table, version.size or 0, format=reading, version=version)
        )
    return Results(Files(location, fetch), shards, options)


def _like(location: Location, uri: str, storage: _Storage) -> Location:
    """Return the place of `uri`, in the file system of `location`: one for all, where it takes requests."""
    return location.another(uri) if location.is_remote else locate(uri, **storage.of(uri))


def options_of(
    *,
    columns: Columns = None,
    decimals: str = "float",
    parse_dates: bool = False,
    lists: str = "first",
    errors: str = "report",
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
) -> Options:
    """Return the options, checked; see `read`."""
    for name, value in (("decimals", decimals), ("lists", lists), ("errors", errors)):
        if value not in _WORDS[name]:
            raise ConfigError(f"{name}={value!r} is not known; use one of {', '.join(_WORDS[name])}")
    return Options(
        _columns(columns), decimals, parse_dates, lists, errors, checked_encoding(encoding), Limits.of(limits)
    )


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
