"""Texts and expressions that are nested without an end: a refusal that says so, never a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from local.conftest import DATASET

from lro_notebook.local.consent import rules
from lro_notebook.local.core import nesting
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.hl7v2 import message_filter

if TYPE_CHECKING:
    from local.conftest import Program

DEPTHS = (nesting.MAX_DEPTH, 254, 400, 1023, 5_000, 200_000)


def nested(depth: int, open_: str = '{"a":', close: str = "}") -> str:
    return open_ * depth + "1" + close * depth


@pytest.mark.parametrize(("open_", "close"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
def test_the_bound_is_exact(open_: str, close: str) -> None:
    step = open_.count("{") + open_.count("[")
    most = nesting.MAX_DEPTH // step
    nesting.loads(nested(most, open_, close).encode())
    with pytest.raises(nesting.Unreadable, match=r"nest more than 200 levels deep|not valid JSON"):
        nesting.loads(nested(most + 1, open_, close).encode())


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    assert len(nesting.loads(b"[" + b",".join([b'{"a":[1]}'] * 10_000) + b"]")) == 10_000
    assert nesting.loads(b'"' + b"[" * 10_000 + b'"') == "[" * 10_000


@pytest.mark.service
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deep_body_is_refused_by_every_route_that_reads_one(service: Program, depth: int) -> None:
    for kind in ("hl7V2Stores", "consentStores", "dicomStores"):
        service.client.post(kind, params={f"{kind[:-1]}Id": "deep"}, json={})
    service.client.post("fhirStores", params={"fhirStoreId": "deep"}, json={"version": "R4"})
    here, there = f"{service.endpoint}/v1/{DATASET}", f"{service.endpoint}/v1beta1/{DATASET}"
    for inner in (nested(depth), nested(depth, "[", "]")):
        body = f'{{"resourceType":"Patient","id":"p","config":{inner}}}'.encode()
        for method, path in [
            ("POST", f"fhirStores?fhirStoreId=a{depth}"),
            ("PATCH", "fhirStores/deep?updateMask=config"),
            ("POST", f"consentStores?consentStoreId=a{depth}"),
            ("POST", f"{here.rpartition('/')[0]}?datasetId=a{depth}"),
            ("POST", "fhirStores/deep/fhir/Patient"),
            ("PUT", "fhirStores/deep/fhir/Patient/p"),
            ("POST", "consentStores/deep/attributeDefinitions?attributeDefinitionId=a"),
            ("POST", "consentStores/deep/consents"),
            ("POST", "hl7V2Stores/deep/messages"),
            ("POST", "fhirStores/deep:import"),
            ("POST", f"{here}:deidentify"),
            ("POST", f"{there}/fhirStores/deep:executeCohort"),
            ("POST", f"{service.endpoint}/v2/entries:list"),
            ("PATCH", f"{service.endpoint}/.lro-local"),
        ]:
            answer = service.client.request(method, path, content=body)
            assert answer.status_code == 400, (method, path, answer.text[:200])
            assert "nest more than 200 levels deep" in answer.text or "not valid JSON" in answer.text


@pytest.mark.service
@pytest.mark.parametrize("depth", [150, 199, 254, 1000, 5_000])
def test_a_deep_line_is_one_failure_or_comes_out_again_as_it_was(service: Program, depth: int) -> None:
    store = service.store(f"line{depth}")
    deep = f'{{"resourceType":"Patient","id":"p","x":{nested(depth)}}}'
    uri = service.put_lines(f"demo-out/deep{depth}", [deep, '{"resourceType":"Patient","id":"q"}'])
    ended = service.imported(store, uri)
    failed = depth > nesting.MAX_DEPTH - 1
    assert ended["metadata"]["counter"] == ({"success": "1", "failure": "1"} if failed else {"success": "2"})
    other = service.store(f"masked{depth}")
    masked = service.start(f"{store}:deidentify", {"destinationStore": f"{DATASET}/{other}", "config": {}})
    assert "error" not in service.ended(masked)
    exported = service.ended(service.start_export(store, f"gs://demo-out/out{depth}"))
    assert "error" not in exported
    assert service.client.get(f"{store}/fhir/Patient").status_code == 200
    (file,) = (service.buckets / f"demo-out/out{depth}").iterdir()
    assert service.imported(store, f"gs://demo-out/out{depth}/{file.name}")["metadata"]["counter"] == {
        "success": "1" if failed else "2"
    }


def test_denials_cancel_each_other_out_and_cost_nothing() -> None:
    plain = message_filter.compile_filter('message_type = "ADT"')
    assert message_filter.compile_filter("NOT " * 100_000 + 'message_type = "ADT"') == plain
    odd = message_filter.compile_filter("NOT " * 100_001 + 'message_type = "ADT"')
    assert odd == message_filter.compile_filter('NOT message_type = "ADT"')


@pytest.mark.parametrize("count", [101, 1_000, 5_000])
def test_a_message_filter_of_very_many_comparisons_is_refused(count: int) -> None:
    one = 'message_type = "ADT"'
    message_filter.compile_filter(" OR ".join([one] * 100))
    with pytest.raises(ServiceError, match="limit of 100 comparisons"):
        message_filter.compile_filter(" OR ".join([one] * count))


@pytest.mark.parametrize("text", ["NOT " * 1_000, "(" * 1_000, "NOT (" * 1_000, "labels." * 1_000])
def test_a_message_filter_without_an_end_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="cannot be parsed"):
        message_filter.compile_filter(text)


@pytest.mark.parametrize("depth", [nesting.MAX_BRACKETS + 1, 1_000, 9_000])
def test_a_rule_in_very_many_brackets_is_refused(depth: int) -> None:
    most = nesting.MAX_BRACKETS
    assert rules.parse_rule("(" * most + "a == 'b'" + ")" * most)({"a": "b"})
    for rule in ("(" * depth + "a == 'b'" + ")" * depth, "[" * depth + "a" + "]" * depth, "(" * depth):
        with pytest.raises(ServiceError, match="brackets nest"):
            rules.parse_rule(rule)


@pytest.mark.service
@pytest.mark.parametrize("text", ["NOT " * 1_000 + "x", "(" * 1_000 + "x" + ")" * 1_000, "-" * 5_000, "\0"])
def test_every_filter_of_the_service_refuses_what_it_cannot_read(service: Program, text: str) -> None:
    for kind in ("fhirStores", "hl7V2Stores", "consentStores", "dicomStores"):
        fields = {"version": "R4"} if kind == "fhirStores" else {}
        service.client.post(kind, params={f"{kind[:-1]}Id": "deep"}, json=fields)
    out = {"gcsDestination": {"uriPrefix": "gs://demo-out/f"}}
    beta = f"{service.endpoint}/v1beta1/{DATASET}"
    rule = {"policies": [{"authorizationRule": {"expression": text}}], "userId": "u"}
    logs = {"resourceNames": ["projects/local"], "filter": text}

    def cohort(expression: str) -> dict[str, Any]:
        return {**out, "fhirpathQuery": {"expressions": [{"fhirpathExpression": expression}]}}

    for method, path, query, body in [
        ("GET", "operations", {"filter": text}, None),
        ("GET", "fhirStores", {"filter": text}, None),
        ("GET", "hl7V2Stores/deep/messages", {"filter": text}, None),
        ("GET", "consentStores/deep/consents", {"filter": text}, None),
        ("GET", "dicomStores/deep/dicomWeb/studies", {text: "1"}, None),
        ("GET", "dicomStores/deep/dicomWeb/studies", {"limit": text}, None),
        ("GET", "fhirStores/deep/fhir/$export", {"_type": text}, None),
        ("POST", "hl7V2Stores/deep:export", {}, {**out, "filter": text}),
        ("POST", "fhirStores/deep:export", {}, {**out, "_type": text}),
        ("POST", "fhirStores/deep:configureSearch", {}, {"canonicalUrls": [text]}),
        ("POST", "consentStores/deep/consents", {}, rule),
        ("POST", f"{beta}/fhirStores/deep:executeCohort", {}, cohort(text)),
        ("POST", f"{beta}/fhirStores/deep:executeCohort", {}, cohort(f"Patient.where({text})")),
        ("POST", f"{service.endpoint}/v2/entries:list", {}, logs),
    ]:  # fmt: skip
        headers = {"Prefer": "respond-async"}
        answer = service.client.request(method, path, params=query, json=body, headers=headers)
        assert answer.status_code in (400, 404, 501), (method, path, answer.status_code, answer.text[:200])
        message = answer.json().get("error", {}).get("message") or answer.json()["issue"][0]["diagnostics"]
        assert message
