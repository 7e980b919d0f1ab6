"""Datasets, stores and operations over real HTTP: answers, pages and errors."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from patience import GIVE_UP
from systems import has_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

pytestmark = pytest.mark.service

_DATASETS = "/v1/projects/local/locations/local/datasets"


def _error(answer: Any, status: int, name: str) -> str:
    """Check a google.rpc error and return its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (status, name)
    return str(error["message"])


def test_a_dataset_is_created_by_an_operation(service: Program) -> None:
    answer = service.client.post(
        f"{service.endpoint}{_DATASETS}?datasetId=new", json={"timeZone": "Europe/Berlin"}
    )
    name = "projects/local/locations/local/datasets/new"
    path = answer.json()["name"]
    assert path.startswith(f"{name}/operations/")
    operation = service.ended(f"{service.endpoint}/v1/{path}")
    assert operation["response"] == {
        "@type": "type.googleapis.com/google.cloud.healthcare.v1.dataset.Dataset",
        "name": name,
        "timeZone": "Europe/Berlin",
    }
    assert (
        operation["metadata"]["apiMethodName"]
        == "google.cloud.healthcare.v1.dataset.DatasetService.CreateDataset"
    )
    assert service.client.get(f"{service.endpoint}/v1/{name}").json() == {
        "name": name,
        "timeZone": "Europe/Berlin",
    }
    again = service.client.post(f"{service.endpoint}{_DATASETS}?datasetId=new", json={})
    assert name in _error(again, 409, "ALREADY_EXISTS")
    assert service.client.delete(f"{service.endpoint}/v1/{name}").json() == {}
    assert "datasetId=new" in _error(service.client.get(f"{service.endpoint}/v1/{name}"), 404, "NOT_FOUND")
    _error(service.client.get(f"{service.endpoint}/v1/{path}"), 404, "NOT_FOUND")


def test_stores_are_created_listed_in_pages_and_deleted(service: Program) -> None:
    body = {"version": "R4", "labels": {"team": "a"}, "enableUpdateCreate": True}
    created = service.client.post("fhirStores?fhirStoreId=page-a", json=body)
    name = "projects/local/locations/local/datasets/demo/fhirStores/page-a"
    assert created.json() == {"name": name, **body}
    service.store("page-b")
    first = service.client.get("fhirStores", params={"pageSize": 1}).json()
    assert [store["name"] for store in first["fhirStores"]] == [name]
    second = service.client.get("fhirStores", params={"pageToken": first["nextPageToken"]}).json()
    assert [store["name"][-6:] for store in second["fhirStores"]] == ["page-b"]
    assert "nextPageToken" not in second
    _error(
        service.client.post("fhirStores?fhirStoreId=page-a", json={"version": "R4"}), 409, "ALREADY_EXISTS"
    )
    for store in ("page-a", "page-b"):
        assert service.client.delete(f"fhirStores/{store}").json() == {}
    message = _error(service.client.get("fhirStores/page-a"), 404, "NOT_FOUND")
    assert "POST" in message
    assert "fhirStoreId=page-a" in message
    assert service.client.get("fhirStores").json() == {}


def test_both_api_versions_are_served_and_named_in_the_metadata(service: Program) -> None:
    url = f"{service.endpoint}/v1beta1/projects/local/locations/local/datasets?datasetId=beta"
    name = service.client.post(url, json={}).json()["name"]
    operation = service.ended(f"{service.endpoint}/v1beta1/{name}")
    assert (
        operation["metadata"]["@type"]
        == "type.googleapis.com/google.cloud.healthcare.v1beta1.OperationMetadata"
    )
    assert ".v1beta1." in operation["metadata"]["apiMethodName"]
    assert ".v1beta1." in operation["response"]["@type"]


def test_operations_are_listed_newest_first_in_pages(service: Program) -> None:
    store = service.store("listing")
    started = [service.start_import(store, "gs://demo-out/nothing-*") for _ in range(5)]
    for path in started:
        service.ended(path)
    listed: list[str] = []
    token: str | None = ""
    while token is not None:
        page = service.client.get(
            "operations", params={"pageSize": 2, "pageToken": token, "filter": "done=true"}
        ).json()
        listed += [operation["name"] for operation in page["operations"]]
        token = page.get("nextPageToken")
    ids = [int(name.rpartition("/")[2]) for name in listed]
    assert ids == sorted(ids, reverse=True)
    assert [f"operations/{number}" for number in ids[:5]] == started[::-1]
    assert service.client.get("operations", params={"filter": "done = false"}).json() == {}


@pytest.mark.parametrize(
    "query", ["pageToken=x", "pageToken=!!", "pageToken=LTE=", "pageSize=-1", "pageSize=x", "filter=name=1"]
)
def test_a_listing_that_cannot_be_is_refused(service: Program, query: str) -> None:
    message = _error(service.client.get(f"operations?{query}"), 400, "INVALID_ARGUMENT")
    assert query.partition("=")[0].lower() in message.replace("_", "").lower()


@pytest.mark.parametrize("identifier", ["1", "x", "99999999999999999999999", "%00", "-1"])
def test_an_operation_that_is_not_there_is_not_found(service: Program, identifier: str) -> None:
    for answer in (
        service.client.get(f"operations/{identifier}"),
        service.client.post(f"operations/{identifier}:cancel", json={}),
        service.client.get(f"operations/{identifier}:failures"),
    ):
        assert "GET projects/local" in _error(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nothing"),
        ("DELETE", "operations/1"),
        ("POST", "operations/1:wait"),
        ("PUT", "fhirStores/x"),
        ("GET", "fhirStores/"),
        ("POST", "fhirStores/x:nothing"),
    ],
)
def test_a_method_that_the_service_has_not_is_not_found(service: Program, method: str, path: str) -> None:
    _error(service.client.request(method, path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "body", "part"),
    [
        ("fhirStores?fhirStoreId=a/b", {"version": "R4"}, "fhirStoreId"),
        ("fhirStores", {"version": "R4"}, "fhirStoreId"),
        ("fhirStores?fhirStoreId=x", {"version": "R9"}, "version"),
        ("fhirStores/bad:import", {}, "gcsSource"),
        ("fhirStores/bad:import", {"gcsSource": {"uri": 1}}, "gcs_source.uri"),
        ("fhirStores/bad:import", {"gcsSource": {"uri": "http://x/y"}}, "gs://"),
        (
            "fhirStores/bad:import",
            {"contentStructure": "CSV", "gcsSource": {"uri": "gs://demo-out/a"}},
            "content_structure",
        ),
        (
            "fhirStores/bad:import",
            {"contentStructure": {}, "gcsSource": {"uri": "gs://demo-out/a"}},
            "content_structure",
        ),
        ("fhirStores/bad:export", {}, "gcsDestination"),
        ("fhirStores/bad:export", {"gcsDestination": {"uriPrefix": "gs://demo-out/../x"}}, "uriPrefix"),
        ("fhirStores/bad:export", {"gcsDestination": {"uriPrefix": "gs://demo-out/*"}}, "wildcard"),
        (
            "fhirStores/bad:export",
            {"gcsDestination": {"uriPrefix": "gs://demo-out"}, "_type": "no type"},
            "type",
        ),
        ("fhirStores/bad:export", {"gcsDestination": {"uriPrefix": "gs://demo-out"}, "_type": 1}, "_type"),
        (
            "fhirStores/bad:export",
            {"gcsDestination": {"uriPrefix": "gs://demo-out"}, "_since": "today"},
            "_since",
        ),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_its_field(
    service: Program, path: str, body: dict[str, Any], part: str
) -> None:
    service.client.post("fhirStores?fhirStoreId=bad", json={"version": "R4"})
    assert part in _error(service.client.post(path, json=body), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b'"x"', b"\xff", b'{"a":NaN}', b"[" * 5000])
def test_a_body_that_is_no_json_object_is_refused(service: Program, body: bytes) -> None:
    _error(service.client.post("fhirStores?fhirStoreId=body", content=body), 400, "INVALID_ARGUMENT")


def test_what_is_not_built_says_so(service: Program) -> None:
    store = service.store("not-built")
    body = {"bigqueryDestination": {"datasetUri": "bq://p.d"}}
    assert "BigQuery" in _error(service.client.post(f"{store}:export", json=body), 501, "UNIMPLEMENTED")


def test_a_store_that_is_not_there_is_named_with_the_call_that_creates_it(service: Program) -> None:
    body = {"gcsSource": {"uri": "gs://demo-out/a"}}
    message = _error(service.client.post("fhirStores/none:import", json=body), 404, "NOT_FOUND")
    assert "fhirStores/none" in message
    assert "POST" in message


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic x", "Bearer tokän"])
def test_a_request_without_the_token_is_refused(service: Program, header: str | None) -> None:
    headers = [(b"Authorization", (header or "").encode("latin-1"))]
    answer = service.client.get("operations", headers=headers)
    assert "token" in _error(answer, 401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert service.token not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_request_that_a_foreign_page_may_have_made_is_refused(
    service: Program, headers: dict[str, str]
) -> None:
    _error(service.client.get("operations", headers=headers), 403, "PERMISSION_DENIED")


def test_local_names_of_the_machine_are_let_in(service: Program) -> None:
    port = service.endpoint.rpartition(":")[2]
    for host in (f"localhost:{port}", "[::1]:1", "127.0.0.1"):
        assert service.client.get("operations", headers={"Host": host}).status_code == 200


def test_a_body_that_is_too_large_is_refused(service: Program) -> None:
    large = b" " * (33 << 20)
    _error(service.client.post("fhirStores?fhirStoreId=large", content=large), 413, "INVALID_ARGUMENT")
    chunks = service.client.post("fhirStores?fhirStoreId=large", content=iter([large]))
    _error(chunks, 413, "INVALID_ARGUMENT")


def test_a_status_request_does_not_wait_for_the_network(service: Program) -> None:
    seconds = []
    for _ in range(60):
        start = time.monotonic()
        service.client.get("operations/1")
        seconds.append(time.monotonic() - start)
    # An answer in two parts waits for 0.040 s, each time but the first few; a busy machine only now and then.
    assert min(seconds[30:]) < 0.035


def test_bytes_that_are_no_http_do_not_hurt(launch: Callable[..., Program]) -> None:
    program = launch()
    port = int(program.endpoint.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP) as connection:
        connection.sendall(b"\x16\x03\x01\xff\xff nonsense\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert program.client.get("operations").status_code == 200


def test_the_service_says_what_it_is_and_takes_a_pace(service: Program) -> None:
    url = f"{service.endpoint}/.lro-local"
    about = service.client.get(url).json()
    assert about["service"] == "lro-notebook-local"
    assert about["dataDir"] == str(service.data_dir)
    assert about["buckets"] == str(service.buckets)
    assert about["pace"] is None
    assert service.client.patch(url, json={"pace": 50}).json()["pace"] == 50
    assert service.client.patch(url, json={"pace": None}).json()["pace"] is None
    for body in ({"pace": 0}, {"pace": -1}, {"pace": "fast"}, {"pace": True}, {}, {"pace": 1, "x": 1}):
        _error(service.client.patch(url, json=body), 400, "INVALID_ARGUMENT")


def test_too_many_operations_are_refused_until_one_ends(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--max-operations", "2", "--pace", "20")
    store = program.store("s")
    uri = program.put_lines("demo-out/in.ndjson", patients(500))
    started = [program.start_import(store, uri) for _ in range(2)]
    body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": uri}}
    answer = program.client.post(f"{store}:import", json=body)
    assert "--max-operations" in _error(answer, 429, "RESOURCE_EXHAUSTED")
    assert int(answer.headers["retry-after"]) > 0
    program.client.post(f"{started[0]}:cancel", json={})
    program.ended(started[0])
    assert program.client.post(f"{store}:import", json=body).status_code == 200


def test_files_are_for_their_owner_alone(service: Program) -> None:
    assert has_mode(service.data_dir, 0o700)
    for name in ("token", "service.json", "service.sqlite3"):
        assert has_mode(service.data_dir / name, 0o600)
