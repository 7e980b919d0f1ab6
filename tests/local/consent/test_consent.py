"""Consent stores over HTTP: what they hold, single decisions, and the query of all accessible data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pytestmark = pytest.mark.service


def make(service: Program, name: str) -> str:
    answer = service.client.post("consentStores", params={"consentStoreId": name}, json={})
    assert answer.status_code == 200, answer.text
    return f"consentStores/{name}"


def add(service: Program, path: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
    answer = service.client.post(path, json=body, params=query)
    assert answer.status_code == 200, answer.text
    item: dict[str, Any] = answer.json()
    return item


def define(service: Program, store: str, name: str, category: str, *values: str, **more: str) -> None:
    body = {"category": category, "allowedValues": list(values), **more}
    add(service, f"{store}/attributeDefinitions", body, attributeDefinitionId=name)


def path_of(item: dict[str, Any]) -> str:
    return str(item["name"]).removeprefix(f"{DATASET}/")


def agree(service: Program, store: str, user: str, rule: str, **fields: Any) -> dict[str, Any]:
    artifact = add(service, f"{store}/consentArtifacts", {"userId": user})
    policy = {"authorizationRule": {"expression": rule}, "resourceAttributes": fields.pop("resource", [])}
    body = {"userId": user, "consentArtifact": artifact["name"], "policies": [policy], **fields}
    return add(service, f"{store}/consents", body)


def data_of(service: Program, store: str, user: str, data: str, kind: str) -> dict[str, Any]:
    attribute = {"attributeDefinitionId": "data_type", "values": [kind]}
    body = {"userId": user, "dataId": data, "resourceAttributes": [attribute]}
    return add(service, f"{store}/userDataMappings", body)


def peopled(service: Program, name: str) -> str:
    """Make a store of two users who agree to different uses."""
    store = make(service, name)
    define(service, store, "data_type", "RESOURCE", "image", "text")
    define(service, store, "role", "REQUEST", "clinician", "researcher")
    image = {"attributeDefinitionId": "data_type", "values": ["image"]}
    agree(service, store, "ann", "role == 'clinician'")
    agree(service, store, "ann", "role in ['researcher']", resource=[image])
    agree(service, store, "bob", "role == 'clinician'", state="DRAFT")
    for user in ("ann", "bob"):
        for kind in ("image", "text"):
            data_of(service, store, user, f"{user}-{kind}", kind)
    return store


def query(service: Program, store: str, folder: str, **body: Any) -> tuple[dict[str, Any], list[str]]:
    request = {"gcsDestination": {"uriPrefix": f"gs://demo-out/{folder}"}, **body}
    done = service.ended(service.start(f"{store}:queryAccessibleData", request))
    lines = []
    for uri in done["response"].get("gcsUris", []):
        lines += (service.buckets / uri.removeprefix("gs://")).read_text().splitlines()
    return done, lines


def test_accessible_data_is_what_the_consents_allow(service: Program) -> None:
    store = peopled(service, "query")
    done, ids = query(service, store, "ids-1", requestAttributes={"role": "researcher"})
    assert ids == ["ann-image"]
    assert done["metadata"]["counter"] == {"success": "4"}
    assert done["metadata"]["apiMethodName"].endswith("v1.consent.ConsentService.QueryAccessibleData")
    assert done["response"]["@type"].endswith("v1.consent.QueryAccessibleDataResponse")
    done, ids = query(
        service,
        store,
        "ids-2",
        requestAttributes={"role": "clinician"},
        resourceAttributes={"data_type": "text"},
    )
    assert (ids, done["metadata"]["counter"]) == (["ann-text"], {"success": "2"})
    done, ids = query(service, store, "ids-3", requestAttributes={"role": "nobody"})
    assert (ids, done["response"]["gcsUris"]) == ([], [])


def test_a_consent_changes_its_state_and_with_it_what_is_accessible(service: Program) -> None:
    store = peopled(service, "states")
    consents = service.client.get(f"{store}/consents").json()["consents"]
    draft, active = path_of(consents[2]), path_of(consents[0])
    assert consents[2]["state"] == "DRAFT"
    assert service.client.post(f"{draft}:revoke", json={}).status_code == 400
    body = {"consentArtifact": consents[2]["consentArtifact"], "ttl": "86400s"}
    activated = add(service, f"{draft}:activate", body)
    assert (activated["state"], activated["revisionId"] != consents[2]["revisionId"]) == ("ACTIVE", True)
    assert "expireTime" in activated
    add(service, f"{active}:revoke", {})
    _, ids = query(service, store, "ids-4", requestAttributes={"role": "clinician"})
    assert ids == ["bob-image", "bob-text"]
    changed = service.client.patch(active, params={"updateMask": "policies"}, json={"policies": []})
    assert changed.status_code == 400  # it is revoked


def test_a_rule_that_cannot_be_evaluated_is_a_failure_of_the_documented_form(service: Program) -> None:
    store = peopled(service, "broken")
    consent = agree(service, store, "bob", "role < 3")
    body = {
        "gcsDestination": {"uriPrefix": "gs://demo-out/ids-5"},
        "requestAttributes": {"role": "clinician"},
    }
    operation = service.start(f"{store}:queryAccessibleData", body)
    assert service.ended(operation)["metadata"]["counter"] == {"success": "2", "failure": "2"}
    failure = service.client.get(f"{operation}:failures").json()["failures"][0]
    assert (failure["resource"], failure["code"]) == (consent["name"], 9)
    assert failure["message"] == "failed to evaluate consent policy"


def test_single_decisions(service: Program) -> None:
    store = peopled(service, "single")
    body: dict[str, Any] = {"dataId": "ann-text", "requestAttributes": {"role": "clinician"}}
    assert add(service, f"{store}:checkDataAccess", body) == {"consented": True}
    refused = add(service, f"{store}:checkDataAccess", {**body, "dataId": "bob-text", "responseView": "FULL"})
    assert "consented" not in refused
    assert {item["evaluationResult"] for item in refused["consentDetails"].values()} == {"NOT_APPLICABLE"}
    assert service.client.post(f"{store}:checkDataAccess", json={"dataId": "none"}).status_code == 404
    draft = service.client.get(f"{store}/consents").json()["consents"][2]["name"]
    named = {**body, "dataId": "bob-text", "consentList": {"consents": [draft]}}
    assert add(service, f"{store}:checkDataAccess", named) == {"consented": True}
    odd = {**body, "consentList": "all"}
    assert service.client.post(f"{store}:checkDataAccess", json=odd).status_code == 400
    users = {"userId": "ann", "requestAttributes": {"role": "researcher"}}
    results = add(service, f"{store}:evaluateUserConsents", users)["results"]
    assert results == [{"dataId": "ann-image", "consented": True}, {"dataId": "ann-text"}]


def test_an_archived_mapping_is_out_of_the_question(service: Program) -> None:
    store = peopled(service, "archive")
    mapping = service.client.get(f"{store}/userDataMappings").json()["userDataMappings"][0]
    assert add(service, f"{path_of(mapping)}:archive", {}) == {}
    assert service.client.get(path_of(mapping)).json()["archived"] is True
    _, ids = query(service, store, "ids-6", requestAttributes={"role": "clinician"})
    assert ids == ["ann-text"]


def test_items_are_listed_by_page_changed_and_deleted(service: Program) -> None:
    store = peopled(service, "items")
    names, asked = [], {"pageSize": "3"}
    while True:
        page = service.client.get(f"{store}/userDataMappings", params=asked).json()
        names += [item["name"] for item in page["userDataMappings"]]
        if "nextPageToken" not in page:
            break
        asked["pageToken"] = page["nextPageToken"]
    assert len(names) == len(set(names)) == 4
    mapping = path_of({"name": names[0]})
    changed = service.client.patch(mapping, params={"updateMask": "dataId"}, json={"dataId": "other"}).json()
    assert (changed["dataId"], changed["userId"]) == ("other", "ann")
    assert service.client.delete(mapping).json() == {}
    assert service.client.get(mapping).status_code == 404
    assert service.client.get(f"{store}/consents", params={"filter": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "query"),
    [
        (
            "attributeDefinitions",
            {"category": "OTHER", "allowedValues": ["a"]},
            {"attributeDefinitionId": "x"},
        ),
        (
            "attributeDefinitions",
            {"category": "REQUEST", "allowedValues": []},
            {"attributeDefinitionId": "x"},
        ),
        ("attributeDefinitions", {"category": "REQUEST", "allowedValues": ["a"]}, {}),
        ("consentArtifacts", {}, {}),
        ("userDataMappings", {"userId": "u"}, {}),
        ("userDataMappings", {"userId": "u", "dataId": "d", "resourceAttributes": [{}]}, {}),
        (
            "userDataMappings",
            {
                "userId": "u",
                "dataId": "d",
                "resourceAttributes": [{"attributeDefinitionId": "data_type", "values": ["film"]}],
            },
            {},
        ),
        ("consents", {"userId": "u"}, {}),
        ("consents", {"userId": "u", "state": "REVOKED"}, {}),
    ],
)
def test_what_cannot_be_is_refused(
    service: Program, path: str, body: dict[str, Any], query: dict[str, str]
) -> None:
    if service.client.get("consentStores/strict").status_code == 404:
        define(service, make(service, "strict"), "data_type", "RESOURCE", "image")
    answer = service.client.post(f"consentStores/strict/{path}", json=body, params=query)
    assert answer.status_code == 400, answer.text


def test_a_query_that_is_killed_leaves_no_part_of_a_file(launch: Callable[..., Program]) -> None:
    program = launch()
    store = peopled(program, "s")
    for number in range(40):
        data_of(program, store, "ann", f"more-{number}", "text")
    program.pace(20)
    body = {"gcsDestination": {"uriPrefix": "gs://demo-out/ids"}, "requestAttributes": {"role": "clinician"}}
    operation = program.start(f"{store}:queryAccessibleData", body)
    program.until(operation, lambda found: "success" in found["metadata"].get("counter", {}))
    program.kill()
    again = launch()
    assert again.operation(operation)["error"]["code"] == 10
    assert not (again.buckets / "demo-out" / "ids").exists()
    assert list((again.buckets / ".partial").iterdir()) == []
    _, ids = query(again, store, "ids", requestAttributes={"role": "clinician"})
    assert len(ids) == 42
