"""The FHIR interface of a store over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def fhir(service: Program) -> str:
    return service.store("fhir-tests") + "/fhir"


def _outcome(answer: Any, status: int, issue: str) -> str:
    """Check an OperationOutcome and return its diagnostics."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == issue
    return str(outcome["issue"][0]["diagnostics"])


def test_a_created_resource_gets_an_id_and_a_version(service: Program, fhir: str) -> None:
    answer = service.client.post(
        f"{fhir}/Patient", content=b'{"resourceType":"Patient","id":"mine","v":1.00}'
    )
    assert answer.status_code == 201
    created = answer.json()
    assert created["id"] != "mine"
    assert created["meta"]["versionId"] == "1"
    assert b'"v":1.00' in answer.content
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["last-modified"].endswith("GMT")
    read = service.client.get(answer.headers["location"])
    assert read.content == answer.content
    assert read.headers["content-type"].startswith("application/fhir+json")


def test_an_update_keeps_the_versions_before(service: Program, fhir: str) -> None:
    url = f"{fhir}/Patient/versions"
    bodies = [f'{{"resourceType": "Patient",\n "id": "versions", "n": {n}.50}}' for n in (1, 2)]
    answers = [service.client.put(url, content=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert [answer.headers["etag"] for answer in answers] == ['W/"1"', 'W/"2"']
    assert b'"n":2.50' in service.client.get(url).content
    assert b'"n":1.50' in service.client.get(f"{url}/_history/1").content
    assert service.client.get(f"{url}/_history/2").content == answers[1].content
    history = service.client.get(f"{url}/_history").json()
    assert history["type"] == "history"
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    page = service.client.get(f"{url}/_history?_count=1").json()
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    rest = service.client.get(following).json()
    assert [entry["resource"]["n"] for entry in rest["entry"]] == [1.5]
    _outcome(service.client.get(f"{url}/_history/3"), 404, "not-found")
    _outcome(service.client.get(f"{url}/_history/{'9' * 30}"), 404, "not-found")


def test_a_deleted_resource_is_gone_and_its_versions_go_on(service: Program, fhir: str) -> None:
    url = f"{fhir}/Patient/deleted"
    body = b'{"resourceType":"Patient","id":"deleted"}'
    service.client.put(url, content=body)
    assert service.client.delete(url).status_code == 200
    assert service.client.delete(url).status_code == 200
    _outcome(service.client.get(url), 410, "deleted")
    _outcome(service.client.get(f"{url}/_history/2"), 410, "deleted")
    assert service.client.get(f"{url}/_history/1").status_code == 200
    again = service.client.put(url, content=body)
    assert (again.status_code, again.headers["etag"]) == (201, 'W/"3"')
    methods = [entry["request"]["method"] for entry in service.client.get(f"{url}/_history").json()["entry"]]
    assert methods == ["PUT", "DELETE", "PUT"]
    assert service.client.delete(f"{fhir}/Patient/never-there").status_code == 200


def test_a_change_with_if_match_needs_that_version(service: Program, fhir: str) -> None:
    url = f"{fhir}/Patient/matched"
    body = b'{"resourceType":"Patient","id":"matched"}'
    _outcome(service.client.put(url, content=body, headers={"If-Match": 'W/"1"'}), 412, "conflict")
    service.client.put(url, content=body)
    assert service.client.put(url, content=body, headers={"If-Match": 'W/"1"'}).status_code == 200
    for header in ('W/"1"', "*", "2", 'W/"x"'):
        _outcome(service.client.put(url, content=body, headers={"If-Match": header}), 412, "conflict")
    _outcome(service.client.delete(url, headers={"If-Match": 'W/"1"'}), 412, "conflict")
    assert service.client.delete(url, headers={"If-Match": 'W/"2"'}).status_code == 200


def test_search_pages_through_a_type(service: Program, patients: Callable[..., list[str]]) -> None:
    store = service.store("search")
    service.imported(store, service.put_lines("demo-out/search.ndjson", patients(25)))
    found, url = [], f"{store}/fhir/Patient?_count=10"
    while url:
        bundle = service.client.get(url).json()
        assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "searchset", 25)
        found += bundle["entry"]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert "self" in links
        url = links.get("next", "")
    assert sorted(entry["resource"]["id"] for entry in found) == sorted(f"p{n}" for n in range(25))
    assert service.client.get(found[0]["fullUrl"]).json() == found[0]["resource"]
    assert "entry" not in service.client.get(f"{store}/fhir/Observation").json()
    assert len(service.client.get(f"{store}/fhir/Patient?_count=5000").json()["entry"]) == 25


@pytest.mark.parametrize(
    "query", ["birthdate=x", "_count=-1", "_count=x", "_page_token=%ff", "_page_token=!"]
)
def test_a_search_that_cannot_be_is_refused(service: Program, fhir: str, query: str) -> None:
    _outcome(service.client.get(f"{fhir}/Patient?{query}"), 400, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"resourceType":"Observation","id":"x"}',
        b'{"resourceType":"Patient","id":"other"}',
        b'{"resourceType":"Patient","id":"x","meta":[]}',
        b'{"resourceType":"Patient","id":7}',
    ],
)
def test_a_resource_that_cannot_be_is_refused_without_its_content(
    service: Program, fhir: str, body: bytes
) -> None:
    message = _outcome(service.client.put(f"{fhir}/Patient/x", content=body), 400, "invalid")
    assert "other" not in message


@pytest.mark.parametrize(
    ("path", "status", "issue"),
    [
        ("Patient/none", 404, "not-found"),
        ("patient/x", 400, "invalid"),
        ("Patient/a_b", 400, "invalid"),
        ("Patient/x/y/z", 404, "not-found"),
        ("Patient/x/_history", 404, "not-found"),
    ],
)
def test_errors_of_the_fhir_interface_are_outcomes(
    service: Program, fhir: str, path: str, status: int, issue: str
) -> None:
    _outcome(service.client.get(f"{fhir}/{path}"), status, issue)


def test_a_request_without_the_token_gets_an_outcome(service: Program, fhir: str) -> None:
    _outcome(service.client.get(f"{fhir}/Patient", headers={"Authorization": ""}), 401, "login")
