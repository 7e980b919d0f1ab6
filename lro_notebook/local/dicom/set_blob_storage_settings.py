"""The runner of ``setBlobStorageSettings``: another storage class for a store or study, or a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.local.dicom import rows
from lro_notebook.local.dicom.rows import Part, Scope
from lro_notebook.local.operations import batches
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps


@dataclass(frozen=True, slots=True)
class StorageRequest:
    """A checked change of the storage class; `filter` None is every instance of the part."""

    part: Part
    storage_class: str
    filter: Location | None


def parse(context: Context, target: Part | Store, body: Mapping[str, Any]) -> StorageRequest:
    """Check the body of ``setBlobStorageSettings`` of a store or a study."""
    part = target if isinstance(target, Part) else Part(target, Scope())
    storage_class = rows.storage_class_of(body, default=None)
    return StorageRequest(part, storage_class, rows.filter_of(context.buckets, body))


def run(job: Job, request: StorageRequest) -> Steps:
    """Note the storage class batch by batch."""
    with job.database.read() as connection:
        instances = rows.instances(connection, request.part.store.key, request.part.scope)
    numbers = [row.number for row in rows.chosen(instances, job.buckets, request.filter)]
    yield Step(total=len(numbers))
    for batch in batches.slices(job, numbers):
        write = partial(rows.set_class, numbers=batch, storage_class=request.storage_class)
        yield Step(write, success=len(batch))
    return {}


METHOD = Method("storageinfo.StorageInfoService.SetBlobStorageSettings", "google.protobuf.Empty", parse, run)
