"""From an operation, or a URI, to `Results`: where the output is, and with which credentials to read it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.results.admission import Named, Near, Service, is_cloud
from lro_notebook.results.discover import uris_at
from lro_notebook.results.formats.fhir_ndjson import FHIR_NDJSON
from lro_notebook.results.formats.id_lists import DATA_IDS, ID_LISTS
from lro_notebook.results.formats.registry import format_written_by
from lro_notebook.results.manifest import files_of
from lro_notebook.results.read import options_of, read, read_files
from lro_notebook.results.results import Results
from lro_notebook.results.sources.bigquery import PREFIX
from lro_notebook.results.sources.store import store_named
from lro_notebook.results.storage import locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.operations.client import Client
    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.formats.format import Format

#: Methods whose result is what they left in a store.
_FILLING = ("import", "deidentify")


def load(operation: Operation, source: str | None, *, partial: bool = False, **options: Any) -> Results:
    """Return the output of an operation that has ended; see `Operation.load`."""
    response = operation.resource.response or {}
    listed = None if source else _listed(response)
    if listed is not None:
        return read_listed(operation.client, *listed, destination=operation.destination, **options)
    uri = source or operation.destination
    method = operation.method
    if uri is None and "export" in method.lower() and not response.keys() - {"@type"}:
        raise ConfigError(
            f"where operation {operation.id} wrote its output is not known: neither the journal of this "
            'machine nor its response says. Give the place: op.load("gs://bucket/folder")'
        )
    if uri is None or ("://" not in uri and not method.lower().endswith(_FILLING)):
        return Results.from_response(response)
    if "://" not in uri:
        return _in_store(operation.client, uri, response, options)
    progress = operation.snapshot.progress
    return read_for(
        operation.client,
        uri,
        operation=operation.id,
        partial=partial,
        span=(
            progress.created if progress.created_from == "service" else None,
            progress.ended if progress.ended_from == "service" else None,
        ),
        only=format_written_by(method.partition(".")[0]),
        **options,
    )


def _in_store(client: Client, name: str, response: Mapping[str, Any], options: Mapping[str, Any]) -> Results:
    """Return what an operation left in a store, beside its response."""
    store = store_named(client.session, name)
    wanted = options.get("tables")
    asked = None if wanted is None else {wanted} if isinstance(wanted, str) else set(wanted)
    shards = [shard for shard in (store.shards() if store else ()) if asked is None or shard.table in asked]
    words = ("columns", "decimals", "parse_dates", "lists", "errors", "encoding", "limits")
    chosen = options_of(**{word: options[word] for word in words if word in options})
    hint = f"the operation wrote into {name}: export that, and load the export"
    return Results.from_response(response, source=store, shards=shards, options=chosen, hint=hint)


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
    files: list[Named],
    reading: Format,
    *,
    destination: str | None,
    **options: Any,
) -> Results:
    """Return files that a response names one by one, as (URI, table): those of the place `destination`."""
    folder = destination if destination and ("://" in destination or destination.startswith("/")) else None
    near = Near(folder, origin="" if client is None else client.endpoint)
    service = None if client is None else Service(client.endpoint, partial(_storage, client, options))
    return read_files(files, near, format=reading, service=service, **options)


def read_lines_at(client: Client | None, uri: str, table: str) -> Results:
    """Return the JSON Lines of all files at `uri` as one table, whatever the files are called.

    Raises
    ------
    ConfigError, ResultError
        The place cannot be listed.
    """
    given = _storage(client, {}) if client is not None and is_cloud(uri) else {}
    files = [(each, table) for each in uris_at(locate(uri, **given))]
    return read_listed(client, files, FHIR_NDJSON, destination=uri) if files else Results(None, ())


def _storage(client: Client, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with which `client` reads ``gs://``; its token is for Google's storage alone."""
    local = client.local()
    given = options.get("storage_options") or {}
    return {
        "buckets": options.get("buckets") or (str(local.buckets) if local else None),
        "storage_options": {**client.storage_options(), **given},
    }


def _listed(response: Mapping[str, Any]) -> tuple[list[Named], Format] | None:
    """Return the files that a response lists, and their format; None if it lists none.

    `queryAccessibleData` gives ``gcsUris``, FHIR ``$export`` a manifest with ``output``.
    """
    uris = response.get("gcsUris")
    if isinstance(uris, list):
        return [(str(uri), DATA_IDS) for uri in uris], ID_LISTS
    files = files_of(response)
    return None if files is None else (files, FHIR_NDJSON)
