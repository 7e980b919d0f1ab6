"""Requests that Google's front end refuses are refused here too, and what it accepts works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pytestmark = pytest.mark.service

R4 = {"version": "R4"}
SOURCE = {"gcsSource": {"uri": "gs://demo-out/in.ndjson"}}


@pytest.fixture(scope="module")
def stores(service: Program) -> Program:
    """Return the service with a store of each kind, named ``s``."""
    service.store("s", version="R4")
    for kind in ("dicomStores", "hl7V2Stores", "consentStores"):
        answer = service.client.post(kind, params={f"{kind[:-1]}Id": "s"}, json={})
        answer.raise_for_status()
    return service


#: Each was accepted, or refused in other words, before the schema was looked at.
REFUSED: list[tuple[str, str, dict[str, Any] | None, str]] = [
    ("POST", "fhirStores?fhirStoreId=n", {**R4, "enableUpdateCrate": True}, "enableUpdateCrate"),
    ("POST", "fhirStores?fhirStoreId=n", {**R4, "enableUpdateCreate": "yes"}, "(TYPE_BOOL)"),
    ("POST", "fhirStores?fhirStoreId=n", {}, "fhir_store.version"),
    ("POST", "fhirStores?fhirStoreId=n", {"version": "R4B"}, "fhir_store.version"),
    ("POST", "fhirStores?fhirStoreID=n", R4, "Cannot bind query parameter"),
    ("POST", "fhirStores?fhirStoreId=n", {**R4, "notificationConfigs": [{"topic": "t"}]}, "configs[0]"),
    ("PATCH", "fhirStores/s?updateMask=version", {"version": "R5"}, "immutable"),
    ("PATCH", "fhirStores/s?updateMask=disableReferentialIntegrity", {}, "immutable"),
    ("PATCH", "fhirStores/s?updateMask=name", {}, "only the service"),
    ("PATCH", "fhirStores/s?updateMask=lables", {"labels": {}}, "no such field"),
    ("PATCH", "fhirStores/s", {"labels": {}}, "update_mask"),
    ("PATCH", "fhirStores/s?updateMask=consentConfig", {"consentConfig": {}}, "consent_config.version"),
    ("POST", "fhirStores/s:import", {**SOURCE, "contentStructur": "RESOURCE"}, "contentStructur"),
    ("POST", "fhirStores/s:import", {**SOURCE, "contentStructure": "NDJSON"}, "content_structure"),
    ("POST", "fhirStores/s:export", {"gcsDestination": {"uri": "gs://demo-out/x"}}, "gcs_destination"),
    ("POST", "fhirStores/s:rollback", {"resultGcsBucket": "demo-out"}, "rollback_time"),
    (
        "POST",
        "consentStores/s/attributeDefinitions?attributeDefinitionId=a",
        {"allowedValues": ["x"]},
        "category",
    ),
    ("POST", "hl7V2Stores/s/messages", {"message": {"text": "MSH|"}}, '"text"'),
    ("POST", "dicomStores?dicomStoreId=n", {"notificationConfig": "topic"}, "notification_config"),
    ("GET", "fhirStores?pageSize=all", None, "(TYPE_INT32)"),
    ("GET", "fhirStores/s?view=FULL", None, "Cannot bind query parameter"),
    ("GET", "hl7V2Stores/s/messages?view=HALF", None, "view"),
    ("GET", "fhirStores/s/fhir/$export?_typeFilter=Patient%3Fgender=male", None, "_typeFilter"),
    ("GET", "fhirStores?fields=fhirStores/nam", None, "fhirStores.nam"),
    ("GET", "fhirStores?alt=xml", None, "alt"),
]


@pytest.mark.parametrize(("http_method", "path", "body", "said"), REFUSED)
def test_what_production_refuses_is_refused(
    stores: Program, http_method: str, path: str, body: dict[str, Any] | None, said: str
) -> None:
    answer = stores.client.request(http_method, path, json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 400, answer.text
    assert said in answer.text.replace("\\", "")
    if "/fhir/" not in path:
        error = answer.json()["error"]
        assert error["status"] == "INVALID_ARGUMENT"
        assert error["message"] == error["details"][0]["fieldViolations"][0]["description"]
    assert stores.client.get("fhirStores/n").status_code == 404
    assert stores.client.get("fhirStores/s").json() == {"name": f"{DATASET}/fhirStores/s", **R4}


def test_both_spellings_are_accepted_and_kept_in_one(stores: Program) -> None:
    created = stores.client.post(
        "fhirStores",
        params={"fhir_store_id": "snake"},
        json={"version": "R4", "enable_update_create": True, "name": "ignored", "labels": None},
    ).json()
    assert created == {"name": f"{DATASET}/fhirStores/snake", "version": "R4", "enableUpdateCreate": True}
    config = {"version": "V1", "access_enforced": True}
    changed = stores.client.patch(
        "fhirStores/snake",
        params={"update_mask": "enable_update_create,consent_config"},
        json={"consent_config": config, "labels": {"not": "named"}},
    ).json()
    enforced = {"version": "V1", "accessEnforced": True}
    assert changed == {"name": created["name"], "version": "R4", "consentConfig": enforced}
    mask = {"updateMask": "consentConfig.accessEnforced"}
    changed = stores.client.patch("fhirStores/snake", params=mask, json={}).json()
    assert changed["consentConfig"] == {"version": "V1"}
    stores.client.delete("fhirStores/snake").raise_for_status()


def test_the_fields_of_a_response_can_be_selected(stores: Program) -> None:
    whole = stores.client.get("fhirStores").json()
    part = stores.client.get("fhirStores", params={"fields": "fhirStores(name),nextPageToken"})
    assert part.json() == {"fhirStores": [{"name": row["name"]} for row in whole["fhirStores"]]}
    assert part.headers["content-length"] == str(len(part.content))
    assert stores.client.get("fhirStores/s", params={"$fields": "version"}).json() == R4
    started = stores.client.post("fhirStores/s:import", params={"fields": "done"}, json=SOURCE)
    assert started.json() == {}
    missing = stores.client.get("fhirStores/none", params={"fields": "version"})
    assert "error" in missing.json()  # errors are whole


@pytest.mark.parametrize("query", ["callback=f", "alt=proto"])
def test_what_is_not_json_is_not_there(stores: Program, query: str) -> None:
    answer = stores.client.get(f"fhirStores?{query}")
    assert (answer.status_code, answer.json()["error"]["status"]) == (501, "UNIMPLEMENTED")


@pytest.mark.parametrize(
    "query",
    ["alt=json", "prettyPrint=false", "quotaUser=u", "key=k", "$.xgafv=2", "uploadType=x", "$alt=json"],
)
def test_parameters_of_every_method_are_accepted(stores: Program, query: str) -> None:
    assert stores.client.get(f"fhirStores?{query}").status_code == 200


def test_a_method_that_is_not_served_says_why(stores: Program) -> None:
    url = f"{stores.endpoint}/v1/projects/local/locations/local/services/nlp:analyzeEntities"
    answer = stores.client.post(url, json={})
    assert answer.status_code == 501
    assert "language model" in answer.json()["error"]["message"]
    # A method of v1beta1 is none of v1.
    assert stores.client.post("fhirStores/s:executeCohort", json={}).status_code == 404
