"""The runner of ``fhirStores.export``: current resources -> newline-delimited JSON in a bucket.

Files are written to a hidden folder; the files of a resource type move into place when all of them are
complete. An export that stops early leaves the finished types and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, place, workspace, write_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A checked export; `types` None is every type, `since` is in microseconds since 1970."""

    store: Store
    destination: Location
    types: frozenset[str] | None
    since: int | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> ExportRequest:
    """Check the body of ``fhirStores.export``."""
    request_fields.refuse_bigquery(body)
    location = request_fields.destination(context.buckets, body)
    types = request_fields.types(body.get("_type", ""), "_type")
    return ExportRequest(store, location, types, request_fields.moment(body, "_since"))


def run(job: Job, request: ExportRequest) -> Steps:
    """Write a snapshot of the store, type by type, and yield a step per batch."""
    folder = job.buckets.destination(request.destination)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        counts = rows.counts(connection, request.store.key, since=request.since)
        wanted = [type_ for type_ in counts if request.types is None or type_ in request.types]
        yield Step(total=sum(counts[type_] for type_ in wanted))
        for type_ in wanted:
            stored = rows.bodies(connection, request.store.key, type_, since=request.since)
            with Shards(drafts, f"{job.operation}_{type_}", job.shard_bytes) as shards:
                yield from write_lines(job, shards, (body for _, body in stored))
            yield from place([shards], folder)
    return {}


METHOD = Method(
    "fhir.FhirService.ExportResources",
    "fhir.rest.ExportResourcesResponse",
    parse,
    run,
    log="ExportFhirLogEntry",
)
