"""Expressions of the standard's SearchParameters (FHIR R4), which a search index is to be made with."""

from __future__ import annotations

from typing import Any

import pytest

from lro_notebook.fhirpath.interpreter import evaluate
from lro_notebook.fhirpath.parser import parse
from lro_notebook.fhirpath.scope import Scope
from lro_notebook.fhirpath.values import Item

RESOURCES: dict[str, dict[str, Any]] = {
    "Patient": {
        "id": "p",
        "meta": {"lastUpdated": "2026-01-01T00:00:00Z"},
        "name": [{"family": "Ash"}],
        "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "a@b"}],
        "deceasedBoolean": False,
    },
    "Observation": {
        "subject": {"reference": "Patient/p"},
        "code": {"text": "weight"},
        "valueQuantity": {"value": 70},
        "component": [{"code": {"text": "part"}, "valueCodeableConcept": {"text": "high"}}],
    },
    "Condition": {
        "code": {"text": "asthma"},
        "onsetDateTime": "2020-02",
        "subject": {"reference": "Group/g"},
    },
    "ValueSet": {"expansion": {"contains": [{"code": "a"}, {"code": "b"}]}},
    "Bundle": {
        "entry": [{"resource": {"resourceType": "Composition", "id": "c"}}, {"resource": {"id": "d"}}]
    },
    "PlanDefinition": {
        "relatedArtifact": [{"type": "depends-on", "resource": "u1"}, {"type": "citation", "resource": "u2"}]
    },
    "ConceptMap": {"sourceUri": "http://x"},
}
for name, resource in RESOURCES.items():
    resource["resourceType"] = name

CODES = (
    "AllergyIntolerance.code | AllergyIntolerance.reaction.substance | Condition.code | "
    "(DeviceRequest.code as CodeableConcept) | DiagnosticReport.code | Observation.code"
)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("Resource.id", "Patient", ["p"]),
        ("Resource.meta.lastUpdated", "Patient", ["2026-01-01T00:00:00Z"]),
        ("Patient.name.family | Practitioner.name.family", "Patient", ["Ash"]),
        ("Patient.telecom.where(system='email') | Person.telecom.where(system='email')", "Patient",
         [{"system": "email", "value": "a@b"}]),
        ("Patient.deceased.exists() and Patient.deceased != false", "Patient", [False]),
        (CODES, "Condition", [{"text": "asthma"}]),
        (CODES, "Observation", [{"text": "weight"}]),
        (CODES, "Patient", []),
        ("(Observation.value as Quantity) | (Observation.value as Range)", "Observation", [{"value": 70}]),
        ("Observation.value.ofType(CodeableConcept)", "Observation", []),
        ("(Observation.component.value as CodeableConcept)", "Observation", [{"text": "high"}]),
        ("Observation.code | Observation.component.code", "Observation",
         [{"text": "weight"}, {"text": "part"}]),
        ("Observation.subject.where(resolve() is Patient)", "Observation", [{"reference": "Patient/p"}]),
        ("Condition.subject.where(resolve() is Patient)", "Condition", []),
        ("Condition.onset.as(dateTime) | Condition.onset.as(Period)", "Condition", ["2020-02"]),
        ("Condition.onset.as(Age) | Condition.onset.as(Range)", "Condition", []),
        ("ValueSet.expansion.contains.code | ValueSet.compose.include.concept.code", "ValueSet", ["a", "b"]),
        ("Bundle.entry[0].resource", "Bundle", [{"resourceType": "Composition", "id": "c"}]),
        ("PlanDefinition.relatedArtifact.where(type='depends-on').resource", "PlanDefinition", ["u1"]),
        ("(ConceptMap.source as uri)", "ConceptMap", ["http://x"]),
        ("Task.for | Task.focus", "Patient", []),
    ],
)  # fmt: skip
def test_an_expression_gives_what_is_indexed(text: str, kind: str, expected: list[Any]) -> None:
    root = Item(RESOURCES[kind])

    def by_name(reference: str) -> dict[str, Any]:
        """Return all that ``resolve() is Patient`` asks for: a reference names its type."""
        return {"resourceType": reference.partition("/")[0]}

    found = evaluate(parse(text), [root], Scope(root, resolve=by_name))
    assert [item.value for item in found] == expected
