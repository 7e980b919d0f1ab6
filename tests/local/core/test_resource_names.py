from __future__ import annotations

import pytest

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, is_fhir_path


@pytest.mark.parametrize("value", ["", ".", "..", "a b", "a/b", "a:b", "ä", "x" * 257])
def test_a_new_id_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(ServiceError, match="datasetId"):
        resource_names.new_id("datasetId", value)


@pytest.mark.parametrize("value", ["a", "A-b_c.9", "..a", "x" * 256])
def test_a_new_id_is_taken_as_it_is(value: str) -> None:
    assert resource_names.new_id("datasetId", value) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("-1", None),
        ("٣", None),
        ("", None),
    ],
)
def test_a_whole_number_fits_in_64_bits(text: str, expected: int | None) -> None:
    assert resource_names.whole_number(text) == expected


@pytest.mark.parametrize("value", ["", "patient", "Pat ient", "Patient1", "../x", "P" * 65])
def test_what_is_no_resource_type_is_refused(value: str) -> None:
    with pytest.raises(ServiceError):
        resource_names.resource_type(value)


@pytest.mark.parametrize("value", ["", "a_b", "a/b", "x" * 65, "a\n"])
def test_what_is_no_fhir_id_is_refused(value: str) -> None:
    with pytest.raises(ServiceError):
        resource_names.fhir_id(value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/projects/p/locations/l/datasets/d/fhirStores/s/fhir/Patient/1", True),
        ("/v1/projects/p/locations/l/datasets/d/fhirStores/s/fhir", True),
        ("/v1/projects/p/locations/l/datasets/d/fhirStores/fhir", False),
        ("/v1/projects/p/locations/l/datasets/fhir/operations/fhir", False),
    ],
)
def test_the_fhir_interface_of_a_store_is_known_by_its_path(path: str, *, expected: bool) -> None:
    assert is_fhir_path(path) is expected
