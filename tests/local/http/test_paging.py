"""Page sizes and page tokens of every list: what the service did not give is refused, never a mistake."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from local.conftest import DATASET

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = pytest.mark.service

LISTS = [
    ("operations", "pageToken", "pageSize"),
    ("operations/{operation}:failures", "pageToken", "pageSize"),
    ("{endpoint}/v1/projects/local/locations/local/datasets", "pageToken", "pageSize"),
    ("fhirStores", "pageToken", "pageSize"),
    ("fhirStores/s/fhir/Patient", "_page_token", "_count"),
    ("fhirStores/s/fhir/Patient/p1/_history", "_page_token", "_count"),
    ("hl7V2Stores/s/messages", "pageToken", "pageSize"),
    ("consentStores/s/attributeDefinitions", "pageToken", "pageSize"),
    ("consentStores/s/consents", "pageToken", "pageSize"),
    ("{endpoint}/storage/v1/b", "pageToken", "maxResults"),
    ("{endpoint}/storage/v1/b/demo-out/o", "pageToken", "maxResults"),
]


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


FOREIGN = [
    *map(encoded, ["1", str(2**63), str(10**30), "-1", "x", "", "a:b", "00000000:1", "9" * 5_000, "\0"]),
    *["!", "%", "é", "=", "AAA", "A" * 100_000, base64.urlsafe_b64encode(b"\xff\xfe").decode()],
]


@pytest.fixture(scope="module")
def filled(service: Program) -> Program:
    """A service whose lists have several rows."""
    for kind in ("fhirStores", "hl7V2Stores", "consentStores"):
        for name in ("r", "s", "t"):
            query = {f"{kind[:-1]}Id": name}
            service.client.post(kind, params=query, json={"version": "R4"} if kind == "fhirStores" else {})
    datasets = f"{service.endpoint}/v1/projects/local/locations/local/datasets"
    service.client.post(datasets, params={"datasetId": "second"}, json={}).raise_for_status()
    lines = [json.dumps({"resourceType": "Patient", "id": f"p{number}"}) for number in range(3)]
    for _ in range(3):
        service.imported("fhirStores/s", service.put_lines("demo-out/in/a", [*lines, "x", "y", "z"]))
        service.client.put("fhirStores/s/fhir/Patient/p1", json=json.loads(lines[1])).raise_for_status()
    for number in range(3):
        service.put_lines(f"demo-out/in/{number}", [b"x"])
        text = f"MSH|^~\\&|A|F|||20260101||ADT^A01|{number}|P|2.3\r".encode()
        message = {"message": {"data": base64.b64encode(text).decode()}}
        service.client.post("hl7V2Stores/s/messages", json=message).raise_for_status()
        attribute = {"category": "REQUEST", "allowedValues": ["a"]}
        query = {"attributeDefinitionId": f"a{number}"}
        service.client.post(
            "consentStores/s/attributeDefinitions", params=query, json=attribute
        ).raise_for_status()
    return service


def address(service: Program, path: str) -> str:
    found = service.client.get("operations").json()["operations"][0]["name"].rpartition("/")[2]
    return path.format(endpoint=service.endpoint, operation=found)


def next_token(answer: dict[str, object]) -> str | None:
    token = answer.get("nextPageToken")
    links = answer.get("link")
    for link in links if isinstance(links, list) else ():
        if link["relation"] == "next":
            return str(link["url"]).partition("_page_token=")[2].replace("%3D", "=")
    return token if isinstance(token, str) else None


@pytest.mark.parametrize(("path", "token", "size"), LISTS)
def test_a_token_that_is_not_of_this_list_is_refused(
    filled: Program, path: str, token: str, size: str
) -> None:
    url = address(filled, path)
    others = [
        given
        for other, _, other_size in LISTS
        if other != path
        and (given := next_token(filled.client.get(address(filled, other), params={other_size: "1"}).json()))
    ]
    assert len(others) > 7
    for text in [*FOREIGN, *others]:
        if text == "A" * 100_000 or not text:
            continue
        answer = filled.client.get(url, params={token: text})
        assert answer.status_code == 400, (text[:50], answer.text[:200])
        assert token in answer.text
    assert filled.client.get(url, params={size: "1"}).status_code == 200


@pytest.mark.parametrize(("path", "token", "size"), LISTS)
def test_page_sizes_that_cannot_be_are_refused_and_large_ones_are_cut(
    filled: Program, path: str, token: str, size: str
) -> None:
    url = address(filled, path)
    for text in ("-1", "x", "1e3", "1.0", "\0", "9" * 30, "9" * 5_000, "٣", " "):
        answer = filled.client.get(url, params={size: text})
        assert answer.status_code == 400, (text[:50], answer.text[:200])
        assert token
    assert filled.client.get(url, params={size: str(2**31 - 1)}).status_code == 200


@pytest.mark.parametrize(("path", "token", "size"), [row for row in LISTS if "/consents" not in row[0]])
def test_a_token_goes_on_where_the_page_before_it_ended(
    filled: Program, path: str, token: str, size: str
) -> None:
    url = address(filled, path)
    whole = filled.client.get(url, params={size: "1000"}).raise_for_status().json()
    field = next(name for name in whole if isinstance(whole[name], list) and name != "link")
    rows, given = [], ""
    for _ in range(50):
        page = filled.client.get(url, params={size: "1", **({token: given} if given else {})}).json()
        rows += page[field]
        given = next_token(page) or ""
        if not given:
            break
    assert len(rows) > 1
    assert rows == whole[field]


def test_a_page_of_log_entries_in_a_body_is_checked_alike(filled: Program) -> None:
    for token in [*FOREIGN[:-1], 7, {}, [], True]:
        if token == "":
            continue
        body = {"resourceNames": ["projects/local"], "pageToken": token}
        answer = filled.client.post(f"{filled.endpoint}/v2/entries:list", json=body)
        assert answer.status_code == 400, (token, answer.text[:200])
    sizes: list[object] = [-1, 2**63, 2**64, 10**30, "x", 1.5, None, [], "9" * 5_000]
    for size in sizes:
        body = {"resourceNames": ["projects/local"], "pageSize": size}
        answer = filled.client.post(f"{filled.endpoint}/v2/entries:list", json=body)
        assert answer.status_code in (200, 400), (size, answer.text[:200])


def test_a_token_holds_in_both_versions(filled: Program) -> None:
    first = filled.client.get("fhirStores", params={"pageSize": "1"}).json()
    beta = f"{filled.endpoint}/v1beta1/{DATASET}/fhirStores"
    second = filled.client.get(beta, params={"pageSize": "1", "pageToken": first["nextPageToken"]}).json()
    assert second["fhirStores"][0]["name"] > first["fhirStores"][0]["name"]
