"""The runner of ``dicomStores.deidentify``: instances of a store -> de-identified ones in another.

A unit is one instance. An instance that cannot be de-identified is counted, logged and left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.local.datasets import deidentify_values, stores
from lro_notebook.local.dicom import deidentify_config, deidentify_instance, dicom_file, rows
from lro_notebook.local.dicom.imports import STEP_BYTES, size_of
from lro_notebook.local.operations import batches
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.deidentify_config import Rules
    from lro_notebook.local.dicom.dicom_file import Instance
    from lro_notebook.local.dicom.rows import Row
    from lro_notebook.local.operations.method import Context, Job, Steps
    from lro_notebook.local.operations.records import Failure


@dataclass(frozen=True, slots=True)
class DeidentifyRequest:
    """A checked de-identification; `filter` None is every instance."""

    store: Store
    target: Store
    rules: Rules = field(repr=False)
    filter: Location | None


def parse(context: Context, store: Store, body: Mapping[str, Any]) -> DeidentifyRequest:
    """Check the body of ``dicomStores.deidentify``."""
    dicom_file.pydicom()
    target = stores.destination_of(context.connection, store, body)
    rules = deidentify_config.rules_of(
        deidentify_values.config_of(context.buckets, body), deidentify_values.new_key()
    )
    return DeidentifyRequest(store, target, rules, rows.filter_of(context.buckets, body))


def run(job: Job, request: DeidentifyRequest) -> Steps:
    """De-identify the source into the destination."""
    yield from _copy(job, request.store, request.target, request.rules, request.filter)
    return {}


def copy_store(job: Job, source: Store, destination: Store, config: Mapping[str, Any]) -> Steps:
    """Write a de-identified copy of a store into another; for ``datasets.deidentify``."""
    rules = deidentify_config.rules_of(config, deidentify_values.new_key())
    yield from _copy(job, source, destination, rules, None)
    return {}


def check_config(config: Mapping[str, Any]) -> None:
    """Raise on a configuration that is not supported for DICOM stores."""
    dicom_file.pydicom()
    deidentify_config.rules_of(config, deidentify_values.new_key())


def _copy(job: Job, source: Store, target: Store, rules: Rules, filter_: Location | None) -> Iterator[Step]:
    """De-identify a snapshot of the source, and yield a step per batch."""
    with job.database.read() as connection:
        stores.require_store(connection, source)
        chosen = rows.chosen(rows.instances(connection, source.key), job.buckets, filter_)
        yield Step(total=len(chosen))
        deidentified = (_deidentified(connection, source, row, rules) for row in chosen)
        write = partial(_write, target=target)
        yield from batches.steps(job, deidentified, write, size_of=size_of, step_bytes=STEP_BYTES)


def _deidentified(
    connection: sqlite3.Connection, source: Store, row: Row, rules: Rules
) -> Instance | Failure:
    content = rows.data(connection, row.number) or b""
    try:
        return deidentify_instance.deidentified(content, rules)
    except dicom_file.ParseError as parse_error:
        return rows.failure(source, row, parse_error)


def _write(connection: sqlite3.Connection, *, units: Sequence[Instance], target: Store) -> None:
    stores.require_store(connection, target)
    rows.put_many(connection, target.key, units, storage_class="STANDARD")


METHOD = Method(
    "deidentify.DeidentifyService.DeidentifyDicomStore",
    "deidentify.DeidentifyDicomStoreSummary",
    parse,
    run,
    log="DeidentifyLogEntry",
)
