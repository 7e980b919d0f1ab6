"""DICOM, HL7v2 and consent stores: what they refuse, how they are made and read, what they say is missing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from fakes import Scripted, failed, ok, operation

from lro_notebook import (
    ApiError,
    Client,
    ConfigError,
    ConsentStore,
    Dataset,
    DicomStore,
    FhirStore,
    Hl7v2Store,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

NAME = "projects/p/locations/l/datasets/d"
DICOM, HL7V2, CONSENT = f"{NAME}/dicomStores/s", f"{NAME}/hl7V2Stores/s", f"{NAME}/consentStores/s"


def dataset_on(*answers: httpx.Response) -> tuple[Dataset, Scripted]:
    transport = Scripted(*(answers or (ok(operation(done=True)),)))
    return Dataset(Client("https://api.example.com", transport=transport), NAME), transport


def bodies(transport: Scripted) -> list[Any]:
    return [json.loads(request.content) for request in transport.requests]


def dicom(*answers: httpx.Response) -> tuple[DicomStore, Scripted]:
    dataset, transport = dataset_on(*answers)
    return dataset.dicom_store("s"), transport


def hl7v2(*answers: httpx.Response) -> tuple[Hl7v2Store, Scripted]:
    dataset, transport = dataset_on(*answers)
    return dataset.hl7v2_store("s"), transport


def consent(*answers: httpx.Response) -> tuple[ConsentStore, Scripted]:
    dataset, transport = dataset_on(*answers)
    return dataset.consent_store("s"), transport


REFUSED: list[tuple[Callable[[Dataset], object], str]] = [
    (lambda ds: ds.dicom_store("s").import_from("/tmp/x"), "Cloud Storage URI.* lro.local.put"),  # noqa: S108 - refused
    (lambda ds: ds.dicom_store("s").import_from("in/**.dcm"), "did you mean 'gs://in/..[.]dcm'?"),
    (lambda ds: ds.fhir_store("s").export_to("demo-out/x"), "did you mean 'gs://demo-out/x'?"),
    (
        lambda ds: ds.fhir_store("s").import_from(cast("str", ["gs://a/b"])),
        "give one URI, or a pattern such as gs://",
    ),
    (lambda ds: ds.fhir_store("s").export_to("./x"), "Cloud Storage URI.* lro.local.get"),
    (lambda ds: ds.fhir_store("s").import_from("tests/healthcare"), "lro.local.put"),
    (lambda ds: ds.fhir_store("s").import_from("tests/healthcare/*.ndjson"), "lro.local.put"),
    (lambda ds: ds.fhir_store("s").export_to("out"), "did you mean 'gs://out'[?] .* lro.local.get"),
    (lambda ds: ds.dicom_store("s").import_from("gs://b/x", blob_storage_class="HOT"), "ARCHIVE"),
    (lambda ds: ds.dicom_store("s").export_to("bq://p.d"), "BigQuery table"),
    (lambda ds: ds.dicom_store("s").export_to("bq://p.d.t", mime_type="image/png"), "not for an export"),
    (lambda ds: ds.dicom_store("s").export_to("gs://b/x", schema="json"), "not for an export"),
    (lambda ds: ds.dicom_store("s").export_to("bq://p.d.t", schema="wide"), "flattened, json"),
    (lambda ds: ds.dicom_store("s").deidentify("t"), "how to de-identify"),
    (lambda ds: ds.dicom_store("s").deidentify("t t", config={}), "destination id"),
    (lambda ds: ds.dicom_store("s").delete_study(".."), "no UID"),
    (lambda ds: ds.dicom_store("s").update_metadata([], study="1.2"), "empty"),
    (lambda ds: ds.dicom_store("s").metadata(study="1", instance="2"), "series"),
    (lambda ds: ds.hl7v2_store("s").export_to("gs://b/x", message_view="ALL"), "SCHEMATIZED_ONLY"),
    (lambda ds: ds.hl7v2_store("s").export_to("gs://b/x", end_time="today"), "RFC 3339"),
    (
        lambda ds: ds.hl7v2_store("s").rollback("2026-01-01T00:00:00Z", "b", dry_run=False),
        "everything=True",
    ),
    (lambda ds: ds.hl7v2_store("s").create(parser_version="V9"), "V1, V2, V3"),
    (lambda ds: ds.consent_store("s").query_accessible_data("bq://p.d"), "Cloud Storage URI"),
    (
        lambda ds: ds.consent_store("s").define_attribute("x", category="OTHER", allowed_values=["a"]),
        "REQUEST",
    ),
]


@pytest.mark.parametrize(("call", "said"), REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    call: Callable[[Dataset], object], said: str
) -> None:
    dataset, transport = dataset_on()
    with pytest.raises(ConfigError, match=said):
        call(dataset)
    assert transport.requests == []


def test_a_rollback_of_the_whole_store_is_sent_when_it_is_meant() -> None:
    store, transport = hl7v2()
    store.rollback("2026-01-01T00:00:00Z", "b", dry_run=False, everything=True)
    assert bodies(transport)[0]["force"] is True


def test_stores_of_every_kind_are_made_and_listed() -> None:
    dataset, transport = dataset_on(
        ok({"fhirStores": [{"name": f"{NAME}/fhirStores/a"}]}),
        ok({"dicomStores": [{"name": f"{NAME}/dicomStores/b"}]}),
        ok({"hl7V2Stores": [{"name": f"{NAME}/hl7V2Stores/c"}]}),
        ok({"consentStores": [{"name": f"{NAME}/consentStores/d"}]}),
    )
    found = dataset.stores()
    assert [(type(store), store.id) for store in found] == [
        (FhirStore, "a"),
        (DicomStore, "b"),
        (Hl7v2Store, "c"),
        (ConsentStore, "d"),
    ]
    assert repr(found[1]) == f"<DicomStore b of {NAME}>"
    assert len(transport.sent) == 4


def test_creating_a_store_sends_its_settings() -> None:
    dataset, transport = dataset_on(ok({}))
    dataset.dicom_store("s").create(settings={"labels": {"a": "b"}})
    dataset.hl7v2_store("s").create(parser_version="V3", settings={"rejectDuplicateMessage": True})
    dataset.consent_store("s").create()
    assert bodies(transport) == [
        {"labels": {"a": "b"}},
        {"rejectDuplicateMessage": True, "parserConfig": {"version": "V3"}},
        {},
    ]
    assert [str(request.url).rpartition("?")[2] for request in transport.requests] == [
        "dicomStoreId=s",
        "hl7V2StoreId=s",
        "consentStoreId=s",
    ]


def test_dicomweb_reads_return_lists() -> None:
    store, transport = dicom(ok([{"00100020": {"vr": "LO"}}]))
    assert store.studies(PatientID="1", limit=3) == [{"00100020": {"vr": "LO"}}]
    store.instances(study="1.2", series="3.4", includefield="all")
    store.instances()
    store.metadata(study="1.2", series="3.4", instance="5.6")
    assert transport.sent == [
        f"GET /v1/{DICOM}/dicomWeb/studies",
        f"GET /v1/{DICOM}/dicomWeb/studies/1.2/series/3.4/instances",
        f"GET /v1/{DICOM}/dicomWeb/instances",
        f"GET /v1/{DICOM}/dicomWeb/studies/1.2/series/3.4/instances/5.6/metadata",
    ]
    assert dict(transport.requests[0].url.params) == {"PatientID": "1", "limit": "3"}
    assert dict(transport.requests[1].url.params) == {"includefield": "all"}


def test_messages_are_listed_page_after_page_and_read_by_id_or_name() -> None:
    pages = [
        ok({"hl7V2Messages": [{"name": "a"}], "nextPageToken": "t"}),
        ok({"hl7V2Messages": [{"name": "b"}]}),
    ]
    store, transport = hl7v2(*pages)
    found = list(store.messages(filter='message_type = "ADT"', view="BASIC", order_by="send_time"))
    assert [message["name"] for message in found] == ["a", "b"]
    assert transport.requests[1].url.params["pageToken"] == "t"
    assert transport.requests[1].url.params["view"] == "BASIC"
    store.message(f"{HL7V2}/messages/x=")
    assert transport.sent[-1] == f"GET /v1/{HL7V2}/messages/x="


def test_messages_are_created_from_bytes_and_from_text() -> None:
    store, transport = hl7v2(ok({}))
    store.create_message(b"MSH|\xff", labels={"a": "b"})
    store.ingest("MSH|ü")
    first, second = (item["message"] for item in bodies(transport))
    assert base64.b64decode(first["data"]) == b"MSH|\xff"
    assert first["labels"] == {"a": "b"}
    assert base64.b64decode(second["data"]).decode() == "MSH|ü"
    assert transport.sent == [f"POST /v1/{HL7V2}/messages", f"POST /v1/{HL7V2}/messages:ingest"]


def test_a_consent_is_recorded_with_its_artifact() -> None:
    artifact = f"{CONSENT}/consentArtifacts/1"
    store, transport = consent(ok({"name": artifact}), ok({"consented": True}))
    store.add_consent("ann", "role == 'x'", resource_attributes={"type": ["image"]})
    store.map_data("ann", "image-1", resource_attributes={"type": "image"})
    store.define_attribute("type", category="RESOURCE", allowed_values=["image"])
    assert store.check_data_access("image-1", request_attributes={"role": "x"}) is True
    sent = bodies(transport)
    assert sent[1] == {
        "userId": "ann",
        "consentArtifact": artifact,
        "policies": [
            {
                "authorizationRule": {"expression": "role == 'x'"},
                "resourceAttributes": [{"attributeDefinitionId": "type", "values": ["image"]}],
            }
        ],
        "state": "ACTIVE",
    }
    assert sent[2]["resourceAttributes"] == [{"attributeDefinitionId": "type", "values": ["image"]}]
    assert transport.requests[3].url.params["attributeDefinitionId"] == "type"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda ds: ds.hl7v2_store("s").import_from("gs://b/x"), r"ds\.hl7v2_store\('s'\)\.create\(\)"),
        (lambda ds: ds.dicom_store("s").import_from("gs://b/x"), r"ds\.dicom_store\('s'\)\.create\(\)"),
        (lambda ds: ds.consent_store("s").delete(), r"ds\.consent_store\('s'\)\.create\(\)"),
        (lambda ds: ds.dicom_store("s").delete_study("1.2"), r"store\.studies\(\)"),
    ],
)
def test_what_is_missing_names_the_next_step(call: Callable[[Dataset], object], said: str) -> None:
    dataset, _ = dataset_on(failed(404))
    with pytest.raises(ApiError, match=said):
        call(dataset)
