"""The runner of ``hl7V2Stores.rollback``: messages go back to what they were at a time.

A unit is one message. Without `force` nothing is changed; either way the ids are written to the result
bucket, under ``rollback_resources/{operation}/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.local import buckets, hl7v2_messages, names, stores
from lro_notebook.local.buckets import Location
from lro_notebook.local.refusal import invalid
from lro_notebook.local.shards import Shards, workspace
from lro_notebook.local.work import Kind, Step
from lro_notebook.resource import parse_timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.buckets import Buckets
    from lro_notebook.local.hl7v2_messages import Undo
    from lro_notebook.local.hl7v2_parse import Parser
    from lro_notebook.local.stores import Store
    from lro_notebook.local.work import Context, Job, Steps

CHANGES = ("ALL", "CREATE", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """A checked rollback; `since` is in microseconds since 1970, `change` None is every kind."""

    store: Store
    since: int
    result: Location
    change: str | None
    operations: tuple[int, ...]
    exclude_rollbacks: bool
    input: Location | None
    force: bool


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> RollbackRequest:
    """Check the body of ``hl7V2Stores.rollback``."""
    moment = parse_timestamp(body.get("rollbackTime"))
    if moment is None:
        raise invalid(
            "rollbackTime: expected a time with seconds and time zone, such as 2026-01-31T00:00:00Z"
        )
    change = body.get("changeType", "ALL")
    if change == "CHANGE_TYPE_UNSPECIFIED":
        change = "ALL"
    if change not in CHANGES:
        raise invalid(f"changeType: expected one of {', '.join(CHANGES)}")
    bucket = buckets.parse(_as_uri(body.get("resultGcsBucket")), field="resultGcsBucket")
    result = Location(bucket.bucket, f"{bucket.path}/rollback_resources".lstrip("/"))
    context.buckets.check(result, field="resultGcsBucket")
    source = None
    if body.get("inputGcsObject"):
        source = buckets.parse(_as_uri(body["inputGcsObject"]), field="inputGcsObject")
        context.buckets.check(source, field="inputGcsObject")
    return RollbackRequest(
        store=store,
        since=round(moment.timestamp() * 1_000_000),
        result=result,
        change=None if change == "ALL" else change,
        operations=_operations(body.get("filteringFields")),
        exclude_rollbacks=_flag(body, "excludeRollbacks"),
        input=source,
        force=_flag(body, "force"),
    )


def run(job: Job, request: RollbackRequest) -> Steps:
    """Find what changed, write it down, then undo it batch by batch."""
    folder = job.buckets.folder(request.result.bucket) / request.result.path
    only = None if request.input is None else _ids(job.buckets, request.input)
    with job.database.read() as connection:
        stores.require_store(connection, request.store)
        parser = hl7v2_messages.parser_of(connection, request.store)
        items = hl7v2_messages.changed(
            connection,
            request.store.key,
            since=request.since,
            change=request.change,
            operations=request.operations,
            exclude_rollbacks=request.exclude_rollbacks,
            only=only,
        )
    yield Step(sized=len(items))
    with workspace(job) as drafts:
        shards = Shards(drafts, "messages", job.shard_bytes)
        with shards:
            shards.write([item.id.encode() for item in items])
        shards.publish(folder / str(job.operation))
    while items:
        size = job.batch()
        batch, items = items[:size], items[size:]
        write = partial(_write, store=request.store, items=batch, parser=parser, operation=job.operation)
        yield Step(write if request.force else None, success=len(batch))
    return {"hl7v2Store": request.store.name}


def _write(
    connection: sqlite3.Connection, *, store: Store, items: Sequence[Undo], parser: Parser, operation: int
) -> None:
    stores.require_store(connection, store)
    hl7v2_messages.undo(connection, store.key, items, parser, operation=operation)


def _ids(folders: Buckets, source: Location) -> list[str]:
    """Return the message ids in an object, one on a line, with or without the rest of the name."""
    path = folders.object(source, field="inputGcsObject")
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return [line.strip().rpartition("/")[2] for line in lines if line.strip()]


def _operations(fields: object) -> tuple[int, ...]:
    identifiers = fields.get("operationIds", []) if isinstance(fields, dict) else []
    listed = identifiers if isinstance(identifiers, list) else []
    numbers = [names.whole_number(str(identifier).rpartition("/")[2]) for identifier in listed]
    if not isinstance(fields, dict | None) or listed is not identifiers or None in numbers:
        raise invalid('filteringFields: expected {"operationIds": ["1234", ...]}')
    return tuple(number for number in numbers if number is not None)


def _flag(body: Mapping[str, Any], field: str) -> bool:
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise invalid(f"{field}: expected true or false")
    return value


def _as_uri(text: object) -> object:
    """Return a bucket or object as an address; the API writes these with or without ``gs://``."""
    return f"gs://{text}" if isinstance(text, str) and text and "://" not in text else text


KIND = Kind("hl7v2.Hl7V2Service.RollbackHl7V2Messages", "hl7v2.RollbackHl7V2MessagesResponse", parse, run)
