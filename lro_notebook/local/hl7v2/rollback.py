"""The runner of ``hl7V2Stores.rollback``: restores messages to their state at a given time.

A unit is one message. Without `force` nothing changes. In either case the ids are written to the result
bucket, under ``rollback_resources/{operation}/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.local.core import objects
from lro_notebook.local.datasets import stores
from lro_notebook.local.hl7v2 import rows
from lro_notebook.local.operations import batches, rollback_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, workspace

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.core.buckets import Buckets, Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.hl7v2.message_parser import Parser
    from lro_notebook.local.hl7v2.rows import Undo
    from lro_notebook.local.operations.method import Context, Job, Steps
    from lro_notebook.local.operations.rollback_fields import RollbackFields


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """A checked rollback of a store."""

    store: Store
    fields: RollbackFields


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> RollbackRequest:
    """Check the body of ``hl7V2Stores.rollback``."""
    return RollbackRequest(store, rollback_fields.parse(context, body))


def run(job: Job, request: RollbackRequest) -> Steps:
    """List the changed messages, then undo their changes batch by batch."""
    folder = request.fields.folder(job)
    only = None if request.fields.listed is None else _ids(job.buckets, request.fields.listed)
    with job.database.read() as connection:
        stores.require_store(connection, request.store)
        parser = rows.parser_of(connection, request.store)
        items = rows.changed(
            connection,
            request.store.key,
            since=request.fields.moment,
            change=None if request.fields.change == "ALL" else request.fields.change,
            operations=sorted(request.fields.operations),
            exclude_rollbacks=request.fields.exclude_rollbacks,
            only=only,
        )
    yield Step(total=len(items))
    with workspace(job) as drafts:
        with Shards(drafts, "messages", job.shard_bytes) as shards:
            shards.write([item.id.encode() for item in items])
        shards.publish(folder)
    for batch in batches.slices(job, items):
        write = partial(_write, store=request.store, items=batch, parser=parser, operation=job.operation)
        yield Step(write if request.fields.force else None, success=len(batch))
    return {"hl7v2Store": request.store.name}


def _write(
    connection: sqlite3.Connection, *, store: Store, items: Sequence[Undo], parser: Parser, operation: int
) -> None:
    stores.require_store(connection, store)
    rows.undo(connection, store.key, items, parser, operation=operation)


def _ids(folders: Buckets, source: Location) -> list[str]:
    """Return the message ids in an object, one per line, as ids or full names."""
    ((_, path),) = folders.match(source)
    lines = objects.read_object(path).decode(errors="replace").splitlines()
    return [line.strip().rpartition("/")[2] for line in lines if line.strip()]


METHOD = Method("hl7v2.Hl7V2Service.RollbackHl7V2Messages", "hl7v2.RollbackHl7V2MessagesResponse", parse, run)
