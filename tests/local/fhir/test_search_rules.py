"""The rules of each type of search parameter, on small resources: http://hl7.org/fhir/R4/search.html#ptypes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from local.fhir.search_store import DATASET, Store

from lro_notebook.local.core.service_errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"


def _observation(identifier: str, **fields: object) -> dict[str, object]:
    return {"resourceType": "Observation", "id": identifier, "status": "final", **fields}


def _coded(code: str, system: str | None = LOINC, **more: str) -> dict[str, object]:
    return {"coding": [{"code": code, **({"system": system} if system else {}), **more}]}


def _quantity(value: float, code: str = "mg", system: str = UCUM, unit: str = "mg") -> dict[str, object]:
    return {"value": value, "unit": unit, "system": system, "code": code}


RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "eve",
        "identifier": [{"system": "urn:mrn", "value": "M-1", "type": {"text": "Record number"}}],
        "active": True,
        "name": [{"family": "O'Neill", "given": ["Evelyn", "Zoë"]}, {"text": "Eve Neill-Smith"}],
        "gender": "female",
        "birthDate": "1980-02-29",
        "telecom": [{"system": "phone", "value": "555 1234"}, {"system": "email", "value": "Eve@x.org"}],
        "address": [{"line": ["1 Main St"], "city": "Łódź", "country": "PL"}],
        "generalPractitioner": [{"reference": "Practitioner/doc"}],
        "managingOrganization": {"identifier": {"system": "urn:npi", "value": "77"}},
        "deceasedBoolean": False,
    },
    {
        "resourceType": "Patient",
        "id": "sev",
        "identifier": [{"value": "M-1"}, {"system": "urn:ssn", "value": "a|b,c"}],
        "name": [{"family": "neil", "given": ["Severine"]}],
        "gender": "male",
        "birthDate": "1980",
        "deceasedDateTime": "2020-01-01",
        "managingOrganization": {"display": "only words"},
    },
    {"resourceType": "Patient", "id": "nobody", "birthDate": "1980-03"},
    {"resourceType": "Practitioner", "id": "doc", "name": [{"family": "House"}], "active": True},
    _observation(
        "height",
        code={**_coded("8302-2", display="Body Height"), "text": "Tall?"},
        subject={"reference": "Patient/eve"},
        effectiveDateTime="2026-01-31T09:00:00+01:00",
        valueQuantity=_quantity(5.40, "cm", unit="centimetre"),
    ),
    _observation(
        "weight",
        code={"coding": [{"code": "8302-2"}, {"system": "urn:own", "code": "W"}]},
        subject={"reference": "Patient/sev/_history/3"},
        effectivePeriod={"start": "2026-02-01", "end": "2026-02-10"},
        valueQuantity=_quantity(5.45),
    ),
    _observation(
        "word",
        code={"text": "by word of mouth"},
        subject={"reference": "Group/eve"},
        effectivePeriod={"start": "2026-03"},
        valueString="Él dijo",
    ),
    _observation(
        "afar",
        code=_coded("X", None),
        subject={"reference": "https://elsewhere.org/fhir/Patient/eve"},
        effectiveTiming={"event": ["2025-12-31", "2026-05-05"]},
        valueQuantity={**_quantity(100), "comparator": "<"},
    ),
    {
        "resourceType": "ValueSet",
        "id": "set",
        "url": "http://acme.org/fhir/ValueSet/123",
        "status": "active",
    },
    {
        "resourceType": "RiskAssessment",
        "id": "point",
        "status": "final",
        "subject": {"reference": "Patient/eve"},
        "prediction": [{"probabilityDecimal": 0.8}],
    },
    {
        "resourceType": "RiskAssessment",
        "id": "range",
        "status": "final",
        "subject": {"reference": "Patient/eve"},
        "prediction": [{"probabilityRange": {"low": {"value": 0.1}, "high": {"value": 0.3}}}],
    },
    {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/eve"},
        "instantiatesCanonical": ["http://acme.org/PlanDefinition/p|2"],
    },
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("search"))
    store.put(*RESOURCES)
    yield store
    store.database.close()


RULES = {
    "token": [
        ("Patient?identifier=urn:mrn|M-1", "eve"),
        ("Patient?identifier=M-1", "eve sev"),
        ("Patient?identifier=m-1", "eve sev"),
        ("Patient?identifier=|M-1", "sev"),
        ("Patient?identifier=urn:mrn|", "eve"),
        ("Patient?identifier=urn:other|M-1", ""),
        (r"Patient?identifier=urn:ssn|a\|b\,c", "sev"),
        ("Patient?identifier=M-2,urn:mrn|M-1", "eve"),
        ("Patient?identifier:text=record", "eve"),
        ("Patient?gender=female", "eve"),
        ("Patient?gender=http://hl7.org/fhir/administrative-gender|female", "eve"),
        ("Patient?gender=urn:wrong|female", ""),
        ("Patient?gender:not=female", "nobody sev"),
        ("Patient?gender:not=female,male", "nobody"),
        ("Patient?gender:missing=true", "nobody"),
        ("Patient?gender:missing=false", "eve sev"),
        ("Patient?active=true", "eve"),
        ("Patient?deceased=true", "sev"),
        ("Patient?deceased=false", "eve nobody"),
        ("Patient?email=eve@x.org", "eve"),
        ("Patient?phone=eve@x.org", ""),
        ("Patient?telecom=555 1234", "eve"),
        ("Observation?code=8302-2", "height weight"),
        (f"Observation?code={LOINC}|8302-2", "height"),
        ("Observation?code=|8302-2", "weight"),
        (f"Observation?code={LOINC}|", "height"),
        ("Observation?code=w", "weight"),
        ("Observation?code:text=body", "height"),
        ("Observation?code:text=tall", "height"),
        ("Observation?code:text=height", ""),
        ("Observation?code:text=by+word", "word"),
        (f"Observation?code:not={LOINC}|8302-2", "afar weight word"),
        ("Observation?code:missing=true", ""),
        ("Observation?status=final&code=X", "afar"),
    ],
    "string": [
        ("Patient?name=eve", "eve"),
        ("Patient?name=EVEL", "eve"),
        ("Patient?name=zoe", "eve"),
        ("Patient?name=oneil", "eve"),
        ("Patient?name=o'neill", "eve"),
        ("Patient?family=nei", "sev"),
        ("Patient?name:contains=eve", "eve sev"),
        ("Patient?name:contains=neil", "eve sev"),
        ("Patient?given:exact=Zoë", "eve"),
        ("Patient?given:exact=Zoe", ""),
        ("Patient?given:exact=zoë", ""),
        ("Patient?given:exact=Evel", ""),
        ("Patient?name=eve,sev", "eve sev"),
        ("Patient?name=eve&name=sev", ""),
        ("Patient?name=eve&given=zo", "eve"),
        ("Patient?name=-", ""),
        ("Patient?address=lodz", ""),  # Ł is a letter of its own, not an L with an accent
        ("Patient?address-city=łodz", "eve"),
        ("Patient?address=1 main", "eve"),
        ("Patient?name:missing=true", "nobody"),
        ("Observation?value-string=el dij", "word"),
    ],
    "date": [
        ("Patient?birthdate=1980-02-29", "eve"),
        ("Patient?birthdate=1980-02", "eve"),
        ("Patient?birthdate=1980", "eve nobody sev"),
        ("Patient?birthdate=ne1980-02", "nobody sev"),
        ("Patient?birthdate=gt1980-02-29", "nobody sev"),
        ("Patient?birthdate=gt1980", ""),
        ("Patient?birthdate=ge1980", "eve nobody sev"),
        ("Patient?birthdate=lt1980-02-29", "sev"),
        ("Patient?birthdate=le1980-02-29", "eve sev"),
        ("Patient?birthdate=sa1980-02-29", "nobody"),
        ("Patient?birthdate=eb1980-03-01", "eve"),
        ("Patient?birthdate=ap1980-02-29", "eve nobody sev"),
        ("Patient?birthdate=ge1980-02-01&birthdate=lt1980-03-01", "eve sev"),
        ("Patient?birthdate=1980-02,1980-03", "eve nobody"),
        ("Observation?date=2026-01-31", "height"),
        ("Observation?date=2026-01-31T08:00:00Z", "height"),
        ("Observation?date=2026-01-31T09:00:00%2B01:00", "height"),
        ("Observation?date=2026-01-31T09:00:00Z", ""),
        ("Observation?date=2026-02", "weight"),
        ("Observation?date=2026-02-05", ""),
        ("Observation?date=gt2026-02-09", "afar weight word"),
        ("Observation?date=gt2026-02-10", "afar word"),
        ("Observation?date=sa2026-02-10", "afar word"),
        ("Observation?date=lt2026-02-02", "afar height weight"),
        ("Observation?date=eb2026-02-01", "afar height"),
        ("Observation?date=2025-12-31,2026-01-31", "afar height"),
    ],
    "number": [
        ("RiskAssessment?probability=0.8", "point"),
        ("RiskAssessment?probability=0.80", "point"),
        ("RiskAssessment?probability=0.81", ""),
        ("RiskAssessment?probability=8e-1", "point"),
        ("RiskAssessment?probability=gt0.8", ""),
        ("RiskAssessment?probability=ge0.8", "point"),
        ("RiskAssessment?probability=gt0.2", "point range"),
        ("RiskAssessment?probability=lt0.2", "range"),
        ("RiskAssessment?probability=sa0.2", "point"),
        ("RiskAssessment?probability=eb0.4", "range"),
        ("RiskAssessment?probability=ne0.8", "range"),
        ("RiskAssessment?probability=ap0.75", "point"),
        ("RiskAssessment?probability=1", "point"),  # from 0.5 to 1.5
    ],
    "quantity": [
        ("Observation?value-quantity=5.4", "height"),  # from 5.35 up to 5.45
        ("Observation?value-quantity=5.40", "height"),
        ("Observation?value-quantity=5", "height weight"),
        ("Observation?value-quantity=5.45", "weight"),
        (f"Observation?value-quantity=5.4|{UCUM}|cm", "height"),
        (f"Observation?value-quantity=5.4|{UCUM}|mg", ""),
        ("Observation?value-quantity=5.4||cm", "height"),
        ("Observation?value-quantity=5.4||centimetre", "height"),
        ("Observation?value-quantity=gt5.4", "afar weight"),
        (f"Observation?value-quantity=ge5.4|{UCUM}|mg", "afar weight"),
        ("Observation?value-quantity=le5.4||cm", "height"),
        ("Observation?value-quantity=100", "afar"),
        ("Observation?value-quantity=1e2", "afar"),  # one significant figure: from 50 up to 150
        ("Observation?value-quantity=1e1", "height weight"),  # from 5 up to 15
        ("Observation?value-quantity=1.0e1", ""),  # from 9.5 up to 10.5
        ("Observation?value-quantity:missing=true", "word"),
    ],
    "reference": [
        ("Observation?subject=Patient/eve", "height"),
        ("Observation?subject=eve", "height word"),
        ("Observation?subject:Patient=eve", "height"),
        ("Observation?subject:Group=eve", "word"),
        ("Observation?subject:Group=Patient/eve", ""),
        ("Observation?patient=eve", "height"),
        ("Observation?patient=Patient/sev", "weight"),
        ("Observation?patient=Group/eve", ""),
        ("Observation?subject=https://elsewhere.org/fhir/Patient/eve", "afar"),
        ("Observation?subject=Patient/eve,Patient/sev", "height weight"),
        (f"Observation?subject=http://127.0.0.1:1/v1/{DATASET}/fhirStores/s/fhir/Patient/eve", "height"),
        ("Patient?organization:identifier=urn:npi|77", "eve"),
        ("Patient?organization:identifier=78", ""),
        ("Patient?organization:missing=true", "nobody"),
        ("CarePlan?instantiates-canonical=http://acme.org/PlanDefinition/p", "plan"),
        ("CarePlan?instantiates-canonical=http://acme.org/PlanDefinition/p|2", "plan"),
        ("CarePlan?instantiates-canonical=http://acme.org/PlanDefinition/p|3", ""),
    ],
    "uri": [
        ("ValueSet?url=http://acme.org/fhir/ValueSet/123", "set"),
        ("ValueSet?url=http://acme.org/fhir/valueset/123", ""),
        ("ValueSet?url=http://acme.org/fhir", ""),
        ("ValueSet?url:below=http://acme.org/fhir", "set"),
        ("ValueSet?url:above=http://acme.org/fhir/ValueSet/123/_history/5", "set"),
        ("ValueSet?url:missing=false", "set"),
    ],
    "chains": [
        ("Observation?subject:Patient.name=eve", "height"),
        ("Observation?patient.name=eve", "height"),
        ("Observation?patient.gender:not=female", "weight"),
        ("Observation?subject.name=eve", "height"),
        ("Observation?patient.general-practitioner:Practitioner.name=house", "height"),
        ("Observation?patient._id=sev", "weight"),
        ("Patient?_has:Observation:patient:code=8302-2", "eve sev"),
        ("Patient?_has:Observation:patient:code=urn:own|W", "sev"),
        ("Patient?_has:Observation:patient:date=gt2026-02-09&gender=male", "sev"),
        ("Practitioner?_has:Patient:general-practitioner:_has:Observation:patient:code=8302-2", "doc"),
        ("Patient?_has:Observation:patient:code=nothing", ""),
    ],
    "every type": [
        ("Patient?_id=eve", "eve"),
        ("Patient?_id=eve,sev,none", "eve sev"),
        ("Patient?_id=eve&gender=male", ""),
        ("Patient?_lastUpdated=gt2020-01-01", "eve nobody sev"),
        ("Patient?_lastUpdated=lt2020-01-01", ""),
        ("Patient?_lastUpdated=ge2020-01-01&gender=male", "sev"),
        ("Patient?gender=", "eve nobody sev"),
        ("Patient?gender=,", "eve nobody sev"),
        ("Patient?gender=,male,", "sev"),
        ("Medication?code=x", ""),
    ],
}


@pytest.mark.parametrize(
    ("search", "expected"), [rule for rules in RULES.values() for rule in rules], ids=lambda value: value
)
def test_a_search_finds_what_the_standard_says(store: Store, search: str, expected: str) -> None:
    assert " ".join(sorted(store.find(search))) == expected


def test_long_lists_of_values_are_searched(store: Store) -> None:
    for count in (100, 101, 3000):
        values = ",".join(["eve", *(f"nobody{number}" for number in range(count - 1))])
        assert store.find(f"Observation?patient={values}") == ["height"]
        assert store.find(f"Patient?_id={values}") == ["eve"]
        assert store.find(f"Observation?patient:Patient._id={values}") == ["height"]


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("Patient?nonsense=1", "no search parameter 'nonsense'"),
        ("Patient?birthdate=yesterday", "expected a date"),
        ("Patient?birthdate=1980-13", "expected a date"),
        ("Patient?birthdate=1980-02-30", "expected a date"),
        ("Patient?_lastUpdated=now", "expected a date"),
        ("Observation?value-quantity=x", "expected a number"),
        ("Observation?value-quantity=1e999", "expected a number"),
        ("Observation?value-quantity=1|2|3|4", "expected a quantity"),
        ("Patient?gender:contains=x", "has the modifiers :missing, :not, :text"),
        ("Patient?gender:in=http://x", "needs code systems"),
        ("Patient?gender:missing=maybe", "expected one of true, false"),
        ("Patient?_id:exact=x", "no modifiers"),
        ("Observation?subject:patient.name=x", "expected a resource type"),
        ("Patient?_has:Observation=1", "expected a name such as _has:"),
        ("Patient?_sort=nonsense", "no search parameter 'nonsense' to sort by"),
        ("Patient?_include=Nonsense", "expected a type and a parameter"),
        ("Patient?" + "name=a&" * 201, "at most 200 parameters"),
        ("Patient?_sort=" + "name," * 11, "at most 10 keys"),
        ("Patient?" + "link:Patient." * 4 + "name=x", "at most 3 steps"),
    ],
)
def test_a_search_that_cannot_be_is_refused_and_told_why(store: Store, search: str, says: str) -> None:
    with pytest.raises(ServiceError, match=says.replace(" ", r"\s")):
        store.find(search)
