"""Which store is not there: the hint makes the one that the service names, its own or where it copies to."""

from __future__ import annotations

import pytest
from fakes import Scripted, failed

from lro_notebook import ApiError, Client, Dataset

NAME = "projects/p/locations/l/datasets/d"


def refused(missing: str) -> Dataset:
    said = failed(404, f"{missing} does not exist.", "NOT_FOUND")
    return Dataset(Client("https://api.example.com", transport=Scripted(said)), NAME)


@pytest.mark.parametrize(
    ("missing", "destination", "advice"),
    [
        (f"{NAME}/fhirStores/lab2", "lab2", "ds.fhir_store('lab2').create() makes the store"),
        (f"{NAME}/fhirStores/lab", "lab2", "ds.fhir_store('lab').create() makes the store"),
        (f"{NAME}/fhirStores/lab", "la", "ds.fhir_store('lab').create() makes the store"),
        (
            f"{NAME}2/fhirStores/x",
            f"{NAME}2/fhirStores/x",
            f"lro.connect('{NAME}2').fhir_store('x').create() makes the store; lro.connect('{NAME}2').st",
        ),
    ],
)
def test_the_hint_makes_the_store_that_is_missing(missing: str, destination: str, advice: str) -> None:
    with pytest.raises(ApiError) as seen:
        refused(missing).fhir_store("lab").deidentify(destination, config={})
    assert seen.value.hint.startswith(advice)
    assert missing in str(seen.value)


def test_so_it_is_for_studies_and_for_starts_without_a_destination() -> None:
    for start in ("export_to", "import_from"):
        with pytest.raises(ApiError, match=r"ds\.dicom_store\('s'\)\.create\(\) makes the store"):
            getattr(refused(f"{NAME}/dicomStores/s").dicom_store("s"), start)("gs://b/x")
    with pytest.raises(ApiError, match=r"ds\.dicom_store\('t'\)\.create\(\) makes the store"):
        refused(f"{NAME}/dicomStores/t").dicom_store("s").deidentify("t", config={})


def test_where_the_dataset_is_missing_the_hint_makes_that() -> None:
    with pytest.raises(ApiError, match=r"ds\.create\(\)\.wait\(\) makes the dataset") as seen:
        refused(NAME).fhir_store("lab").export_to("gs://b/x")
    assert "makes the store" not in str(seen.value)


@pytest.mark.service
def test_the_local_service_names_the_store_that_may_be_meant(dataset: Dataset) -> None:
    dataset.fhir_store("missing-demo").create(exist_ok=True)
    with pytest.raises(ApiError, match=r"does not exist; did you mean 'missing-demo'\? Or create it") as seen:
        dataset.fhir_store("missing-dmeo").metrics()
    assert seen.value.hint.startswith("ds.fhir_store('missing-dmeo').create()")
