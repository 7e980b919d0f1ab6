"""The runner of ``fhirStores.bulkDelete``: deletes current and historical versions, by type, time or list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.resource_id_lists import read_names
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, workspace

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

#: Resources to examine between two chances to stop.
_FINDING_STEP = 10_000
_VERSIONS = ("ALL", "CURRENT_ONLY", "HISTORY_ONLY")


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """A checked bulk deletion; None means no limit, or no list of deleted resources."""

    store: Store
    types: frozenset[str] | None
    until: int | None
    listed: Location | None
    results: Location | None
    versions: str
    dry_run: bool


class Deletion(NamedTuple):
    """A resource, and how many current (0 or 1) and older versions of it to delete."""

    type: str
    id: str
    current: int
    old: int


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> DeleteRequest:
    """Check the body of ``fhirStores.bulkDelete``."""
    types, until = request_fields.types(body.get("type", ""), "type"), request_fields.moment(body, "until")
    listed = request_fields.source(context.buckets, body) if "gcsSource" in body else None
    if listed is not None and (types is not None or until is not None):
        raise invalid_argument("gcsSource: cannot be combined with type or until")
    return DeleteRequest(
        store,
        types,
        until,
        listed,
        request_fields.destination(context.buckets, body) if "gcsDestination" in body else None,
        request_fields.choice(body, "versionConfig", _VERSIONS),
        request_fields.flag(body, "validateOnly"),
    )


def run(job: Job, request: DeleteRequest) -> Steps:
    """Find the resources, list them type by type, and yield a step per batch."""
    listed = None if request.listed is None else read_names(job, request.listed)
    folder = None
    if request.results is not None:
        folder = job.buckets.destination(request.results)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        deletions = yield from _find(connection, request, listed)
        yield Step(total=sum(item.current for item in deletions))
        for type_, group in groupby(deletions, key=attrgetter("type")):
            with Shards(drafts, f"{job.operation}_{type_}", job.shard_bytes) as shards:
                yield from _delete(job, request, list(group), shards)
            if folder is not None:
                shards.publish(folder)
    return {}


def _find(
    connection: sqlite3.Connection, request: DeleteRequest, listed: frozenset[str] | None
) -> Generator[Step, None, list[Deletion]]:
    """Return the deletions by type and id; yields an empty step now and then."""
    deletions: list[Deletion] = []
    for number, (type_, identifier) in enumerate(rows.with_versions(connection, request.store.key)):
        if number % _FINDING_STEP == 0:
            yield Step()
        chosen = request.types is None or type_ in request.types
        if chosen and (listed is None or f"{type_}/{identifier}" in listed):
            current, old = rows.version_counts(
                connection, request.store.key, type_, identifier, until=request.until
            )
            current = 0 if request.versions == "HISTORY_ONLY" else current
            old = 0 if request.versions == "CURRENT_ONLY" else old
            if current or old:
                deletions.append(Deletion(type_, identifier, current, old))
    return deletions


def _delete(
    job: Job, request: DeleteRequest, deletions: Sequence[Deletion], shards: Shards
) -> Iterator[Step]:
    """List the resources and delete them, a step per batch."""
    for batch in batches.slices(job, deletions):
        shards.write(f"{item.type}/{item.id}".encode() for item in batch)
        write = partial(_write, request=request, deletions=batch, operation=job.operation)
        yield Step(
            None if request.dry_run else write,
            success=sum(item.current for item in batch),
            secondary=sum(item.old for item in batch),
        )


def _write(
    connection: sqlite3.Connection, *, request: DeleteRequest, deletions: Sequence[Deletion], operation: int
) -> None:
    store, current = request.store, request.versions == "ALL"
    stores.require_store(connection, store)
    for item in deletions:
        key = (item.type, item.id)
        if request.versions == "CURRENT_ONLY":
            rows.delete(connection, store.key, *key, operation=operation)
        else:
            rows.purge(connection, store.key, key, until=request.until, current=current)


METHOD = Method("fhir.FhirStoreService.BulkDeleteResources", "google.protobuf.Empty", parse, run)
