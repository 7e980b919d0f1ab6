"""The runner of ``fhirStores.exportHistory``: a history Bundle of each resource, one per line."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, place, workspace, write_lines
from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.fhir.rows import Stored
    from lro_notebook.local.operations.method import Context, Job, Steps

_ALL_VERSIONS = 2**31


@dataclass(frozen=True, slots=True)
class HistoryExport:
    """A checked export; `types` None is every type, `since` is in microseconds since 1970."""

    store: Store
    destination: Location
    types: frozenset[str] | None
    since: int | None
    limit: int


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> HistoryExport:
    """Check the body of ``fhirStores.exportHistory``."""
    limit = request_fields.int64(body, "maxResourceVersions", 0)
    if limit < 0:
        raise invalid_argument("maxResourceVersions: expected a positive number, or 0 for all versions")
    return HistoryExport(
        store,
        request_fields.destination(context.buckets, body),
        request_fields.types(body.get("_type", ""), "_type"),
        request_fields.moment(body, "_since"),
        limit or _ALL_VERSIONS,
    )


def run(job: Job, request: HistoryExport) -> Steps:
    """Write a snapshot of the store, type by type, and yield a step per batch."""
    folder = job.buckets.destination(request.destination)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        keys = [
            key
            for key in rows.with_versions(connection, request.store.key, since=request.since)
            if request.types is None or key[0] in request.types
        ]
        yield Step(total=len(keys))
        for type_, group in groupby(keys, key=itemgetter(0)):
            bundles = (_bundle(connection, request, type_, identifier) for _, identifier in group)
            with Shards(drafts, f"{job.operation}_history_{type_}", job.shard_bytes) as shards:
                yield from write_lines(job, shards, bundles)
            yield from place([shards], folder)
    return {}


def _bundle(connection: sqlite3.Connection, request: HistoryExport, type_: str, identifier: str) -> bytes:
    """Return the history Bundle of a resource on one line, newest version first."""
    versions = rows.versions(connection, request.store.key, type_, identifier, limit=request.limit)
    entries = [_entry(row, type_) for row in versions if request.since is None or row.updated > request.since]
    return b'{"resourceType":"Bundle","type":"history","entry":[' + b",".join(entries) + b"]}"


def _entry(row: Stored, type_: str) -> bytes:
    deleted = row.body is None
    entry = {
        "fullUrl": f"{type_}/{row.id}",
        "request": {"method": "DELETE" if deleted else "PUT", "url": f"{type_}/{row.id}"},
        "response": {
            "status": "204" if deleted else "200",
            "etag": f'W/"{row.version}"',
            "lastModified": timestamp(row.updated),
        },
    }
    text = orjson.dumps(entry)
    return text if row.body is None else text[:-1] + b',"resource":' + row.body + b"}"


METHOD = Method(
    "fhir.FhirStoreService.ExportResourcesHistory",
    "fhir.rest.ExportResourcesResponse",
    parse,
    run,
    log="ExportFhirLogEntry",
    versions=("v1beta1",),
)
