"""The start helpers of DICOM, HL7v2 and consent stores on the embedded service over real HTTP."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import lro_notebook as lro
from lro_notebook import local

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook import Dataset

pytestmark = pytest.mark.service


def uid(item: dict[str, Any], tag: str) -> str:
    return str(item[tag]["Value"][0])


def test_messages_come_in_go_out_and_go_back(dataset: Dataset, service: Path) -> None:
    store = dataset.hl7v2_store("end").create(parser_version="V3", exist_ok=True)
    before = datetime.now(UTC)
    with pytest.warns(lro.PartialFailureWarning):
        imported = store.import_from("gs://lro-sample/hl7v2/*.ndjson").wait()
    assert imported.progress.failed == 3
    assert set(imported.failures()["code"]) == {"INVALID_ARGUMENT"}
    total = imported.progress.completed
    assert total is not None
    exported = store.export_to(
        "gs://demo-out/end-hl7v2", message_view="RAW_ONLY", filter='message_type = "ORU"'
    )
    written = exported.wait().progress.completed
    assert written == len(list(store.messages(filter='message_type = "ORU"', view="BASIC", page_size=500)))
    assert list((local.ensure(service).buckets / "demo-out" / "end-hl7v2").iterdir())
    answer = store.ingest(rf"MSH|^~\&|A|HERE|||{before:%Y%m%d%H%M%S}||ADT^A01|7|T|2.5.1")
    assert b"MSA|AA|7" in base64.b64decode(answer["hl7Ack"])
    assert store.message(answer["message"]["name"], view="PARSED_ONLY")["sendFacility"] == "HERE"
    undone = store.rollback(before, "demo-out", dry_run=False, everything=True)
    assert undone.result()["hl7v2Store"] == store.name
    assert list(store.messages(view="BASIC")) == []


def test_images_come_in_change_and_go(dataset: Dataset, service: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed")
    store = dataset.dicom_store("end").create(exist_ok=True)
    imported = store.import_from("gs://lro-sample/dicom/**.dcm", blob_storage_class="NEARLINE")
    assert imported.wait().progress.completed == 30
    first, second = store.studies(limit=2)
    study, other = uid(first, "0020000D"), uid(second, "0020000D")
    series = uid(store.instances(study=study)[0], "0020000E")
    patch = [{"op": "replace", "path": "/00081030/Value/0", "value": "changed"}]
    assert store.update_metadata(patch, study=study).wait().state == "SUCCEEDED"
    assert store.update_metadata(
        patch, study=other, series=uid(store.instances(study=other)[0], "0020000E")
    ).result()
    assert uid(store.metadata(study=study, series=series)[0], "00081030") == "changed"
    assert len(store.instances(StudyDescription="changed")) == 12
    assert store.set_blob_storage_settings("ARCHIVE", study=study).wait().progress.completed == 6
    anonymous = dataset.dicom_store("end-anonymous").create(exist_ok=True)
    assert store.deidentify(anonymous, config={}).wait().progress.completed == 30
    assert all("Value" not in item["00100010"] for item in anonymous.instances(includefield="all"))
    exported = anonymous.export_to("gs://demo-out/end-dicom")
    assert exported.wait().progress.completed == 30
    assert len(list((local.ensure(service).buckets / "demo-out" / "end-dicom").rglob("*.dcm"))) == 30
    assert store.delete_series(study, series).result() == {
        "@type": "type.googleapis.com/google.protobuf.Empty"
    }
    assert store.delete_study(other).wait().progress.completed == 6
    assert len(store.studies()) == 3
    with pytest.raises(lro.ApiError, match=r"store\.studies\(\)"):
        store.delete_study(other)


def test_consents_decide_what_is_accessible(dataset: Dataset, service: Path) -> None:
    store = dataset.consent_store("end").create(exist_ok=True)
    store.define_attribute("kind", category="RESOURCE", allowed_values=["image", "text"])
    store.add_consent("ann", "role == 'clinician'", resource_attributes={"kind": ["image"]})
    for kind in ("image", "text"):
        store.map_data("ann", f"ann-{kind}", resource_attributes={"kind": kind})
    assert store.check_data_access("ann-image", request_attributes={"role": "clinician"})
    assert not store.check_data_access("ann-text", request_attributes={"role": "clinician"})
    queried = store.query_accessible_data("gs://demo-out/end-ids", request_attributes={"role": "clinician"})
    (uri,) = queried.result()["gcsUris"]
    assert (local.ensure(service).buckets / uri.removeprefix("gs://")).read_text() == "ann-image\n"
    assert {"end"} <= {found.id for found in dataset.stores()}


def test_what_goes_wrong_at_the_start_says_what_to_do(dataset: Dataset) -> None:
    with pytest.raises(lro.ApiError, match=r"ds\.dicom_store\('nowhere'\)\.create\(\)"):
        dataset.dicom_store("nowhere").import_from("gs://lro-sample/dicom/**")
    store = dataset.hl7v2_store("odd").create(exist_ok=True)
    with pytest.raises(lro.ApiError, match="filter: cannot be parsed"):
        store.export_to("gs://demo-out/x", filter="everything")
    with pytest.raises(lro.OperationFailed, match="no object matches"):
        store.import_from("gs://demo-out/no-such/*.ndjson").result()
