"""The runner of ``fhirStores.bulkDelete``: current and historical versions, by type, time or list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.local import arguments, resources, stores
from lro_notebook.local.fhir_listing import read_names
from lro_notebook.local.refusal import invalid
from lro_notebook.local.shards import Shards, workspace
from lro_notebook.local.work import Kind, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.buckets import Location
    from lro_notebook.local.stores import Store
    from lro_notebook.local.work import Context, Job, Steps

_VERSIONS = ("ALL", "CURRENT_ONLY", "HISTORY_ONLY")


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """A checked bulk deletion; None means no limit, or no list of the deleted."""

    store: Store
    types: frozenset[str] | None
    until: int | None
    listed: Location | None
    results: Location | None
    versions: str
    dry_run: bool


Key = tuple[str, str]


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> DeleteRequest:
    """Check the body of ``fhirStores.bulkDelete``."""
    types, until = arguments.types(body.get("type", ""), "type"), arguments.moment(body, "until")
    listed = arguments.source(context.buckets, body) if "gcsSource" in body else None
    if listed is not None and (types is not None or until is not None):
        raise invalid("gcsSource: not together with type or until")
    return DeleteRequest(
        store,
        types,
        until,
        listed,
        arguments.destination(context.buckets, body) if "gcsDestination" in body else None,
        arguments.choice(body, "versionConfig", _VERSIONS),
        arguments.flag(body, "validateOnly"),
    )


def run(job: Job, request: DeleteRequest) -> Steps:
    """Find what is concerned, list it type by type, and yield a step per batch."""
    listed = None if request.listed is None else read_names(job, request.listed)
    folder = None
    if request.results is not None:
        folder = job.buckets.folder(request.results.bucket) / request.results.path
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        keys = _keys(connection, request, listed)
        yield Step(sized=sum(_counts(connection, request, key)[0] for type_ in keys for key in keys[type_]))
        for type_, concerned in keys.items():
            yield from _delete_type(
                job, request, connection, (type_, concerned), drafts=drafts, folder=folder
            )
    return {}


def _delete_type(
    job: Job,
    request: DeleteRequest,
    connection: sqlite3.Connection,
    concerned: tuple[str, Sequence[Key]],
    *,
    drafts: Path,
    folder: Path | None,
) -> Iterator[Step]:
    type_, keys = concerned
    with Shards(drafts, f"{job.operation}_{type_}", job.shard_bytes) as shards:
        start = 0
        while batch := keys[start : start + job.batch()]:
            start += len(batch)
            shards.write("/".join(key).encode() for key in batch)
            counts = [_counts(connection, request, key) for key in batch]
            write = partial(_write, request=request, keys=batch, operation=job.operation)
            yield Step(
                None if request.dry_run else write,
                success=sum(current for current, _ in counts),
                secondary=sum(old for _, old in counts),
            )
    if folder is not None:
        shards.publish(folder)


def _keys(
    connection: sqlite3.Connection, request: DeleteRequest, listed: frozenset[str] | None
) -> dict[str, list[Key]]:
    """Return type -> what of it is concerned."""
    found: dict[str, list[Key]] = {}
    for type_, identifier in resources.with_versions(connection, request.store.key):
        chosen = request.types is None or type_ in request.types
        if not chosen or (listed is not None and f"{type_}/{identifier}" not in listed):
            continue
        if any(_counts(connection, request, (type_, identifier))):
            found.setdefault(type_, []).append((type_, identifier))
    return found


def _counts(connection: sqlite3.Connection, request: DeleteRequest, key: Key) -> tuple[int, int]:
    """Return how many current and how many historical versions of a resource would go."""
    current, old = resources.version_counts(connection, request.store.key, *key, until=request.until)
    return (
        0 if request.versions == "HISTORY_ONLY" else current,
        0 if request.versions == "CURRENT_ONLY" else old,
    )


def _write(
    connection: sqlite3.Connection, *, request: DeleteRequest, keys: Sequence[Key], operation: int
) -> None:
    store, until = request.store, request.until
    stores.require_store(connection, store)
    for key in keys:
        if request.versions != "CURRENT_ONLY":
            current = request.versions == "ALL"
            resources.purge(connection, store.key, key, until=until, current=current)
        elif _counts(connection, request, key)[0]:
            resources.delete(connection, store.key, *key, operation=operation)


KIND = Kind("fhir.FhirStoreService.BulkDeleteResources", "google.protobuf.Empty", parse, run)
