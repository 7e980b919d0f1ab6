from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from fakes import Scripted, failed, ok, operation

import lro_notebook as lro
from lro_notebook import Client, ConfigError, Dataset

if TYPE_CHECKING:
    import httpx

NAME = "projects/p/locations/l/datasets/d"
STORE = f"{NAME}/fhirStores/s"


def dataset_on(*answers: httpx.Response, api_version: str = "v1") -> tuple[Dataset, Scripted]:
    transport = Scripted(*answers)
    return Dataset(
        Client("https://api.example.com", transport=transport), NAME, api_version=api_version
    ), transport


def body(transport: Scripted) -> object:
    return json.loads(transport.requests[0].content)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "d",
        "projects/p/datasets/d",
        f"{NAME}/",
        f"{NAME}/fhirStores/s",
        "projects/p q/locations/l/datasets/d",
    ],
)
def test_a_dataset_needs_its_full_name(name: str) -> None:
    with pytest.raises(ConfigError, match="full name"):
        lro.connect(name, endpoint="http://127.0.0.1:9")


def test_connect_refuses_what_does_not_go_together() -> None:
    with pytest.raises(ConfigError, match="needs a dataset"):
        lro.connect(endpoint="http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="one of the two"):
        lro.connect(NAME, endpoint="http://127.0.0.1:9", data_dir="x")
    with pytest.raises(ConfigError, match="v1beta1"):
        lro.connect(NAME, endpoint="http://127.0.0.1:9", api_version="v2")


def test_connect_to_google_cloud_sends_nothing() -> None:
    assert repr(lro.connect(NAME)) == f"<Dataset {NAME}>"


def test_create_is_an_operation() -> None:
    dataset, transport = dataset_on(ok(operation(done=True)))
    assert dataset.create().method == "datasets.create"
    assert str(transport.requests[0].url).endswith("/v1/projects/p/locations/l/datasets?datasetId=d")


def test_exists() -> None:
    assert dataset_on(ok({}))[0].exists() is True
    assert dataset_on(failed(404))[0].exists() is False
    with pytest.raises(lro.ApiError):
        dataset_on(failed(403))[0].exists()


def test_a_store_is_created_with_its_version_and_returned() -> None:
    dataset, transport = dataset_on(ok({"name": STORE}))
    store = dataset.fhir_store("s")
    assert store.create(version="R5") is store
    assert str(transport.requests[0].url).endswith(f"/v1/{NAME}/fhirStores?fhirStoreId=s")
    assert body(transport) == {"version": "R5"}


def test_a_store_that_exists_is_an_error_unless_that_is_fine() -> None:
    taken = failed(409, "taken", "ALREADY_EXISTS")
    with pytest.raises(lro.ApiError, match=r"taken\ncreate\(exist_ok=True\)") as caught:
        dataset_on(taken)[0].fhir_store("s").create()
    assert (caught.value.code, caught.value.status) == (lro.Code.ALREADY_EXISTS, 409)
    dataset_on(taken)[0].fhir_store("s").create(exist_ok=True)


def test_a_creation_whose_answer_was_lost_says_how_to_make_sure() -> None:
    with pytest.raises(lro.LroError, match="exist_ok=True"):
        dataset_on(failed(503))[0].fhir_store("s").create()


def test_stores_are_listed_page_by_page() -> None:
    dataset, _ = dataset_on(
        ok({"fhirStores": [{"name": f"{NAME}/fhirStores/a"}], "nextPageToken": "t"}),
        ok({"fhirStores": [{"name": f"{NAME}/fhirStores/b"}]}),
        ok({}),
    )
    assert [store.id for store in dataset.stores()] == ["a", "b"]


def test_import_sends_the_documented_request() -> None:
    dataset, transport = dataset_on(ok(operation(done=True)))
    op = dataset.fhir_store("s").import_from("gs://b/in/**.ndjson")
    assert transport.sent == [f"POST /v1/{STORE}:import"]
    assert body(transport) == {"contentStructure": "RESOURCE", "gcsSource": {"uri": "gs://b/in/**.ndjson"}}
    assert (op.method, op.source, op.destination, op.target) == (
        "fhirStores.import",
        "gs://b/in/**.ndjson",
        STORE,
        STORE,
    )


def test_export_sends_the_documented_request() -> None:
    dataset, transport = dataset_on(ok(operation(done=True)), api_version="v1beta1")
    op = dataset.fhir_store("s").export_to(
        "gs://b/out", types=["Patient", "Encounter"], since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert transport.sent == [f"POST /v1beta1/{STORE}:export"]
    assert body(transport) == {
        "gcsDestination": {"uriPrefix": "gs://b/out"},
        "_type": "Patient,Encounter",
        "_since": "2026-01-01T00:00:00.000000Z",
    }
    assert op.destination == "gs://b/out"


def test_export_to_bigquery_sends_its_own_destination() -> None:
    dataset, transport = dataset_on(ok(operation(done=True)))
    dataset.fhir_store("s").export_to("bq://project.dataset", types="Patient")
    assert body(transport) == {
        "bigqueryDestination": {"datasetUri": "bq://project.dataset"},
        "_type": "Patient",
    }


@pytest.mark.parametrize("uri", ["", "/tmp/x", "s3://b/x", "gs://", "gs:///x", "bq://onlyproject", None])  # noqa: S108 - a path that is refused
def test_a_wrong_uri_is_refused_before_anything_is_sent(uri: str) -> None:
    dataset, transport = dataset_on(ok({}))
    with pytest.raises(ConfigError, match=r"URI|BigQuery"):
        dataset.fhir_store("s").export_to(uri)
    assert transport.requests == []


def test_wrong_options_are_refused_before_anything_is_sent() -> None:
    store = dataset_on(ok({}))[0].fhir_store("s")
    with pytest.raises(ConfigError, match="BUNDLE_PRETTY"):
        store.import_from("gs://b/x", content_structure="NDJSON")
    with pytest.raises(ConfigError, match="resource type"):
        store.export_to("gs://b/x", types=["Patient/1"])
    with pytest.raises(ConfigError, match="time zone"):
        store.export_to("gs://b/x", since=datetime(2026, 1, 1))  # noqa: DTZ001 - the point
    with pytest.raises(ConfigError, match="RFC 3339"):
        store.export_to("gs://b/x", since="yesterday")
    with pytest.raises(ConfigError, match="store id"):
        store._dataset and dataset_on(ok({}))[0].fhir_store("a/b")


def test_an_operation_of_another_dataset_is_refused() -> None:
    dataset, _ = dataset_on(ok({}))
    with pytest.raises(ConfigError, match="its own dataset"):
        dataset.operation("projects/p/locations/l/datasets/other/operations/1")


def test_an_unknown_operation_names_the_call_that_lists_them() -> None:
    with pytest.raises(lro.ApiError, match=r"ds\.operations\(\)"):
        dataset_on(failed(404))[0].operation("17")


def test_an_unknown_store_names_the_call_that_creates_it() -> None:
    with pytest.raises(lro.ApiError, match=r"ds\.fhir_store\('s'\)\.create\(\)"):
        dataset_on(failed(404))[0].fhir_store("s").import_from("gs://b/x")


def test_operations_are_listed() -> None:
    dataset, _ = dataset_on(ok({"operations": [operation(done=True)]}))
    assert [op.id for op in dataset.operations()] == ["1"]
