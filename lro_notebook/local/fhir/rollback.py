"""The runner of ``fhirStores.rollback``: restores resources to their state at a given time.

A rollback adds a new version or a deletion; no history is lost. Without `force` it only lists the resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.local.core import rawjson
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.resource_id_lists import read_names
from lro_notebook.local.fhir.rows import Incoming, Stored
from lro_notebook.local.operations import batches, request_fields, rollback_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, workspace

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps
    from lro_notebook.local.operations.rollback_fields import RollbackFields

_METHOD = "fhir.FhirStoreService.RollbackFhirResources"
_LISTING_STEP = 10_000


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """A checked rollback; `types` None is all."""

    store: Store
    types: frozenset[str] | None
    fields: RollbackFields


class Change(NamedTuple):
    """A resource to roll back; `before` is its earlier body, None if it did not exist."""

    type: str
    id: str
    before: bytes | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> RollbackRequest:
    """Check the body of ``fhirStores.rollback``."""
    types = request_fields.types(body.get("type", []), "type")
    return RollbackRequest(store, types, rollback_fields.parse(context, body))


def run(job: Job, request: RollbackRequest) -> Steps:
    """Find the changed resources, then revert them and yield a step per batch."""
    listed = None if request.fields.listed is None else read_names(job, request.fields.listed)
    place = request.fields.folder(job)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        keys: list[tuple[str, str]] = []
        for number, change in enumerate(_changes(connection, request, listed)):
            if change is not None:
                keys.append((change.type, change.id))
            if number % _LISTING_STEP == 0:
                yield Step()
        yield Step(total=len(keys))
        with Shards(drafts, "success_resources", job.shard_bytes, suffix=".txt") as shards:
            for batch in batches.slices(job, keys):
                shards.write(f"{type_}/{identifier}".encode() for type_, identifier in batch)
                changes = [_before(connection, request, *key) for key in batch]
                write = partial(_write, store=request.store, changes=changes, operation=job.operation)
                yield Step(write if request.fields.force else None, success=len(batch))
        shards.publish(place)
    return {"fhirStore": request.store.name}


def _changes(
    connection: sqlite3.Connection, request: RollbackRequest, listed: frozenset[str] | None
) -> Iterator[Change | None]:
    """Yield the changes to revert, and None for each resource that the filters exclude."""
    rollbacks = _rollbacks(connection) if request.fields.exclude_rollbacks else frozenset()
    for type_, identifier in rows.changed_since(connection, request.store.key, request.fields.moment):
        chosen = (request.types is None or type_ in request.types) and (
            listed is None or f"{type_}/{identifier}" in listed
        )
        yield _change(connection, request, type_, identifier, rollbacks) if chosen else None


def _change(
    connection: sqlite3.Connection,
    request: RollbackRequest,
    type_: str,
    identifier: str,
    rollbacks: frozenset[int],
) -> Change | None:
    now = rows.read(connection, request.store.key, type_, identifier)
    change = _before(connection, request, type_, identifier)
    if now is None or (now.body is None and change.before is None):
        return None
    if request.fields.operations and now.operation not in request.fields.operations:
        return None
    if now.operation in rollbacks:
        return None
    made = "DELETE" if now.body is None else "CREATE" if change.before is None else "UPDATE"
    return change if request.fields.change in ("ALL", made) else None


def _before(connection: sqlite3.Connection, request: RollbackRequest, type_: str, identifier: str) -> Change:
    stored: Stored | None = rows.as_of(
        connection, request.store.key, type_, identifier, moment=request.fields.moment
    )
    return Change(type_, identifier, None if stored is None else stored.body)


def _rollbacks(connection: sqlite3.Connection) -> frozenset[int]:
    numbers = connection.execute("SELECT id FROM operations WHERE method = ?", (_METHOD,))
    return frozenset(number for (number,) in numbers)


def _write(
    connection: sqlite3.Connection, *, store: Store, changes: Sequence[Change], operation: int
) -> None:
    stores.require_store(connection, store)
    back = []
    for type_, identifier, body in changes:
        if body is None:
            rows.delete(connection, store.key, type_, identifier, operation=operation)
        else:
            back.append(Incoming(type_, identifier, *rawjson.meta_slot(body, orjson.loads(body))))
    rows.put_many(connection, store.key, back, operation=operation)


METHOD = Method(_METHOD, "fhir.RollbackFhirResourcesResponse", parse, run, log="RollbackFhirLogEntry")
