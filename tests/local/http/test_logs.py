"""``entries:list``, and the end of records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET
from patience import GIVE_UP

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.log_routes import Filter, parse_filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

pytestmark = pytest.mark.service


def entries(service: Program, **body: Any) -> dict[str, Any]:
    answer = service.client.post(
        f"{service.endpoint}/v2/entries:list", json={"resourceNames": ["projects/local"], **body}
    )
    answer.raise_for_status()
    return dict(answer.json())


def test_failures_are_listed_as_cloud_logging_lists_them(service: Program) -> None:
    store = service.store("logs")
    uri = service.put_lines("demo-out/logs.ndjson", ["{}", "[]", '{"resourceType":"Patient"}'])
    operation = service.start_import(store, uri)
    service.ended(operation)
    name = f"{DATASET}/{operation}"
    page = entries(service, filter=f'operation.id="{name}" AND severity>=ERROR', pageSize=2)
    more = entries(
        service,
        filter=f'operation.id="{name}" AND severity>=ERROR',
        pageSize=2,
        pageToken=page["nextPageToken"],
    )
    assert (len(page["entries"]), len(more["entries"]), "nextPageToken" in more) == (2, 1, False)
    first = page["entries"][0]
    assert first["operation"] == {"id": name, "producer": "healthcare.googleapis.com/ImportResources"}
    assert first["jsonPayload"]["@type"].endswith("healthcare.logging.ImportFhirLogEntry")
    assert first["jsonPayload"]["source"] == f"{uri}:1"
    assert first["jsonPayload"]["error"]["code"] == 3
    assert first["resource"] == {
        "type": "healthcare_fhir_store",
        "labels": {
            "project_id": "local",
            "location": "local",
            "dataset_id": "demo",
            "fhir_store_id": "logs",
        },
    }
    assert first["logName"] == "projects/local/logs/healthcare.googleapis.com%2Ffhir_import"
    assert more["entries"][0]["jsonPayload"]["error"]["message"].startswith("id is missing")
    elsewhere = entries(service, resourceNames=["projects/other"], filter=f'operation.id="{name}"')
    assert elsewhere == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Filter()),
        ('operation.id="a/b"', Filter(operation="a/b")),
        ('operation.producer = "x" AND severity>=ERROR', Filter(producer="x")),
        ("severity=INFO", Filter(nothing=True)),
        (
            'timestamp>="1970-01-01T00:00:01Z" AND timestamp<="1970-01-01T00:00:02Z"',
            Filter(start=1_000_000, end=2_000_000),
        ),
    ],
)
def test_filters_are_read(text: str, expected: Filter) -> None:
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    "text", ["jsonPayload.x=1", "a OR b", "timestamp=now", 'operation.id>="x"', "timestamp>=yesterday", 3]
)
def test_other_filters_are_refused(text: str) -> None:
    with pytest.raises(ServiceError):
        parse_filter(text)


def test_records_of_operations_expire(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--keep-operations", "0.00001")
    store = program.store("s")
    operation = program.start_import(store, program.put_lines("demo-out/a", [*patients(1), "{}"]))
    deadline = time.monotonic() + GIVE_UP
    while program.client.get(operation).status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert program.total(store, "Patient") == 1
    assert entries(program) == {}
