"""The runner of ``fhirStores.deidentify``: resources of a store -> de-identified ones in another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core import rawjson
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import deidentify_values, stores
from lro_notebook.local.fhir import imports, rows
from lro_notebook.local.fhir.deidentify_resource import Rules
from lro_notebook.local.fhir.resource_id_lists import is_name
from lro_notebook.local.fhir.rows import Incoming
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps


@dataclass(frozen=True, slots=True)
class DeidentifyRequest:
    """A checked de-identification; `chosen` None is all resources."""

    source: Store
    destination: Store
    rules: Rules
    chosen: frozenset[str] | None = None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> DeidentifyRequest:
    """Check the body of ``fhirStores.deidentify``."""
    destination = stores.destination_of(context.connection, store, body)
    rules = Rules(deidentify_values.config_of(context.buckets, body), deidentify_values.new_key())
    listed = request_fields.texts(
        request_fields.json_object(request_fields.json_object(body, "resourceFilter"), "resources"),
        "resources",
    )
    if not all(map(is_name, listed)):
        raise invalid_argument("resourceFilter.resources.resources: expected names such as Patient/1234")
    # The copy is a snapshot of the store, so later changes are skipped in any case.
    request_fields.flag(body, "skipModifiedResources")
    return DeidentifyRequest(store, destination, rules, frozenset(listed) or None)


def run(job: Job, request: DeidentifyRequest) -> Steps:
    """Copy a snapshot of the store, and yield a step per batch."""
    with job.database.read() as connection:
        stores.require_store(connection, request.source)
        counts = rows.counts(connection, request.source.key, since=None)
        total = sum(counts.values()) if request.chosen is None else len(request.chosen)
        yield Step(total=total)
        put = partial(imports.write, store=request.destination, operation=job.operation, keeps_old=True)
        for type_ in counts:
            copied = _copied(connection, request, type_)
            yield from batches.steps(job, copied, put, size_of=imports.size_of)
    return {}


def copy_store(job: Job, source: Store, destination: Store, config: Mapping[str, Any]) -> Steps:
    """Write a de-identified copy of a store into another; for ``datasets.deidentify``."""
    return run(job, DeidentifyRequest(source, destination, Rules(config, deidentify_values.new_key())))


def check_config(config: Mapping[str, Any]) -> None:
    """Raise on a configuration that is not supported for FHIR stores."""
    Rules(config, deidentify_values.new_key())


def _copied(
    connection: sqlite3.Connection, request: DeidentifyRequest, type_: str
) -> Iterator[Incoming | Failure]:
    """Yield the de-identified resources of a type, of those that were chosen."""
    for identifier, body in rows.bodies(connection, request.source.key, type_, since=None):
        if request.chosen is None or f"{type_}/{identifier}" in request.chosen:
            yield _deidentified(request.rules, type_, identifier, body)


def _deidentified(rules: Rules, type_: str, identifier: str, body: bytes) -> Incoming | Failure:
    try:
        text = orjson.dumps(document := rules.resource(orjson.loads(body)))
    except (TypeError, ValueError, RecursionError):
        name = f"{type_}/{identifier}"
        return Failure(name, name, Code.INVALID_ARGUMENT, "the resource cannot be de-identified")
    return Incoming(type_, identifier, *rawjson.meta_slot(text, document))


METHOD = Method(
    "deidentify.DeidentifyService.DeidentifyFhirStore",
    "deidentify.DeidentifyFhirStoreSummary",
    parse,
    run,
    log="DeidentifyLogEntry",
)
