"""The runner of ``fhirStores.importHistory``: versions of resources, with their numbers and times.

A unit is one version: an entry of a history Bundle, or a single resource. It has its version number
(``meta.versionId``, or the etag of the entry) and its time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core import rawjson
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import imports, rows
from lro_notebook.local.fhir.imports import ImportRequest, failure
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.fhir.resource_id_lists import is_name
from lro_notebook.local.fhir.rows import Stored
from lro_notebook.local.operations import batches, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.records import Failure
from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.fhir.imports import Text
    from lro_notebook.local.operations.method import Context, Job, Steps

_ERRORS_DEFAULT = 100
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"', re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HistoryImport:
    """A checked import, and the number of errors after which it ends; None is no limit."""

    source: ImportRequest
    max_errors: int | None


class Version(NamedTuple):
    """One version of a resource, and its place in the input."""

    type: str
    row: Stored
    source: str


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> HistoryImport:
    """Check the body of ``fhirStores.importHistory``."""
    if not settings_of(context.connection, store).takes_history:
        raise ServiceError(
            Code.FAILED_PRECONDITION,
            f"{store.name} takes no histories; set enableHistoryModifications with "
            "fhirStores.patch of v1beta1",
        )
    limit = request_fields.int64(body, "maxErrorCount", 0) or _ERRORS_DEFAULT
    source = replace(imports.parse(context, store, body), histories=True)
    return HistoryImport(source, None if limit < 0 else limit)


def run(job: Job, request: HistoryImport) -> Steps:
    """Count the units of the input, then read it and yield a step per batch."""
    yield from batches.await_sample(job, request.source.source)
    files, left_out = batches.source_files(job, request.source.source)
    total = len(left_out)
    for text in _texts(files, request):
        total += imports.count_units(text, request.source)
        yield Step()
    yield Step(total=total, failures=left_out)
    errors = len(left_out)
    for batch in _batches(job, request, files):
        step = _step(job, request.source.store, batch)
        yield step
        errors += len(step.failures)
        if request.max_errors is not None and errors >= request.max_errors:
            raise ServiceError(
                Code.CANCELLED,
                f"{errors} versions could not be imported; maxErrorCount is {request.max_errors}",
            )
    return {}


def _texts(files: Iterable[tuple[str, Path]], request: HistoryImport) -> Iterator[Text | Failure]:
    for uri, path in files:
        yield from imports.texts(uri, path, whole_files=request.source.whole_files)


def _batches(
    job: Job, request: HistoryImport, files: Iterable[tuple[str, Path]]
) -> Iterator[list[Version | Failure]]:
    batch: list[Version | Failure] = []
    for text in _texts(files, request):
        batch += _read(text, request)
        if len(batch) >= job.batch_size():
            yield batch
            batch = []
    yield batch


def _read(text: Text | Failure, request: HistoryImport) -> Iterator[Version | Failure]:
    """Yield the units of a text, as many as `imports.count_units` counts."""
    if isinstance(text, Failure):
        yield text
        return
    if not request.source.bundles:
        read = imports.resource_of(text, request.source)
        yield read if isinstance(read, Failure) else _version(text.raw, text.source, request)
        return
    bundle = imports.bundle_in(text.raw)
    if bundle is None:
        yield imports.no_bundle(text, request.source)
        return
    entries = rawjson.member(text.raw, "entry")
    if entries is None:
        return
    for index, raw in enumerate(rawjson.elements(text.raw, entries.start)):
        source = f"{text.source} entry[{index}]"
        entry = bundle["entry"][index]
        resource = rawjson.member(raw, "resource") if isinstance(entry, dict) else None
        if resource is not None:
            yield _version(raw[resource.start : resource.end], source, request)
        else:
            yield _deletion(entry, source)


def _version(raw: bytes, source: str, request: HistoryImport) -> Version | Failure:
    read = imports.read_resource(raw, source, request.source.version)
    if isinstance(read, Failure):
        return read
    name = f"{read.type}/{read.id}"
    meta = orjson.loads(raw).get("meta") or {}
    stamp = meta.get("versionId"), meta.get("lastUpdated")
    number = stamp[0] if isinstance(stamp[0], str) and _NUMBER.fullmatch(stamp[0]) else None
    time = parse_timestamp(stamp[1])
    if number is None or time is None:
        return failure(source, "meta.versionId is not a number, or meta.lastUpdated not a time", name)
    body = read.stamped(int(number), str(stamp[1]))
    return Version(read.type, Stored(read.id, int(number), round(time.timestamp() * 1e6), body), source)


def _deletion(entry: object, source: str) -> Version | Failure:
    request = entry.get("request") if isinstance(entry, dict) else None
    response = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or not isinstance(response, dict) or request.get("method") != "DELETE":
        return failure(source, "the entry has no resource and is not a deletion")
    name, etag = str(request.get("url")), _ETAG.fullmatch(str(response.get("etag")))
    time = parse_timestamp(response.get("lastModified"))
    if not is_name(name) or etag is None or time is None:
        return failure(source, "the deletion lacks request.url, response.etag or response.lastModified")
    type_, _, identifier = name.partition("/")
    row = Stored(identifier, int(etag.group(1)), round(time.timestamp() * 1e6), None)
    return Version(type_, row, source)


def _step(job: Job, store: Store, batch: Sequence[Version | Failure]) -> Step:
    """Return the step that adds those versions of a batch that the store does not have."""
    good: dict[tuple[str, str, int], Version] = {}
    bad = [item for item in batch if isinstance(item, Failure)]
    versions = [item for item in batch if isinstance(item, Version)]
    by_type: dict[str, list[str]] = {}
    for item in versions:
        by_type.setdefault(item.type, []).append(item.row.id)
    with job.database.read() as connection:
        existing = {
            (type_, *pair)
            for type_, ids in by_type.items()
            for pair in rows.existing_versions(connection, store.key, type_, ids)
        }
    for item in versions:
        key = (item.type, item.row.id, item.row.version)
        if key in existing or key in good:
            name = f"{item.type}/{item.row.id}"
            bad.append(Failure(item.source, name, Code.ALREADY_EXISTS, f"version {key[2]} already exists"))
        else:
            good[key] = item
    write = partial(_write, store=store, versions=list(good.values()), operation=job.operation)
    return Step(write if good else None, success=len(good), failures=bad)


def _write(
    connection: sqlite3.Connection, *, store: Store, versions: Sequence[Version], operation: int
) -> None:
    stores.require_store(connection, store)
    by_type: dict[str, list[Stored]] = {}
    for item in versions:
        by_type.setdefault(item.type, []).append(item.row._replace(operation=operation))
    for type_, of_type in by_type.items():
        rows.insert_versions(connection, store.key, type_, of_type)


METHOD = Method(
    "fhir.FhirStoreService.ImportResourcesHistory",
    "fhir.rest.ImportResourcesResponse",
    parse,
    run,
    log="ImportFhirLogEntry",
    versions=("v1beta1",),
)
