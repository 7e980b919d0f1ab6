"""Ids that once reached what lies above them, against a service that would have done what it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lro_notebook as lro
from lro_notebook import Client, ConfigError, Dataset

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.service

#: What each would have done before ids were checked stands beside it.
ATTEMPTS: list[tuple[str, Callable[[Dataset], object]]] = [
    ("deletes the dataset", lambda ds: ds.fhir_store("..").delete()),
    ("deletes the dataset of that name", lambda ds: _other(ds, "?").fhir_store("s").delete()),
    ("deletes the dataset of that name, too", lambda ds: _other(ds, "#").fhir_store("s").delete()),
    ("deletes another dataset", lambda ds: _other(ds, "/../demo").delete()),
    ("deletes the dataset, as a record", lambda ds: ds.client.delete(f"{ds.name}/operations/..")),
    ("deletes the dataset, named as a record", lambda ds: ds.client.delete(ds.name)),
    ("exports the whole store", lambda ds: ds.fhir_store("demo").bulk_export(group="..", show=False)),
    ("exports the whole store, too", lambda ds: ds.fhir_store("demo").bulk_export(group="../..", show=False)),
    ("deletes a whole study", lambda ds: ds.dicom_store("x").delete_series("1.2", "..", show=False)),
    ("reads another message", lambda ds: ds.hl7v2_store("x").message("../messages/..")),
    ("starts something else", lambda ds: ds.client.start("DELETE", f"{ds.name}/fhirStores/..", show=False)),
]


def _other(dataset: Dataset, tail: str) -> Dataset:
    return Dataset(dataset.client, dataset.name + tail)


@pytest.mark.parametrize(("would", "attempt"), ATTEMPTS, ids=[would for would, _ in ATTEMPTS])
def test_nothing_happens_to_the_dataset(
    dataset: Dataset, would: str, attempt: Callable[[Dataset], object]
) -> None:
    dataset.fhir_store("demo").create(bulk_export_uri="gs://demo-out/bulk", exist_ok=True)
    before, counts = len(dataset.operations()), _stores(dataset)
    with pytest.raises(ConfigError):
        attempt(dataset)
    assert dataset.exists(), would
    assert _stores(dataset) == counts
    assert len(dataset.operations()) == before


def test_a_raw_request_with_such_a_path_is_not_sent_either(dataset: Dataset) -> None:
    for path in (f"{dataset.name}/fhirStores/..", f"{dataset.name}?x", f"{dataset.name}/fhirStores/%2e%2e"):
        with pytest.raises(ConfigError):
            dataset.client.session.call("DELETE", path, role="read")
    assert dataset.exists()


def test_an_operation_is_found_by_its_id_and_by_its_name_alone(dataset: Dataset) -> None:
    store = dataset.fhir_store("demo").create(bulk_export_uri="gs://demo-out/bulk", exist_ok=True)
    done = store.export_to("gs://demo-out/addresses", types="Patient", show=False).wait()
    assert dataset.operation(done.id).name == dataset.operation(done.name).name == done.name
    client: Client = dataset.client
    assert client.get(f"v1beta1/{done.name}") is done
    for name in (f"{done.name}?", f"{done.name}#x", f"{done.name}/", f"{done.name}/../{done.id}"):
        with pytest.raises(ConfigError):
            client.get(name)
        with pytest.raises(ConfigError):
            lro.watch(name, client=client)


def _stores(dataset: Dataset) -> list[str]:
    return [store.name for store in dataset.stores()]
