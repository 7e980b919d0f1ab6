"""The runner of ``consentStores.queryAccessibleData``: ids of accessible data -> an object in a bucket.

A unit is one user data mapping. The object has one ``data_id`` per line.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.consent import rows, rules
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, place, workspace
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.consent.rules import Mapped
    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A checked query: its destination, and the attributes of the request and of the resources."""

    store: Store
    destination: Location
    request: Mapping[str, str]
    resource: Mapping[str, str]


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> QueryRequest:
    """Check the body of ``queryAccessibleData``."""
    return QueryRequest(
        store,
        request_fields.destination(context.buckets, body),
        attributes(body, "requestAttributes"),
        attributes(body, "resourceAttributes"),
    )


def attributes(body: Mapping[str, Any], field: str) -> Mapping[str, str]:
    """Return the values of attributes in a request."""
    values = body.get(field) or {}
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise invalid_argument(
            f'{field}: expected an object of strings such as {{"requester_role": "clinician"}}'
        )
    return values


def run(job: Job, request: QueryRequest) -> Steps:
    """Evaluate the mappings batch by batch, and write the ids of accessible data."""
    folder = job.buckets.destination(request.destination)
    with job.database.read() as connection:
        stores.require_store(connection, request.store)
        mappings = rows.mappings(connection, request.store.key)
        consents: defaultdict[str, list[rows.Item]] = defaultdict(list)
        for consent in rows.consents(connection, request.store.key):
            consents[consent["userId"]].append(consent)
    matching = [item for item in mappings if rules.matches(item.attributes, request.resource)]
    yield Step(total=len(matching))
    now = datetime.now(UTC)
    with workspace(job) as drafts:
        shards = Shards(drafts, f"{job.operation}_data_ids", job.shard_bytes)
        with shards:
            for batch in batches.slices(job, matching):
                lines, failures = _evaluated(batch, consents, request.request, now)
                shards.write(lines)
                yield Step(success=len(batch) - len(failures), failures=failures, is_draft=True)
        names = yield from place([shards], folder)
    prefix = request.destination.uri.rstrip("/")
    return {"gcsUris": [f"{prefix}/{name}" for name in names]}


def _evaluated(
    batch: Sequence[Mapped],
    consents: Mapping[str, list[rows.Item]],
    request: Mapping[str, str],
    now: datetime,
) -> tuple[list[bytes], list[Failure]]:
    """Return the ids of accessible data, and a failure for each consent that cannot be evaluated."""
    lines, failures = [], []
    for mapping in batch:
        verdict = rules.evaluate(mapping, consents.get(mapping.user, ()), request, now=now)
        if verdict.consented:
            lines.append(mapping.data.encode())
        elif verdict.broken:
            failures.append(
                Failure("", verdict.broken[0], Code.FAILED_PRECONDITION, "failed to evaluate consent policy")
            )
    return lines, failures


METHOD = Method(
    "consent.ConsentService.QueryAccessibleData",
    "consent.QueryAccessibleDataResponse",
    parse,
    run,
    log="QueryAccessibleDataLogEntry",
)
