"""The runner of ``datasets.deidentify``: all stores of a dataset -> a new dataset.

How a store is copied is up to its kind (`StoreKind.deidentify`).
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.datasets import deidentify_values, stores
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.http.store_kind import StoreKind
    from lro_notebook.local.operations.method import Context, Job, Steps

_PAGE = 1000


class CopiedStore(NamedTuple):
    """A store to copy: its kind, its id and its fields."""

    kind: StoreKind
    identifier: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """A checked de-identification of a dataset."""

    source: str
    destination: str
    config: Mapping[str, Any]


def method_for(kinds: Sequence[StoreKind]) -> Method:
    """Return the method, which copies the stores of these kinds."""
    copied = [kind for kind in kinds if kind.deidentify is not None]
    return Method(
        "dataset.DatasetService.DeidentifyDataset",
        "deidentify.DeidentifySummary",
        partial(_parse, kinds=copied),
        partial(_run, kinds=copied),
        log="DeidentifyLogEntry",
    )


def _parse(
    context: Context, dataset: str, body: Mapping[str, Any], *, kinds: Sequence[StoreKind]
) -> DatasetRequest:
    """Check the body of ``datasets.deidentify``."""
    destination = resource_names.dataset_name(body.get("destinationDataset"), "destinationDataset")
    if stores.parent_of(destination) != stores.parent_of(dataset):
        raise invalid_argument(
            f"destinationDataset: name one in {stores.parent_of(dataset)}, where the source is"
        )
    if stores.has_dataset(context.connection, destination):
        raise stores.already_exists(destination)
    config = deidentify_values.config_of(context.buckets, body)
    copied = {store.kind.collection for store in _stores(context.connection, dataset, kinds)}
    for kind in kinds:
        if kind.check_config is not None and kind.collection in copied:
            kind.check_config(config)
    return DatasetRequest(dataset, destination, config)


def _run(job: Job, request: DatasetRequest, *, kinds: Sequence[StoreKind]) -> Steps:
    """Make the dataset with its stores, then fill them one after the other."""
    with job.database.read() as connection:
        copied = _stores(connection, request.source, kinds)
        body = stores.get_dataset(connection, request.source)
    yield Step(partial(_make, request=request, body=body, copied=copied))
    with ExitStack() as stack:
        runs, size = [], 0
        for kind, identifier, _ in copied:
            with job.database.read() as connection:
                source, destination = (
                    stores.find_store(connection, dataset, identifier, collection=kind.collection)
                    for dataset in (request.source, request.destination)
                )
            if kind.deidentify is not None:
                steps = stack.enter_context(
                    closing(kind.deidentify(job, source, destination, request.config))
                )
                runs.append(steps)
                size += next(steps).total or 0
        yield Step(total=size)
        for steps in runs:
            yield from steps
    return {}


def _stores(connection: sqlite3.Connection, dataset: str, kinds: Sequence[StoreKind]) -> list[CopiedStore]:
    """Return the stores of a dataset that will be copied."""
    copied: list[CopiedStore] = []
    for kind in kinds:
        after = ""
        while page := stores.list_stores(
            connection, dataset, collection=kind.collection, after=after, limit=_PAGE
        ):
            after = page[-1]["name"].rpartition("/")[2]
            copied += [CopiedStore(kind, body["name"].rpartition("/")[2], body) for body in page]
    return copied


def _make(
    connection: sqlite3.Connection,
    *,
    request: DatasetRequest,
    body: Mapping[str, Any],
    copied: Sequence[CopiedStore],
) -> None:
    stores.add_dataset(connection, request.destination, body)
    for kind, identifier, fields in copied:
        stores.add_store(connection, request.destination, identifier, fields, collection=kind.collection)
