"""The runner of ``datasets.create``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.datasets import stores
from lro_notebook.local.operations.method import Method, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.operations.method import Context, Job, Steps


class NewDataset(NamedTuple):
    """A checked dataset to create."""

    name: str
    body: Mapping[str, Any]


def parse(_context: Context, name: str, body: Mapping[str, Any]) -> NewDataset:
    """Check the body of ``datasets.create``."""
    stores.check_dataset(body)
    return NewDataset(name, {key: value for key, value in body.items() if key != "name"})


def run(_job: Job, request: NewDataset) -> Steps:
    """Insert the dataset, and return it as the response."""
    yield Step(partial(stores.add_dataset, name=request.name, body=request.body))
    return {"name": request.name, **request.body}


METHOD = Method("dataset.DatasetService.CreateDataset", "dataset.Dataset", parse, run)
