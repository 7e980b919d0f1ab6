"""What Google's clients and tools send, and its front end takes, beyond the discovery documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from local.googles import client

from lro_notebook.local.core import lenient_json

if TYPE_CHECKING:
    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

BINDINGS = [{"role": "roles/healthcare.fhirResourceReader", "members": ["user:ann@example.org"]}]


@pytest.mark.parametrize("text", ["True", "TRUE", "False", "1", "true"])
def test_booleans_are_taken_as_tools_write_them(service: Program, text: str) -> None:
    """``requests`` and gcloud write a bool of Python as ``True``."""
    assert service.client.get("fhirStores", params={"prettyPrint": text}).status_code == 200
    partial = service.client.get("operations", params={"returnPartialSuccess": text})
    assert partial.status_code == (200 if text == "False" else 501)


def test_bodies_are_read_as_google_writes_them_for_curl(service: Program) -> None:
    topic = "projects/p/topics/t"
    for number, body in enumerate(
        (
            '{notification_config: {pubsub_topic: "%s"}}',
            "{'notificationConfig': {'pubsubTopic': '%s'}, 'labels': {},}",
            "{'notificationConfig': {'pubsubTopic': '%s',},}",
        )
    ):
        url, headers = f"dicomStores?dicom_store_id=curl-{number}", {"Content-Type": "application/json"}
        made = service.client.post(url, content=body % topic, headers=headers)
        assert (made.status_code, made.json().get("notificationConfig")) == (200, {"pubsubTopic": topic})
    for bad in (
        "{a b: 1}",
        "{'labels': {'a': 'b}}",
        "{labels: {a: b}}",
        "[1 2]",
        "{labels: {'a': 'b'}},",
        "'",
    ):
        answer = service.client.post("dicomStores?dicomStoreId=bad", content=bad)
        assert (answer.status_code, "cannot be read" in answer.text) == (400, True), bad
    huge = b"{'" + b"," * (1 << 20) + b"'}"
    assert service.client.post("dicomStores?dicomStoreId=bad", content=huge).status_code == 400


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (r"""{'a': 'it\'s "x" \\ \n'}""", {"a": 'it\'s "x" \\ \n'}),
        ('{"a: b": ", }", c: [1, true, null,],}', {"a: b": ", }", "c": [1, True, None]}),
        ("", None),
    ],
)
def test_lenient_json_is_made_strict(text: str, meant: Any) -> None:
    made = lenient_json.strict(text.encode())
    assert made == b"" if meant is None else json.loads(made) == meant


@pytest.mark.parametrize("text", ["[,]", "{,}", "[1,,]", "{,'a': 1}", ",", "['a' 'b']", "{a: b}", "{a b: 1}"])
def test_what_is_no_list_or_object_stays_so(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(lenient_json.strict(text.encode()))


def test_an_empty_etag_is_none(service: Program) -> None:
    service.store("etag")
    for _ in range(2):
        body = {"policy": {"etag": "", "bindings": BINDINGS}}
        kept = service.client.post("fhirStores/etag:setIamPolicy", json=body)
        assert kept.json().get("bindings") == BINDINGS, kept.text
    body = {"policy": {"etag": "ACAB", "bindings": BINDINGS}}
    assert service.client.post("fhirStores/etag:setIamPolicy", json=body).status_code == 409


def test_a_mask_in_a_body_is_checked(service: Program) -> None:
    service.store("mask")
    policy = {"bindings": BINDINGS}
    for mask, status in (("bindings,audit_configs", 200), ("auditConfigs,etag", 200), ("bindings,role", 400)):
        body = {"policy": policy, "updateMask": mask}
        answer = service.client.post("fhirStores/mask:setIamPolicy", json=body)
        assert answer.status_code == status, answer.text
    assert "update_mask" in answer.json()["error"]["message"]
    assert service.client.get("fhirStores/mask:getIamPolicy").json()["bindings"] == BINDINGS


def _patched(service: Program, mask: str, config: dict[str, Any] | None) -> tuple[int, Any]:
    body = {} if config is None else {"parserConfig": config}
    answer = service.client.patch("hl7V2Stores/parser", params={"updateMask": mask}, json=body)
    assert answer.status_code == 200 or "immutable" in answer.text
    return answer.status_code, service.client.get("hl7V2Stores/parser").json().get("parserConfig")


def test_a_mask_of_a_message_leaves_what_is_immutable_in_it(service: Program) -> None:
    created = {"parserConfig": {"version": "V2", "allowNullHeader": True}}
    service.client.post("hl7V2Stores", params={"hl7V2StoreId": "parser"}, json=created).raise_for_status()
    first = created["parserConfig"]
    assert _patched(service, "parserConfig", {"version": "V3"}) == (400, first)
    assert _patched(service, "parserConfig.version", {"version": "V2"}) == (400, first)
    assert _patched(service, "parserConfig", {"allowNullHeader": True}) == (200, first)
    other = {"version": "V2", "segmentTerminator": "DQ=="}
    assert _patched(service, "parserConfig", other) == (200, other)
    assert _patched(service, "parserConfig", None) == (200, {"version": "V2"})


def test_the_longest_addresses_of_googles_client_arrive(service: Program) -> None:
    """From 2,048 characters on it sends the query of a GET as the body of a POST."""
    service.store("long")
    with client(service, "healthcare", "v1") as api:
        stores = api.projects().locations().datasets().fhirStores()
        listed = stores.list(parent=DATASET, pageSize=1, quotaUser="u" * 3000).execute()
    assert len(listed["fhirStores"]) == 1
    url = f"{service.endpoint}/v1/{DATASET}/fhirStores/long"
    header = {"X-HTTP-Method-Override": "PATCH"}
    changed = service.client.post(
        url, headers=header, params={"updateMask": "labels"}, json={"labels": {"a": "b"}}
    )
    assert changed.json()["labels"] == {"a": "b"}
    assert service.client.get(url, headers=header).json()["labels"] == {"a": "b"}  # it is for POST alone
    refused = service.client.post(url, headers={"X-HTTP-Method-Override": "TRACE"})
    assert refused.status_code == 404
