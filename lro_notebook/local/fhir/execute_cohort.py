"""The runner of ``fhirStores.executeCohort``: the resources that expressions select -> files in a bucket.

Expressions with the same label write to the same files, and each resource is written there once.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.values import Item
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.cohort_expression import EVERY_TYPE, Expression, ParseError, compile_expression
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, place, workspace
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

#: A literal reference to a resource of the same store.
_REFERENCE = re.compile(
    r"(?P<type>[A-Z][A-Za-z]{0,63})/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?", re.ASCII
)
#: A number that may have more digits than a double keeps: of 16 digits, 8 are on one side of the point. The
#: pattern begins with the point because that is fastest.
_LONG_NUMBER = re.compile(rb"\.(?:\d{8}|(?<=\d{8}\.)\d)")
_EXPRESSIONS_MAX = 100
_EXACT = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class CohortRequest:
    """A checked cohort; `moment` None is now."""

    store: Store
    expressions: tuple[Expression, ...]
    destination: Location
    moment: int | None
    dry_run: bool


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> CohortRequest:
    """Check the body of ``fhirStores.executeCohort``."""
    listed = request_fields.json_object(body, "fhirpathQuery").get("expressions")
    if not isinstance(listed, list) or not listed or not all(isinstance(item, dict) for item in listed):
        raise invalid_argument(
            'fhirpathQuery.expressions: expected a list such as [{"fhirpathExpression": "Patient"}]'
        )
    if len(listed) > _EXPRESSIONS_MAX:
        raise invalid_argument(
            f"fhirpathQuery.expressions: the local service accepts {_EXPRESSIONS_MAX} at most"
        )
    destination = request_fields.destination(context.buckets, body)
    expressions = []
    for item in listed:
        label = item.get("label") or ""
        request_fields.folder(context.buckets, f"{destination.uri.rstrip('/')}/{label}", "label")
        expressions.append(compile_expression(item.get("fhirpathExpression"), str(label)))
    moment = request_fields.moment(body, "_at")
    return CohortRequest(
        store, tuple(expressions), destination, moment, request_fields.flag(body, "validateOnly")
    )


def run(job: Job, request: CohortRequest) -> Steps:
    """Write the resources that each expression selects, and yield a step per batch."""
    if request.dry_run:
        return {"fhirStore": request.store.name}
    job.buckets.folder(request.destination.bucket)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        for number, label in enumerate(dict.fromkeys(part.label for part in request.expressions)):
            group = _Group(job, request, connection, label)
            (drafts / str(number)).mkdir()
            yield from group.write(drafts / str(number), job.buckets.path(request.destination.below(label)))
    return {"fhirStore": request.store.name}


class _Group:
    """Writes the resources that the expressions with the same label select."""

    def __init__(self, job: Job, request: CohortRequest, connection: sqlite3.Connection, label: str) -> None:
        self._job, self._request, self._connection = job, request, connection
        self._expressions = [part for part in request.expressions if part.label == label]
        self._now = datetime.now(UTC)
        self._resolved: list[tuple[dict[str, Any], bytes]] = []
        several = len(self._expressions) > 1 or any(part.resolves for part in self._expressions)
        self._written: set[tuple[str, str]] | None = set() if several else None

    def write(self, draft: Path, folder: Path) -> Generator[Step, None, None]:
        """Write what the expressions select to `draft`, and publish it in `folder`."""
        shards: dict[str, Shards] = {}
        with ExitStack() as stack:
            for step, lines in self._steps():
                for type_, body in lines:
                    if type_ not in shards:
                        name = f"{self._job.operation}_{type_}"
                        shards[type_] = stack.enter_context(Shards(draft, name, self._job.shard_bytes))
                    shards[type_].write([body])
                yield step
        yield from place(shards.values(), folder)

    def _steps(self) -> Iterator[tuple[Step, Sequence[tuple[str, bytes]]]]:
        """Yield a step per batch of resources, with type and body of each line to write."""
        for expression in self._expressions:
            lines: list[tuple[str, bytes]] = []
            failures: list[Failure] = []
            for number, body in enumerate(_bodies(self._connection, self._request, expression.type)):
                try:
                    lines += self._selected(expression, body)
                except ParseError as parse_error:
                    failures.append(self._failure(body, parse_error))
                if number % self._job.batch_size() == 0:
                    yield Step(success=len(lines), failures=failures, is_draft=True), lines
                    lines, failures = [], []
            yield Step(success=len(lines), failures=failures, is_draft=True), lines

    def _selected(self, expression: Expression, body: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield type and body of the selected resources that were not written before."""
        exact = expression.exact or _LONG_NUMBER.search(body) is not None
        base = _EXACT.decode(body.decode()) if exact else orjson.loads(body)
        item = Item(base)
        self._resolved.clear()
        for selected in expression.select(item, Scope(item, resolve=self._resolve, now=self._now)):
            stored = body if selected is base else self._body_of(selected)
            if stored is None:  # a contained resource
                yield str(selected["resourceType"]), orjson.dumps(selected, default=float)
            elif self._is_new(selected):
                yield str(selected["resourceType"]), stored

    def _is_new(self, resource: Mapping[str, Any]) -> bool:
        if self._written is None:
            return True
        before = len(self._written)
        self._written.add((str(resource["resourceType"]), str(resource.get("id"))))
        return len(self._written) > before

    def _body_of(self, resource: Mapping[str, Any]) -> bytes | None:
        return next((body for each, body in self._resolved if each is resource), None)

    def _resolve(self, reference: str) -> dict[str, Any] | None:
        """Return the resource of this store that a reference names, as of the requested time."""
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            return None
        key, moment = self._request.store.key, self._request.moment
        if moment is None:
            stored = rows.read(self._connection, key, match["type"], match["id"])
        else:
            stored = rows.as_of(self._connection, key, match["type"], match["id"], moment=moment)
        if stored is None or stored.body is None:
            return None
        resource: dict[str, Any] = orjson.loads(stored.body)
        self._resolved.append((resource, stored.body))
        return resource

    def _failure(self, body: bytes, parse_error: ParseError) -> Failure:
        document = orjson.loads(body)
        name = f"{self._request.store.name}/fhir/{document['resourceType']}/{document['id']}"
        return Failure(name, name, Code.INVALID_ARGUMENT, str(parse_error))


def _bodies(connection: sqlite3.Connection, request: CohortRequest, type_: str) -> Iterator[bytes]:
    """Yield the resources of a type, as of the requested time."""
    key, every = request.store.key, type_ in EVERY_TYPE
    if request.moment is None:
        for name in rows.counts(connection, key, since=None) if every else (type_,):
            for _, body in rows.bodies(connection, key, name, since=None):
                yield body
        return
    for name, identifier in rows.with_versions(connection, key):
        if every or name == type_:
            stored = rows.as_of(connection, key, name, identifier, moment=request.moment)
            if stored is not None and stored.body is not None:
                yield stored.body


METHOD = Method(
    "fhir.FhirStoreService.ExecuteCohort",
    "fhir.ExecuteCohortResponse",
    parse,
    run,
    versions=("v1beta1",),
)
