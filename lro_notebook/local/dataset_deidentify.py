"""The runner of ``datasets.deidentify``: all stores of a dataset -> a new dataset.

What happens inside a store is its kind's (`StoreKind.deidentify`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.local import deidentify, names, stores
from lro_notebook.local.refusal import invalid
from lro_notebook.local.stores import Store
from lro_notebook.local.work import Job, Kind, Step, Steps

if TYPE_CHECKING:
    import sqlite3

    from lro_notebook.local.work import Context

#: Collection -> what copies a store of it; None for kinds that have no de-identification.
Copiers = Mapping[str, Callable[[Job, Store, Store, Mapping[str, Any]], Steps] | None]
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """A checked de-identification of a dataset."""

    source: str
    destination: str
    config: Mapping[str, Any]


def parse(context: Context, dataset: str, body: Mapping[str, Any]) -> DatasetRequest:
    """Check the body of ``datasets.deidentify``."""
    destination = names.dataset_name(body.get("destinationDataset"), "destinationDataset")
    if stores.parent_of(destination) != stores.parent_of(dataset):
        raise invalid(f"destinationDataset: name one in {stores.parent_of(dataset)}, where the source is")
    if stores.has_dataset(context.connection, destination):
        raise stores.taken(destination)
    config = deidentify.config_of(context.buckets, body)
    deidentify.parse(config)
    return DatasetRequest(dataset, destination, config)


def kind_of(copiers: Copiers) -> Kind:
    """Return the kind of operation that copies stores with `copiers`."""
    return Kind(
        "dataset.DatasetService.DeidentifyDataset",
        "deidentify.DeidentifySummary",
        parse,
        partial(_run, copiers=copiers),
        log="DeidentifyLogEntry",
    )


def _run(job: Job, request: DatasetRequest, *, copiers: Copiers) -> Steps:
    """Make the dataset with its stores, then fill them one after the other."""
    with job.database.read() as connection:
        found = _stores(connection, request.source, copiers)
        body = stores.get_dataset(connection, request.source)
    yield Step(partial(_make, request=request, body=body, found=found))
    with ExitStack() as stack:
        runs, size = [], 0
        for collection, identifier, _ in found:
            with job.database.read() as connection:
                source, destination = (
                    stores.find_store(connection, dataset, identifier, collection=collection)
                    for dataset in (request.source, request.destination)
                )
            copier = copiers[collection]
            if copier is not None:
                steps = stack.enter_context(closing(copier(job, source, destination, request.config)))
                runs.append(steps)
                size += next(steps).sized or 0
        yield Step(sized=size)
        for steps in runs:
            yield from steps
    return {}


def _stores(
    connection: sqlite3.Connection, dataset: str, copiers: Copiers
) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return collection, id and fields of the stores that are copied."""
    found: list[tuple[str, str, Mapping[str, Any]]] = []
    for collection in (name for name, copier in copiers.items() if copier is not None):
        after = ""
        while page := stores.list_stores(
            connection, dataset, collection=collection, after=after, limit=_PAGE
        ):
            after = page[-1]["name"].rpartition("/")[2]
            found += [(collection, body["name"].rpartition("/")[2], body) for body in page]
    return found


def _make(
    connection: sqlite3.Connection,
    *,
    request: DatasetRequest,
    body: Mapping[str, Any],
    found: list[tuple[str, str, Mapping[str, Any]]],
) -> None:
    stores.add_dataset(connection, request.destination, body)
    for collection, identifier, fields in found:
        stores.add_store(connection, request.destination, identifier, fields, collection=collection)
