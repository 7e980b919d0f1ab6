"""The start helpers of FHIR stores and datasets: what they send, what they refuse, what they remember."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fakes import Scripted, failed, ok, operation

import lro_notebook as lro
from lro_notebook import Client, ConfigError, Dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook import Operation
    from lro_notebook.healthcare.fhir import FhirStore

NAME = "projects/p/locations/l/datasets/d"
STORE = f"{NAME}/fhirStores/s"
TIME = "2026-01-01T00:00:00Z"


def dataset_on(
    *answers: httpx.Response | Callable[[httpx.Request], httpx.Response],
) -> tuple[Dataset, Scripted]:
    transport = Scripted(*answers)
    return Dataset(Client("https://api.example.com", transport=transport), NAME), transport


Case = tuple["Callable[[FhirStore], Operation]", str, dict[str, Any]]
CASES: dict[str, Case] = {
    "importHistory": (
        lambda s: s.import_history("gs://b/in", max_errors=-1),
        "v1beta1",
        {"contentStructure": "BUNDLE", "gcsSource": {"uri": "gs://b/in"}, "maxErrorCount": "-1"},
    ),
    "exportHistory": (
        lambda s: s.export_history("gs://b/out", types="Patient", since=TIME, max_versions=3),
        "v1beta1",
        {
            "gcsDestination": {"uriPrefix": "gs://b/out"},
            "_type": "Patient",
            "_since": TIME,
            "maxResourceVersions": "3",
        },
    ),
    "export": (
        lambda s: s.export_to(
            "bq://p.d",
            schema_type="ANALYTICS_V2",
            recursive_depth=3,
            write_disposition="WRITE_TRUNCATE",
            partition_by="DAY",
        ),
        "v1",
        {
            "bigqueryDestination": {
                "datasetUri": "bq://p.d",
                "schemaConfig": {
                    "schemaType": "ANALYTICS_V2",
                    "recursiveStructureDepth": "3",
                    "lastUpdatedPartitionConfig": {"type": "DAY"},
                },
                "writeDisposition": "WRITE_TRUNCATE",
            }
        },
    ),
    "rollback": (
        lambda s: s.rollback(
            TIME,
            "b",
            types="Patient,Encounter",
            change_type="UPDATE",
            operation_ids=["17"],
            metadata_filter='tag("x") = "y"',
            input_object="gs://b/ids",
            exclude_rollbacks=True,
            dry_run=False,
        ),
        "v1",
        {
            "rollbackTime": TIME,
            "resultGcsBucket": "b",
            "type": ["Patient", "Encounter"],
            "changeType": "UPDATE",
            "filteringFields": {"operationIds": ["17"], "metadataFilter": 'tag("x") = "y"'},
            "inputGcsObject": "gs://b/ids",
            "excludeRollbacks": True,
            "force": True,
        },
    ),
    "bulkDelete": (
        lambda s: s.bulk_delete(
            types="Patient", until=TIME, version_config="HISTORY_ONLY", result_uri="gs://b/o", dry_run=True
        ),
        "v1",
        {
            "type": "Patient",
            "until": TIME,
            "versionConfig": "HISTORY_ONLY",
            "gcsDestination": {"uriPrefix": "gs://b/o"},
            "validateOnly": True,
        },
    ),
    "deidentify": (
        lambda s: s.deidentify("t", config={}, resources=["Patient/1"], skip_modified=True),
        "v1",
        {
            "destinationStore": f"{NAME}/fhirStores/t",
            "config": {},
            "resourceFilter": {"resources": {"resources": ["Patient/1"]}},
            "skipModifiedResources": True,
        },
    ),
    "applyConsents": (
        lambda s: s.apply_consents(patients=["1"], start=TIME, validate_only=True),
        "v1",
        {"patientScope": {"patientIds": ["1"]}, "timeRange": {"start": TIME}, "validateOnly": True},
    ),
    "applyAdminConsents": (
        lambda s: s.apply_admin_consents(["Consent/1/_history/2"]),
        "v1",
        {"newConsentsList": {"names": [f"{STORE}/fhir/Consent/1/_history/2"]}},
    ),
    "configureSearch": (
        lambda s: s.configure_search(["http://example.com/p"]),
        "v1beta1",
        {"canonicalUrls": ["http://example.com/p"]},
    ),
    "executeCohort": (
        lambda s: s.execute_cohort("gs://b/o", {"women": "Patient.where(gender = 'female')"}, at=TIME),
        "v1beta1",
        {
            "fhirpathQuery": {
                "expressions": [{"fhirpathExpression": "Patient.where(gender = 'female')", "label": "women"}]
            },
            "gcsDestination": {"uriPrefix": "gs://b/o"},
            "_at": TIME,
        },
    ),
}


@pytest.mark.parametrize("verb", CASES)
def test_a_helper_sends_the_documented_request_to_the_version_that_has_it(verb: str) -> None:
    call, version, expected = CASES[verb]
    dataset, transport = dataset_on(ok(operation(done=True)))
    op = call(dataset.fhir_store("s"))
    assert transport.sent == [f"POST /{version}/{STORE}:{verb}"]
    assert json.loads(transport.requests[0].content) == expected
    assert (op.method, op.target) == (f"fhirStores.{verb}", STORE)
    op.refresh()
    assert transport.sent[-1] == f"GET /{version}/{op.name}"


def test_dataset_deidentify_sends_the_documented_request() -> None:
    dataset, transport = dataset_on(ok(operation(done=True)))
    op = dataset.deidentify("safe", gcs_config_uri="gs://b/config.json")
    assert transport.sent == [f"POST /v1/{NAME}:deidentify"]
    assert json.loads(transport.requests[0].content) == {
        "destinationDataset": "projects/p/locations/l/datasets/safe",
        "gcsConfigUri": "gs://b/config.json",
    }
    assert op.destination == "projects/p/locations/l/datasets/safe"


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.rollback(TIME, "b", dry_run=False),
        lambda s: s.bulk_delete(),
        lambda s: s.bulk_delete(version_config="ALL", result_uri="gs://b/o"),
    ],
)
def test_destroying_a_whole_store_must_be_meant(call: Callable[[FhirStore], Operation]) -> None:
    dataset, transport = dataset_on(ok(operation(done=True)))
    with pytest.raises(ConfigError, match="everything=True"):
        call(dataset.fhir_store("s"))
    assert transport.requests == []
    dataset.fhir_store("s").bulk_delete(everything=True)
    assert json.loads(transport.requests[0].content) == {}


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.deidentify("t"), "how to de-identify"),
        (lambda s: s.rollback("yesterday", "b"), "RFC 3339"),
        (lambda s: s.rollback(TIME, "b/c d", change_type="X"), "change_type"),
        (lambda s: s.rollback(TIME, "B!"), "bucket"),
        (lambda s: s.bulk_delete(types="P/1"), "resource type"),
        (lambda s: s.bulk_delete(types="Patient", version_config="X"), "version_config"),
        (lambda s: s.export_to("gs://b/o", schema_type="ANALYTICS"), "BigQuery"),
        (lambda s: s.bulk_export(group="a/b"), "group id"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    call: Callable[[FhirStore], Operation], match: str
) -> None:
    dataset, transport = dataset_on(ok({}))
    with pytest.raises(ConfigError, match=match):
        call(dataset.fhir_store("s"))
    assert transport.requests == []


def test_the_journal_holds_no_configuration() -> None:
    dataset, _ = dataset_on(ok(operation(done=True)))
    op = dataset.fhir_store("s").deidentify("t", config={"text": {"key": "c2VjcmV0"}})
    row = dataset.client.journal.all()[-1]
    assert (row.name, row.destination) == (op.name, f"{NAME}/fhirStores/t")
    assert "c2VjcmV0" not in repr(row)


STATUS = f"{STORE}/operations/9"


def _export_service(*answers: httpx.Response) -> tuple[FhirStore, Scripted]:
    accepted = httpx.Response(202, headers={"Content-Location": f"https://api.example.com/v1/{STATUS}"})
    store = ok({"name": STORE, "bulkExportGcsDestination": {"uriPrefix": "gs://b/bulk"}})
    dataset, transport = dataset_on(store, accepted, *answers)
    return dataset.fhir_store("s"), transport


def test_a_bulk_export_is_an_operation() -> None:
    running = httpx.Response(202, headers={"X-Progress": "in progress"})
    manifest = {"transactionTime": TIME, "output": [{"type": "Patient", "url": "u"}], "error": []}
    store, transport = _export_service(running, ok(manifest))
    op = store.bulk_export(group="g", types="Patient", since=TIME, show=False)
    assert op.result(timeout=20) == manifest
    start = transport.requests[1]
    assert start.url.path == f"/v1/{STORE}/fhir/Group/g/$export"
    assert dict(start.url.params) == {"_type": "Patient", "_since": TIME, "organizeOutputBy": "Patient"}
    assert (start.headers["Prefer"], start.headers["Accept"]) == ("respond-async", "application/fhir+json")
    assert (op.name, op.destination, op.state) == (STATUS, "gs://b/bulk", "SUCCEEDED")
    assert transport.sent[2] == f"GET /v1/{STATUS}"


def test_a_bulk_export_that_fails_says_what_the_service_said() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "the bucket is gone"}]}
    store, _ = _export_service(httpx.Response(500, json=outcome))
    with pytest.raises(lro.OperationFailed, match="the bucket is gone"):
        store.bulk_export(show=False).result(timeout=20)


def test_a_bulk_export_is_cancelled_by_deleting_it() -> None:
    running = httpx.Response(202, headers={"X-Progress": "in progress"})
    deleted = False

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal deleted
        deleted = deleted or request.method == "DELETE"
        if request.method == "DELETE":
            return httpx.Response(202)
        return failed(404) if deleted else running

    dataset, transport = dataset_on(answer)
    op = dataset.fhir_store("s").bulk_export_operation("9")
    assert (op.state, op.progress.status) == ("RUNNING", "in progress")
    op.cancel()
    assert op.wait(timeout=20).cancelled()
    assert f"DELETE /v1/{STATUS}" in transport.sent


def test_a_store_without_a_folder_for_bulk_exports_is_named() -> None:
    dataset, transport = dataset_on(ok({"name": STORE}))
    with pytest.raises(ConfigError, match="bulk_export_uri"):
        dataset.fhir_store("s").bulk_export()
    assert transport.sent == [f"GET /v1/{STORE}"]


def test_a_bulk_export_whose_answer_was_lost_is_not_sent_again() -> None:
    dataset, transport = dataset_on(
        ok({"bulkExportGcsDestination": {"uriPrefix": "gs://b/bulk"}}), failed(503)
    )
    with pytest.raises(lro.StartUnknown, match="not sent"):
        dataset.fhir_store("s").bulk_export()
    assert len(transport.requests) == 2
