"""The runner of ``dicomStores.deidentify``: instances of a store -> de-identified ones in another.

A unit is one instance. One that cannot be de-identified is counted and logged, and is not in the output.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.local import buckets, dicom_deidentify, dicom_files, dicom_instances, dicom_rules, stores
from lro_notebook.local.dicom_import import STEP_BYTES
from lro_notebook.local.operations import Failure
from lro_notebook.local.refusal import invalid
from lro_notebook.local.work import Kind, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.local.buckets import Buckets, Location
    from lro_notebook.local.dicom_files import Instance
    from lro_notebook.local.dicom_rules import Rules
    from lro_notebook.local.stores import Store
    from lro_notebook.local.work import Context, Job, Steps

_STORE = re.compile(r"((projects/[^/]+/locations/[^/]+)/datasets/[^/]+)/dicomStores/([^/]+)")


@dataclass(frozen=True, slots=True)
class DeidentifyRequest:
    """A checked de-identification: from where, to where, how, and of which part."""

    store: Store
    target: Store
    rules: Rules = field(repr=False)
    filter: Location | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> DeidentifyRequest:
    """Check the body of ``dicomStores.deidentify``."""
    dicom_files.pydicom()
    name = body.get("destinationStore")
    match = _STORE.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise invalid(
            "destinationStore: expected projects/P/locations/L/datasets/D/dicomStores/S, a store that exists"
        )
    if not store.name.startswith(f"{match[2]}/"):
        raise invalid("destinationStore: has to be in the location of the source")
    if name == store.name:
        raise invalid("destinationStore: is the source itself")
    rules = dicom_rules.rules_of(config_of(context.buckets, body), secrets.token_bytes(32))
    target = stores.find_store(context.connection, match[1], match[3], collection="dicomStores")
    return DeidentifyRequest(store, target, rules, dicom_instances.filter_of(context.buckets, body))


def config_of(folders: Buckets, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``DeidentifyConfig`` of a request, from its body or from an object."""
    config, uri = body.get("config"), body.get("gcsConfigUri")
    if config is not None and uri:
        raise invalid("only one of config and gcsConfigUri can be given")
    if uri:
        location = buckets.parse(uri, field="gcsConfigUri")
        try:
            config = orjson.loads(folders.object(location, field="gcsConfigUri").read_bytes())
        except orjson.JSONDecodeError as error:
            raise invalid(f"gcsConfigUri: {uri[:300]} is not valid JSON at character {error.pos}") from error
    if not isinstance(config or {}, dict):
        raise invalid("config: expected an object")
    return config or {}


def run(job: Job, request: DeidentifyRequest) -> Steps:
    """De-identify the source into the destination."""
    yield from _copy(job, request.store, request.target, request.rules, request.filter)
    return {}


def deidentify(job: Job, source: Store, destination: Store, config: Mapping[str, Any]) -> Steps:
    """Write a de-identified copy of a store into another; for ``datasets.deidentify``."""
    rules = dicom_rules.rules_of(config, secrets.token_bytes(32))
    yield from _copy(job, source, destination, rules, None)
    return {}


def _copy(job: Job, source: Store, target: Store, rules: Rules, filter_: Location | None) -> Iterator[Step]:
    """De-identify one unchanging state of the source, and yield a step per batch."""
    with job.database.read() as connection:
        stores.require_store(connection, source)
        rows = dicom_instances.chosen(dicom_instances.rows(connection, source.key), job.buckets, filter_)
        yield Step(sized=len(rows))
        good: list[Instance] = []
        bad: list[Failure] = []
        size, limit = 0, job.batch()
        for row in rows:
            content = dicom_instances.data(connection, row.number) or b""
            try:
                good.append(dicom_deidentify.deidentified(content, rules))
                size += row.size
            except dicom_files.Flaw as flaw:
                name = f"{source.name}/dicomWeb/{row.path}"
                bad.append(Failure("", name, Code.INVALID_ARGUMENT, str(flaw)))
            if len(good) + len(bad) >= limit or size >= STEP_BYTES:
                yield _step(target, good, bad)
                good, bad, size, limit = [], [], 0, job.batch()
    yield _step(target, good, bad)


def _step(target: Store, good: Sequence[Instance], bad: Sequence[Failure]) -> Step:
    return Step(partial(_write, target=target, instances=good), success=len(good), failures=bad)


def _write(connection: sqlite3.Connection, *, target: Store, instances: Sequence[Instance]) -> None:
    stores.require_store(connection, target)
    dicom_instances.put_many(connection, target.key, instances, storage_class="STANDARD")


KIND = Kind(
    "deidentify.DeidentifyService.DeidentifyDicomStore",
    "deidentify.DeidentifyDicomStoreSummary",
    parse,
    run,
    log="DeidentifyLogEntry",
)
