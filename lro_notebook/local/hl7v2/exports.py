"""The runner of ``hl7V2Stores.export``: messages -> newline-delimited JSON in a bucket.

Files are written to a hidden folder and renamed at the end; an export that stops early leaves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.hl7v2 import message_filter, rows
from lro_notebook.local.hl7v2.message_filter import Clause
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, place, workspace, write_lines
from lro_notebook.local.operations.records import microseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A checked export: its message view, and the range of send times in microseconds since 1970."""

    store: Store
    destination: Location
    view: str
    start: int | None
    end: int | None
    filter: str


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ExportRequest:
    """Check the body of ``hl7V2Stores.export``."""
    if "pubsubDestination" in body:
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "pubsubDestination: the local service has no Pub/Sub; export to gcsDestination, "
            "such as gs://demo-out/run-1",
        )
    location, destination = request_fields.destination(context.buckets, body), body["gcsDestination"]
    structure = destination.get("contentStructure", "MESSAGE_JSON")
    if structure not in ("MESSAGE_JSON", "CONTENT_STRUCTURE_UNSPECIFIED"):
        raise invalid_argument("gcsDestination.contentStructure: expected MESSAGE_JSON")
    start, end = (request_fields.moment(body, field) for field in ("startTime", "endTime"))
    if start is not None and end is not None and end <= start:
        raise invalid_argument("endTime: must be after startTime")
    text = request_fields.expression(body.get("filter", ""), "filter", 'message_type = "ADT"')
    message_filter.compile_filter(text)
    return ExportRequest(
        store, location, view_of(destination, "gcsDestination.messageView"), start, end, text
    )


def view_of(body: Mapping[str, Any], field: str, default: str = "FULL") -> str:
    """Return the message view in a request; `field` is the name of the field, for messages."""
    view = body.get(field.rpartition(".")[2]) or default
    if view == "MESSAGE_VIEW_UNSPECIFIED":
        return default
    if view not in rows.VIEWS:
        raise invalid_argument(f"{field}: expected one of {', '.join(rows.VIEWS)}")
    return str(view)


def run(job: Job, request: ExportRequest) -> Steps:
    """Write a snapshot of the store, and yield a step per batch."""
    folder = job.buckets.destination(request.destination)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        parser = rows.parser_of(connection, request.store)
        clause = _clause(request, message_filter.compile_filter(request.filter, parser.zone))
        yield Step(total=rows.count(connection, request.store.key, clause))
        messages = rows.by_send_time(connection, request.store.key, clause)
        lines = (
            orjson.dumps(rows.resource(row, request.view, parser, request.store.name)) for row in messages
        )
        with Shards(drafts, f"{job.operation}_messages", job.shard_bytes) as shards:
            yield from write_lines(job, shards, lines)
        yield from place([shards], folder)
    return {}


def _clause(request: ExportRequest, clause: Clause) -> Clause:
    """Add the range of send times; without a start it includes messages without a time."""
    end = microseconds() if request.end is None else request.end
    if request.start is None:
        return Clause(f"{clause.sql} AND coalesce(sent, 0) < ?", (*clause.values, end))
    return Clause(f"{clause.sql} AND sent >= ? AND sent < ?", (*clause.values, request.start, end))


METHOD = Method("hl7v2.Hl7V2Service.ExportMessages", "hl7v2.ExportMessagesResponse", parse, run)
