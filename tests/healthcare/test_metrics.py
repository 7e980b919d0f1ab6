"""How much is in a store: the service's metrics as DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes import Scripted, ok

from lro_notebook import Client, Dataset

if TYPE_CHECKING:
    from lro_notebook import DicomStore, FhirStore, Hl7v2Store

NAME = "projects/p/locations/l/datasets/d"
FHIR = [
    {"resourceType": "Patient", "count": "5", "structuredStorageSizeBytes": "70"},
    {
        "resourceType": "Observation",
        "count": "9007199254740993",
        "structuredStorageSizeBytes": "1",
        "versionedStorageSizeBytes": "2",
    },
    {"resourceType": "Basic"},
]


def dataset(answer: dict[str, Any]) -> Dataset:
    return Dataset(Client("https://api.example.com", transport=Scripted(ok(answer))), NAME)


def rows(store: FhirStore | DicomStore | Hl7v2Store) -> list[list[Any]]:
    frame = store.metrics()
    assert list(frame.columns) == ["type", "count", "bytes"]
    assert [str(dtype) for dtype in frame.dtypes[1:]] == ["Int64", "Int64"]
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def test_fhir_has_a_row_per_type_the_most_frequent_first_and_counts_beyond_floats() -> None:
    assert rows(dataset({"metrics": FHIR}).fhir_store("s")) == [
        ["Observation", 9007199254740993, 3],
        ["Patient", 5, 70],
        ["Basic", None, None],
    ]


def test_hl7v2_has_a_row_per_message_type() -> None:
    metrics = [{"messageType": "ADT", "count": "2", "structuredStorageSizeBytes": "8"}]
    assert rows(dataset({"metrics": metrics}).hl7v2_store("s")) == [["ADT", 2, 8]]


def test_dicom_has_a_row_per_level_and_the_bytes_of_instances() -> None:
    answer = {"studyCount": "1", "seriesCount": "2", "instanceCount": "3", "blobStorageSizeBytes": "9"}
    assert rows(dataset(answer).dicom_store("s")) == [
        ["study", 1, None],
        ["series", 2, None],
        ["instance", 3, 9],
    ]


@pytest.mark.parametrize("answer", [{}, {"metrics": []}, {"metrics": None}, {"metrics": ["odd"]}])
def test_an_empty_store_has_no_rows(answer: dict[str, Any]) -> None:
    assert rows(dataset(answer).fhir_store("s")) == []
    assert rows(dataset(answer).hl7v2_store("s")) == []


@pytest.mark.parametrize(
    "number", [-1, "-1", 1 << 63, "9" * 30, 10**400, [1], {"a": 1}, True, 1.5, "x", None]
)
def test_what_cannot_be_a_number_of_resources_is_missing(number: Any) -> None:
    metric = {"resourceType": ["x"], "count": number, "structuredStorageSizeBytes": number}
    assert rows(dataset({"metrics": [metric]}).fhir_store("s")) == [[None, None, None]]
    answer = {"studyCount": number, "instanceCount": "1", "blobStorageSizeBytes": number}
    assert rows(dataset(answer).dicom_store("s"))[::2] == [["study", None, None], ["instance", 1, None]]


def test_sizes_that_are_too_large_together_are_missing() -> None:
    most = str((1 << 63) - 1)
    metric = {"resourceType": "A", "count": most, "structuredStorageSizeBytes": most}
    assert rows(dataset({"metrics": [metric]}).fhir_store("s")) == [["A", int(most), int(most)]]
    metric["versionedStorageSizeBytes"] = "1"
    assert rows(dataset({"metrics": [metric]}).fhir_store("s")) == [["A", int(most), None]]
