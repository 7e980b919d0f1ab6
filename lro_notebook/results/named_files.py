"""Files that a response or a manifest names one by one, to `Results`, as far as they may be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import (
    ConfigError,
    LroWarning,
    PartialFailureWarning,
    ResultError,
    warn_caller,
)
from lro_notebook.results.allowed_places import admit, is_cloud
from lro_notebook.results.formats.fhir.bulk_files import DELETED_FILES, FAILURE_FILES
from lro_notebook.results.load_report import no_table
from lro_notebook.results.location import bare, locate, shown
from lro_notebook.results.remote.first_bytes import infos_of
from lro_notebook.results.remote.versions import Version
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Shard
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.results.allowed_places import Named, Near, Service
    from lro_notebook.results.arrow.batch import Options
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.location import Location
    from lro_notebook.results.manifest import Listing
    from lro_notebook.results.remote.retried_calls import Fetch

_Part = tuple[Files, list[Shard]]


class Storage(NamedTuple):
    """How files are read: the options that the caller gave for a place, and the service for another kind."""

    place: str
    given: dict[str, Any]
    service: Service | None

    def of(self, uri: str) -> dict[str, Any]:
        """Return the options of `location.locate` for `uri`; those of one kind of place are for it alone."""
        if is_cloud(uri) and self.service is not None:
            return self.service.storage()
        if uri.startswith("https://"):  # a redirect could lead anywhere
            return {"storage_options": {"allow_redirects": False}}
        return self.given if is_cloud(uri) == is_cloud(self.place) else {}


class Reach(NamedTuple):
    """Which files may be read, how they are opened, and how much is fetched at once."""

    near: Near
    storage: Storage
    fetch: Fetch


def results_of(
    listing: Listing, reading: Format, tables: Iterable[str] | None, options: Options, reach: Reach
) -> Results:
    """Return the files of `listing`; what it says of failures, and all that is not read, is told.

    Raises
    ------
    ConfigError, ResultError
        A table is not there, or a file of the results cannot be read, or none of them may be.
    """
    wanted = None if tables is None else {tables} if isinstance(tables, str) else set(tables)
    there = {table for _, table in (*listing.files, *listing.deleted)}
    if missing := sorted((wanted or set()) - there):
        raise ResultError(no_table(missing, there, at=" in the manifest"))

    def chosen(files: Sequence[Named]) -> list[Named]:
        return [(uri, table) for uri, table in files if wanted is None or table in wanted]

    for note in listing.notes:
        warn_caller(f"{note}. What there is is loaded", LroWarning)
    main = _part(chosen(listing.files), reading, options, reach, listing.counts)
    deleted = _aside(chosen(listing.deleted), DELETED_FILES, options, reach)
    failed = _aside(listing.failures, FAILURE_FILES, options, reach)
    if listing.failures:
        warn_caller(_failed(listing.failures), PartialFailureWarning)
    whole = replace(options, columns=None)
    more = [(*deleted, whole)] if deleted is not None else []
    beside = Results(*failed, whole) if failed is not None else None
    source, shards = main if main is not None else (None, [])
    return Results(source, shards, options, more=more, beside=beside)


def _failed(files: Sequence[Named]) -> str:
    more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
    return (
        f"the manifest names files of errors, {bare(files[0][0])}{more}: something was not exported. "
        "results.failures lists what they say, and so does op.failures() of the operation"
    )


def _aside(files: Sequence[Named], reading: Format, options: Options, reach: Reach) -> _Part | None:
    """Return files without which the results can be read; where they cannot be, that is told."""
    try:
        return _part(files, reading, options, reach, {})
    except (ConfigError, ResultError) as error:
        if options.errors == "raise":
            raise
        warn_caller(f"the {reading.name} are not read: {error}", LroWarning)
        return None


def _part(
    files: Sequence[Named], reading: Format, options: Options, reach: Reach, counts: Mapping[str, int]
) -> _Part | None:
    admitted = admit(files, reach.near, errors=options.errors)
    if not admitted:
        return None
    first = admitted[0][0]
    location = locate(first, **reach.storage.of(first))
    places = [location, *(_like(location, uri, reach.storage) for uri, _ in admitted[1:])]
    infos = infos_of(location, [place.path for place in places], reach.fetch)
    told = {uri: count for place, count in counts.items() if (uri := reach.near.resolve(place)) is not None}
    shards = []
    for (uri, table), place, info in zip(admitted, places, infos, strict=True):
        version = Version.of(info)
        size = version.size or 0
        shards.append(
            Shard(shown(uri), place.path, table, size, format=reading, version=version, counted=told.get(uri))
        )
    return Files(location, reach.fetch), shards


def _like(location: Location, uri: str, storage: Storage) -> Location:
    """Return the place of `uri`, in the file system of `location`: one for all, where it takes requests."""
    return location.another(uri) if location.is_remote else locate(uri, **storage.of(uri))
