"""Start helpers of DICOM, HL7v2 and consent stores: the documented request, what is remembered of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from fakes import Scripted, ok, operation

from lro_notebook import Client, Dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook import Operation

NAME = "projects/p/locations/l/datasets/d"
DICOM, HL7V2, CONSENT = f"{NAME}/dicomStores/s", f"{NAME}/hl7V2Stores/s", f"{NAME}/consentStores/s"
KEY = "c2VjcmV0IGtleSBvZiAzMiBieXRlcyAgICAgICAgICA="


def dataset_on() -> tuple[Dataset, Scripted]:
    transport = Scripted(ok(operation(done=True)))
    return Dataset(Client("https://api.example.com", transport=transport), NAME), transport


Started = tuple[str, str, Any, str | None, str | None]
STARTS: list[tuple[Callable[[Dataset], Operation], Started]] = [
    (
        lambda ds: ds.dicom_store("s").import_from("gs://b/**.dcm", blob_storage_class="COLDLINE"),
        (
            f"POST /v1/{DICOM}:import",
            "dicomStores.import",
            {
                "gcsSource": {"uri": "gs://b/**.dcm"},
                "blobStorageSettings": {"blobStorageClass": "COLDLINE"},
            },
            "gs://b/**.dcm",
            DICOM,
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").export_to(
            "gs://b/out", mime_type="image/png", filter_uri="gs://b/f.txt"
        ),
        (
            f"POST /v1/{DICOM}:export",
            "dicomStores.export",
            {
                "gcsDestination": {"uriPrefix": "gs://b/out", "mimeType": "image/png"},
                "filterConfig": {"resourcePathsGcsUri": "gs://b/f.txt"},
            },
            DICOM,
            "gs://b/out",
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").export_to(
            "bq://p.d.t", schema="json", write_disposition="WRITE_APPEND", include_source_store=True
        ),
        (
            f"POST /v1/{DICOM}:export",
            "dicomStores.export",
            {
                "bigqueryDestination": {
                    "tableUri": "bq://p.d.t",
                    "schemaJson": {},
                    "writeDisposition": "WRITE_APPEND",
                    "includeSourceStore": True,
                }
            },
            DICOM,
            "bq://p.d.t",
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").deidentify("t", config={"dicom": {}}),
        (
            f"POST /v1/{DICOM}:deidentify",
            "dicomStores.deidentify",
            {"destinationStore": f"{NAME}/dicomStores/t", "config": {"dicom": {}}},
            DICOM,
            f"{NAME}/dicomStores/t",
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").deidentify(ds.dicom_store("t"), gcs_config_uri="gs://b/c.json"),
        (
            f"POST /v1/{DICOM}:deidentify",
            "dicomStores.deidentify",
            {"destinationStore": f"{NAME}/dicomStores/t", "gcsConfigUri": "gs://b/c.json"},
            DICOM,
            f"{NAME}/dicomStores/t",
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").set_blob_storage_settings("ARCHIVE"),
        (
            f"POST /v1/{DICOM}:setBlobStorageSettings",
            "dicomStores.setBlobStorageSettings",
            {"blobStorageSettings": {"blobStorageClass": "ARCHIVE"}},
            None,
            DICOM,
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").set_blob_storage_settings("ARCHIVE", study="1.2"),
        (
            f"POST /v1/{DICOM}/dicomWeb/studies/1.2:setBlobStorageSettings",
            "dicomStores.setBlobStorageSettings",
            {"blobStorageSettings": {"blobStorageClass": "ARCHIVE"}},
            None,
            DICOM,
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").delete_study("1.2"),
        (f"DELETE /v1/{DICOM}/dicomWeb/studies/1.2", "dicomStores.studies.delete", None, None, DICOM),
    ),
    (
        lambda ds: ds.dicom_store("s").delete_series("1.2", "3.4"),
        (
            f"DELETE /v1/{DICOM}/dicomWeb/studies/1.2/series/3.4",
            "dicomStores.studies.series.delete",
            None,
            None,
            DICOM,
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").update_metadata([{"op": "remove", "path": "/00100010"}], study="1.2"),
        (
            f"PATCH /v1beta1/{DICOM}/dicomWeb/studies/1.2/metadata",
            "dicomStores.studies.updateMetadata",
            [{"op": "remove", "path": "/00100010"}],
            None,
            DICOM,
        ),
    ),
    (
        lambda ds: ds.dicom_store("s").update_metadata(
            [{"op": "remove", "path": "/00100010"}], study="1.2", series="3.4"
        ),
        (
            f"PATCH /v1beta1/{DICOM}/dicomWeb/studies/1.2/series/3.4/metadata",
            "dicomStores.studies.series.updateMetadata",
            [{"op": "remove", "path": "/00100010"}],
            None,
            DICOM,
        ),
    ),
    (
        lambda ds: ds.hl7v2_store("s").import_from("gs://b/in.ndjson"),
        (
            f"POST /v1/{HL7V2}:import",
            "hl7V2Stores.import",
            {"gcsSource": {"uri": "gs://b/in.ndjson"}},
            "gs://b/in.ndjson",
            HL7V2,
        ),
    ),
    (
        lambda ds: ds.hl7v2_store("s").export_to(
            "gs://b/out",
            message_view="RAW_ONLY",
            start_time=datetime(2026, 1, 1, tzinfo=UTC),
            filter='x = "y"',
        ),
        (
            f"POST /v1/{HL7V2}:export",
            "hl7V2Stores.export",
            {
                "gcsDestination": {
                    "uriPrefix": "gs://b/out",
                    "contentStructure": "MESSAGE_JSON",
                    "messageView": "RAW_ONLY",
                },
                "startTime": "2026-01-01T00:00:00.000000Z",
                "filter": 'x = "y"',
            },
            HL7V2,
            "gs://b/out",
        ),
    ),
    (
        lambda ds: ds.hl7v2_store("s").rollback("2026-01-01T00:00:00Z", "b"),
        (
            f"POST /v1/{HL7V2}:rollback",
            "hl7V2Stores.rollback",
            {"rollbackTime": "2026-01-01T00:00:00Z", "resultGcsBucket": "b", "changeType": "ALL"},
            None,
            HL7V2,
        ),
    ),
    (
        lambda ds: ds.hl7v2_store("s").rollback(
            "2026-01-01T00:00:00Z",
            "b",
            change_type="CREATE",
            operation_ids=["7"],
            input_object="gs://b/ids",
            exclude_rollbacks=True,
            dry_run=False,
        ),
        (
            f"POST /v1/{HL7V2}:rollback",
            "hl7V2Stores.rollback",
            {
                "rollbackTime": "2026-01-01T00:00:00Z",
                "resultGcsBucket": "b",
                "changeType": "CREATE",
                "filteringFields": {"operationIds": ["7"]},
                "inputGcsObject": "gs://b/ids",
                "excludeRollbacks": True,
                "force": True,
            },
            "gs://b/ids",
            HL7V2,
        ),
    ),
    (
        lambda ds: ds.consent_store("s").query_accessible_data(
            "gs://b/out", request_attributes={"role": "x"}, resource_attributes={"type": "y"}
        ),
        (
            f"POST /v1/{CONSENT}:queryAccessibleData",
            "consentStores.queryAccessibleData",
            {
                "gcsDestination": {"uriPrefix": "gs://b/out"},
                "requestAttributes": {"role": "x"},
                "resourceAttributes": {"type": "y"},
            },
            CONSENT,
            "gs://b/out",
        ),
    ),
]


@pytest.mark.parametrize(("start", "expected"), STARTS, ids=[expected[1] for _, expected in STARTS])
def test_a_start_sends_the_documented_request_and_knows_its_destination(
    start: Callable[[Dataset], Operation], expected: Started
) -> None:
    dataset, transport = dataset_on()
    op = start(dataset)
    sent, method, body, source, destination = expected
    assert transport.sent == [sent]
    content = transport.requests[0].content
    assert (json.loads(content) if content else None) == body
    assert (op.method, op.source, op.destination) == (method, source, destination)


def test_a_request_body_is_in_no_journal() -> None:
    dataset, _ = dataset_on()
    config = {"text": {"additionalTransformations": [{"cryptoHashConfig": {"cryptoKey": KEY}}]}}
    op = dataset.dicom_store("s").deidentify("t", config=config)
    client = op.client
    assert KEY.encode() not in client.journal.path.read_bytes()
    assert b"cryptoHashConfig" not in client.journal.path.read_bytes()
