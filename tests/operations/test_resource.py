from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lro_notebook import Code, ConfigError, OperationResource, Status
from lro_notebook.operations.resource import (
    listing_parent,
    method_title,
    operation_id,
    operation_parent,
    parse_int64,
    parse_timestamp,
    target_of,
)

NAME = "projects/p/locations/l/datasets/d/operations/1264567891234567"
FINISHED = {
    "name": NAME,
    "metadata": {
        "@type": "type.googleapis.com/google.cloud.healthcare.v1.OperationMetadata",
        "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirService.ImportResources",
        "createTime": "2026-03-04T09:00:00Z",
        "endTime": "2026-03-04T09:10:00Z",
        "counter": {"success": "1000"},
    },
    "done": True,
    "response": {"@type": "type.googleapis.com/google.cloud.healthcare.v1.fhir.rest.ImportResourcesResponse"},
}
FAILED = {
    "name": NAME,
    "done": True,
    "error": {"code": 5, "message": "no such bucket", "details": [{"@type": "x", "n": 1}], "later": True},
    "another": {"kept": 1},
}


@pytest.mark.parametrize("data", [FINISHED, FAILED, {"name": NAME}, {"name": NAME, "metadata": {}}])
def test_a_resource_survives_the_round_trip_unknown_fields_included(data: dict[str, object]) -> None:
    assert OperationResource.from_dict(data).to_dict() == data


def test_done_with_neither_error_nor_response_is_success_with_an_empty_response() -> None:
    resource = OperationResource.from_dict({"name": NAME, "done": True, "error": None})
    assert resource.response == {}
    assert resource.error is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "JSON object"),
        ({}, "needs a name"),
        ({"name": ""}, "needs a name"),
        ({"name": 7}, "needs a name"),
        ({"name": NAME, "done": "yes"}, "true or false"),
        ({"name": NAME, "metadata": []}, "'metadata'"),
        ({"name": NAME, "done": True, "error": "boom"}, "'error'"),
        ({"name": NAME, "done": True, "error": {"code": 1}, "response": {}}, "both"),
    ],
)
def test_what_is_no_operation_is_refused(data: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        OperationResource.from_dict(data)


def test_status_names_its_code_and_keeps_what_it_does_not_know() -> None:
    status = Status.from_dict(FAILED["error"])  # type: ignore[arg-type]  # a literal of mixed types
    assert (status.code, status.name, status.message) == (5, "NOT_FOUND", "no such bucket")
    assert status.details == ({"@type": "x", "n": 1},)
    assert status.unknown == {"later": True}
    assert Status(code=999).name == "UNKNOWN"


@pytest.mark.parametrize("data", [{"code": "7"}, {"code": 7.0}])
def test_a_code_may_come_as_a_number_or_as_int64_text(data: dict[str, object]) -> None:
    assert Status.from_dict(data).code == Code.PERMISSION_DENIED


def test_the_parts_of_a_status_with_wrong_types_are_kept_not_lost() -> None:
    data = {"code": "soon", "message": 3, "details": "none"}
    status = Status.from_dict(data)
    assert status.code == Code.UNKNOWN
    assert status.unknown == data


def test_reprs_show_no_payload() -> None:
    resource = OperationResource.from_dict({"name": NAME, "done": True, "response": {"family": "Doe"}})
    assert "Doe" not in repr(resource)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12", 12),
        ("-3", -3),
        (9007199254740993, 9007199254740993),
        (4.0, 4),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_int64_comes_as_text_or_number(value: object, number: int) -> None:
    assert parse_int64(value) == number


@pytest.mark.parametrize(
    "value", ["", "x", "1.5", 1.5, True, None, [], float("nan"), float("inf"), "1" * 40, "١٢"]
)
def test_what_is_no_int64_is_none(value: object) -> None:
    assert parse_int64(value) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-04T09:00:00Z", datetime(2026, 3, 4, 9, tzinfo=UTC)),
        ("2026-03-04t09:00:00.5z", datetime(2026, 3, 4, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-04T09:00:00.123456789Z", datetime(2026, 3, 4, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-04T11:00:00+02:00", datetime(2026, 3, 4, 9, tzinfo=UTC)),
    ],
)
def test_timestamps_are_read_with_any_fraction_and_offset(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize(
    "text",
    ["2026-03-04", "2026-03-04T09:00:00", "2026-13-04T09:00:00Z", "", None, 5, "0001-01-01T00:00:00+23:00"],
)
def test_what_is_no_timestamp_is_none(text: object) -> None:
    assert parse_timestamp(text) is None


def test_names_and_paths_are_taken_apart() -> None:
    path = "v1beta1/projects/p/locations/l/datasets/d/fhirStores/s:import?x=1"
    assert operation_id(NAME) == "1264567891234567"
    assert operation_parent(NAME) == "projects/p/locations/l/datasets/d"
    assert operation_parent("operations/abc") == ""
    assert target_of(path) == "projects/p/locations/l/datasets/d/fhirStores/s"
    assert target_of("v1/files:annotate") == "files"
    assert method_title("POST", path) == "import"
    assert method_title("POST", "v1/projects/p/locations/l/datasets?datasetId=d") == "post datasets"
    assert listing_parent(target_of(path)) == "projects/p/locations/l/datasets/d"
    assert listing_parent("projects/p/locations/l/datasets") == "projects/p/locations/l"
