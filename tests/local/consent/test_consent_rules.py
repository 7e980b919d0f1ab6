"""Authorization rules and policies: what they say, and what they cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lro_notebook.local.consent import rules
from lro_notebook.local.consent.rules import Mapped, evaluate, parse_rule
from lro_notebook.local.core.service_errors import ServiceError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MAPPING = Mapped("m", "user", "data", {"data_type": "image", "region": "eu"})


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("role == 'clinician'", True),
        ('role == "nurse"', False),
        ("role != 'nurse'", True),
        ("role in ['nurse', 'clinician']", True),
        ("role IN ['nurse']", False),
        ("role == 'nurse' || purpose == 'care'", True),
        ("role == 'clinician' && purpose == 'sales'", False),
        ("role == 'nurse' && purpose == 'x' || purpose == 'care'", True),  # && binds closer
        ("role == 'nurse' AND (purpose == 'x' OR purpose == 'care')", False),
        ("(role == 'nurse' || purpose == 'care') && role < 'd'", True),
        ("missing == ''", True),
        (r"quoted == 'it\'s'", True),
        ("'care' == purpose", True),
    ],
)
def test_a_rule_says_whether_a_request_may(expression: str, *, holds: bool) -> None:
    request = {"role": "clinician", "purpose": "care", "quoted": "it's"}
    assert bool(parse_rule(expression)(request)) is holds


@pytest.mark.parametrize(
    "expression",
    [
        None,
        "",
        "role",
        "role == ",
        "role = 'x'",
        "role == 'x' &&",
        "(role == 'x'",
        "role == 'x')",
        "role in [",
        "role in ['a' 'b']",
        "role.startsWith('x')",
        "role == 'x' ; drop",
        " && ".join(["a == 'b'"] * 12),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(expression: object) -> None:
    with pytest.raises(ServiceError, match="authorizationRule"):
        parse_rule(expression)


def consent(name: str = "c", *, rule: str = "role == 'clinician'", **fields: Any) -> dict[str, Any]:
    policy = {"resourceAttributes": fields.pop("resource", []), "authorizationRule": {"expression": rule}}
    return {"name": name, "userId": "user", "state": "ACTIVE", "policies": [policy], **fields}


def attribute(name: str, *values: str) -> dict[str, Any]:
    return {"attributeDefinitionId": name, "values": list(values)}


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (consent(), rules.HAS_SATISFIED_POLICY),
        (consent(rule="role == 'nurse'"), rules.NO_SATISFIED_POLICY),
        (consent(resource=[attribute("data_type", "image", "text")]), rules.HAS_SATISFIED_POLICY),
        (consent(resource=[attribute("data_type", "text")]), rules.NO_MATCHING_POLICY),
        (
            consent(resource=[attribute("data_type", "image"), attribute("region", "us")]),
            rules.NO_MATCHING_POLICY,
        ),
        (consent(policies=[]), rules.NO_MATCHING_POLICY),
        (consent(userId="other"), rules.NOT_APPLICABLE),
        (consent(state="REVOKED"), rules.NOT_APPLICABLE),
        (consent(state="DRAFT"), rules.NOT_APPLICABLE),
        (consent(expireTime="2026-05-31T00:00:00Z"), rules.NOT_APPLICABLE),
        (consent(expireTime="2026-06-02T00:00:00Z"), rules.HAS_SATISFIED_POLICY),
    ],
)
def test_what_a_consent_says_of_a_mapping(given: dict[str, Any], result: str) -> None:
    verdict = evaluate(MAPPING, [given], {"role": "clinician"}, now=NOW)
    assert verdict.results == {"c": result}
    assert verdict.consented is (result == rules.HAS_SATISFIED_POLICY)


def test_one_consent_is_enough_and_a_broken_one_is_named() -> None:
    broken = consent("b", rule="role < 3")
    verdict = evaluate(MAPPING, [consent(), broken], {"role": "clinician"}, now=NOW)
    assert (verdict.consented, verdict.broken) == (True, ("b",))
    assert evaluate(MAPPING, [broken], {"role": "clinician"}, now=NOW).consented is False


def test_drafts_count_where_they_are_named() -> None:
    verdict = evaluate(MAPPING, [consent(state="DRAFT")], {"role": "clinician"}, now=NOW, drafts=True)
    assert verdict.consented


def test_a_mapping_has_the_defaults_of_what_it_does_not_set() -> None:
    body = {"name": "m", "userId": "u", "dataId": "d", "resourceAttributes": [attribute("region", "eu")]}
    found = rules.mapped(body, {"region": "us", "data_type": "text"})
    assert found.attributes == {"region": "eu", "data_type": "text"}
