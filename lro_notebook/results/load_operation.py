"""From an operation, or a URI, to `Results`: where the output is, and with which credentials to read it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError, LroWarning, ResultError, warn_caller
from lro_notebook.operations.failed_units import failure_of
from lro_notebook.operations.frame_methods import wrote_nothing
from lro_notebook.results.allowed_places import Near, Service, is_cloud
from lro_notebook.results.discovery.listing import files_at
from lro_notebook.results.empty_exports import add_nothing, nothing_of
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.formats.id_lists import DATA_IDS, ID_LISTS
from lro_notebook.results.formats.registry import format_written_by
from lro_notebook.results.load_place import OPTION_WORDS, fetch_of, options_of, read, read_files
from lro_notebook.results.location import locate
from lro_notebook.results.manifest import Listing, listing_of
from lro_notebook.results.read_outputs import holds_more, outputs_of, read_outputs
from lro_notebook.results.results import Results
from lro_notebook.results.sources.bigquery import PREFIX
from lro_notebook.results.sources.store import store_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lro_notebook.operations.client import Client
    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.arrow.batch import Options
    from lro_notebook.results.discovery.ownership import Span
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.places import Place

#: Methods whose result is what they left in a store.
_FILLING = ("import", "deidentify")
#: Collections whose operations write where their start helpers say.
_STORES = ("Stores", "datasets")


def load(
    operation: Operation, source: str | os.PathLike[str] | None, *, partial: bool = False, **options: Any
) -> Results:
    """Return the output of an operation that has ended; see `Operation.load`.

    Of an export that says itself that it has written nothing, or nothing of a type: empty tables.
    """
    tables = options.get("tables")
    source = None if source is None else os.fspath(source)
    try:
        results = _loaded(operation, source, partial=partial, **options)
    except ResultError as error:
        why = failure_of(operation) if error.nothing_there else None
        if why is not None:
            raise ResultError(f"{error}: {why}", nothing_there=True) from None
        if not (error.nothing_there and wrote_nothing(operation)):
            raise
        return nothing_of(operation, tables, _options_in(options))
    _tell_part(results, operation)
    if source is None and tables is None and not (operation.destination or "").startswith(PREFIX):
        add_nothing(results, operation, _options_in(options))
    return results


def _tell_part(results: Results, operation: Operation) -> None:
    """Have results say that they are a part, where their operation ended without success; warn of it."""
    snapshot = operation.snapshot
    if snapshot.resource.error is None:
        return
    results.partial = snapshot.state
    done = (snapshot.progress.completed or 0) - (snapshot.progress.failed or 0)
    counted = f"; it counts {done:,} done" if done else ""
    warn_caller(
        f"operation {operation.id} ended as {snapshot.state}: this is what it left, and rows or whole tables "
        f"may be missing{counted}",
        LroWarning,
    )


def _loaded(operation: Operation, source: str | None, *, partial: bool, **options: Any) -> Results:
    response = operation.resource.response or {}
    listed = None if source else listed_by(response)
    if listed is not None:
        if "output" in response and listed[0].is_empty:
            return nothing_of(operation, options.get("tables"), _options_in(options))
        return read_listed(operation.client, *listed, destination=operation.destination, **options)
    method = operation.method
    collection = method.partition(".")[0]
    asked = source or (operation.destination if collection.endswith(_STORES) else None)
    if asked is None or ("://" not in asked and source is None):
        return _elsewhere(operation, method, partial=partial, options=options)
    return read_for(
        _client_of(operation),
        asked,
        operation=operation.id,
        partial=partial,
        span=_span_of(operation),
        only=format_written_by(collection),
        own=collection.endswith(_STORES),
        **options,
    )


def _elsewhere(operation: Operation, method: str, *, partial: bool, options: dict[str, Any]) -> Results:
    """Return what is where the operation or its start request says, what is in a store, or the response."""
    response = operation.resource.response or {}
    places = [place for place in outputs_of(operation) if place.role == "output"]
    if places:
        return _at_places(operation, places, partial=partial, **options)
    if "export" in method.lower() and not operation.destination and not response.keys() - {"@type"}:
        raise ConfigError(
            f"where operation {operation.id} wrote its output is not known: neither the journal of this "
            'machine nor its response says. Give the place: op.load("gs://bucket/folder")'
        )
    if operation.destination and method.lower().endswith(_FILLING):
        return _in_store(operation.client, operation.destination, response, options)
    return Results.from_response(response, options=_options_in(options))


def _at_places(
    operation: Operation,
    places: list[Place],
    *,
    partial: bool,
    tables: Iterable[str] | None = None,
    streams: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Results:
    """Return what is at the places that an operation of any API wrote to."""
    client, chosen = _client_of(operation), options_of(**options)
    own: dict[str, Any] = {"storage_options": storage_options}
    given = own if client is None else _storage(client, own)
    try:
        return read_outputs(
            operation,
            places,
            lambda uri: locate(uri, **given),
            options=chosen,
            fetch=fetch_of(streams, chosen.limits),
            span=_span_of(operation),
            credentials=None if client is None else client.storage_options().get("token"),
            tables=tables,
            partial=partial,
        )
    except ResultError as error:
        response = operation.resource.response or {}
        if tables is not None or not holds_more(response):
            raise
        warn_caller(f"{error}. The response itself is loaded", LroWarning)
        return Results.from_response(response, options=chosen)


def _client_of(operation: Operation) -> Client | None:
    """Return the client with whose credentials output is read; None for application-default ones."""
    from lro_notebook.operations.client import Client

    return operation.client if isinstance(operation.client, Client) else Client.only_open()


def _span_of(operation: Operation) -> Span:
    """Return when an operation ran, as the service says: from its creation, or from when its work began."""
    progress = operation.snapshot.progress
    return (
        progress.created if progress.created_from in {"service", "work"} else None,
        progress.ended if progress.ended_from == "service" else None,
    )


def _in_store(client: Client, name: str, response: Mapping[str, Any], options: Mapping[str, Any]) -> Results:
    """Return what an operation left in a store, beside its response."""
    store = store_named(client.session, name)
    wanted = options.get("tables")
    asked = None if wanted is None else {wanted} if isinstance(wanted, str) else set(wanted)
    shards = [shard for shard in (store.shards() if store else ()) if asked is None or shard.table in asked]
    chosen = _options_in(options)
    hint = f"the operation wrote into {name}: export that, and load the export"
    return Results.from_response(response, source=store, shards=shards, options=chosen, hint=hint)


def reader_of(uri: str, *, given: bool) -> Client | None:
    """Return the client that reads `uri` where the caller names none; None: application-default credentials.

    Parameters
    ----------
    uri : str
        The place.
    given : bool
        Whether the caller says otherwise how to read it.

    Raises
    ------
    ConfigError
        It may lie in the buckets of an embedded service or elsewhere.
    """
    from lro_notebook.operations.client import Client

    several = Client.all_open()
    if len(several) > 1 and is_cloud(uri) and not given and any(each.is_local for each in several):
        there = ", ".join(str(each).strip("<>") for each in several)
        raise ConfigError(
            f"{len(several)} clients are open ({there}), and an embedded service has buckets of its own: say "
            f"whose {uri} is. ds.read_results({uri!r}) reads with the client of ds, and so does "
            f"lro.read_results({uri!r}, client=ds.client); or close the other one: other.client.close()"
        )
    return Client.only_open()


def _options_in(options: Mapping[str, Any]) -> Options:
    """Return how to load, of all the options that were given."""
    return options_of(**{word: value for word, value in options.items() if word in OPTION_WORDS})


def read_for(client: Client | None, uri: str, **options: Any) -> Results:
    """Return what is at `uri`, read as `client` may read it; an option given by the caller wins."""
    if client is not None and uri.startswith(PREFIX):
        options.setdefault("credentials", client.storage_options().get("token"))
    if client is None:
        return read(uri, **options)
    if is_cloud(uri):
        options |= _storage(client, options)
    service = Service(client.endpoint, partial(_storage, client, options))
    return read(uri, service=service, **options)


def read_listed(
    client: Client | None,
    listing: Listing,
    reading: Format,
    *,
    destination: str | None,
    **options: Any,
) -> Results:
    """Return the files that a response names one by one: those of the place `destination`."""
    folder = destination if destination and ("://" in destination or destination.startswith("/")) else None
    near = Near(folder, origin="" if client is None else client.endpoint)
    service = None if client is None else Service(client.endpoint, partial(_storage, client, options))
    return read_files(listing, near, format=reading, service=service, **options)


def read_all_at(client: Client | None, uri: str) -> Results:
    """Return what is in all files at `uri` and below, nothing where there are none.

    Raises
    ------
    ConfigError, ResultError
        The place cannot be listed, or no file is in a format that is known.
    """
    given = _storage(client, {}) if client is not None and is_cloud(uri) else {}
    location = locate(uri, **given)
    if not files_at(location, deep=True):
        return Results(None, ())
    return read_for(client, uri, deep=True)


def _storage(client: Client, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with which `client` reads ``gs://``; its token is for Google's storage alone."""
    local = client.local()
    given = options.get("storage_options") or {}
    return {
        "buckets": options.get("buckets") or (str(local.buckets) if local else None),
        "storage_options": {**client.storage_options(), **given},
    }


def listed_by(response: Mapping[str, Any]) -> tuple[Listing, Format] | None:
    """Return the files that a response lists, and their format; None if it lists none.

    `queryAccessibleData` gives ``gcsUris``, FHIR ``$export`` a manifest with ``output``.
    """
    uris = response.get("gcsUris")
    if isinstance(uris, list):
        return Listing([(str(uri), DATA_IDS) for uri in uris]), ID_LISTS
    listing = listing_of(response)
    return None if listing is None else (listing, FHIR_NDJSON)
