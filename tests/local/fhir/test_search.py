"""FHIR search over real HTTP: Bundles, links and pages, order, includes, parts of resources, handling."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = pytest.mark.service

EYES = "http://acme.org/SearchParameter/eyes"


@pytest.fixture(scope="module")
def fhir(service: Program) -> str:
    """A store of twelve patients, born from January to December, a doctor, and an observation of each."""
    fhir = service.store("searched") + "/fhir"

    def put(resource: dict[str, Any]) -> None:
        url = f"{fhir}/{resource['resourceType']}/{resource['id']}"
        service.client.put(url, json=resource).raise_for_status()

    put({"resourceType": "Practitioner", "id": "doc", "name": [{"family": "House"}]})
    for number in range(12):
        patient = f"p{number:02d}"
        put(
            {
                "resourceType": "Patient",
                "id": patient,
                "text": {"status": "generated", "div": "<div>words</div>"},
                "gender": "female" if number % 2 else "male",
                "name": [{"family": f"Family{number % 3}"}],
                "birthDate": f"1980-{number + 1:02d}",
                "multipleBirthInteger": number,
                "generalPractitioner": [{"reference": "Practitioner/doc"}],
                "extension": [{"url": "urn:eyes", "valueCode": "blue" if number < 2 else "brown"}],
            }
        )
        put(
            {
                "resourceType": "Observation",
                "id": f"o{number:02d}",
                "status": "final",
                "code": {"text": "any"},
                "subject": {"reference": f"Patient/{patient}"},
            }
        )
    return fhir


def _ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [each["resource"]["id"] for each in bundle.get("entry", []) if each["search"]["mode"] == mode]


def _links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


def _get(service: Program, url: str, **headers: str) -> dict[str, Any]:
    answer = service.client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    bundle: dict[str, Any] = answer.json()
    return bundle


def test_a_bundle_is_as_the_healthcare_api_makes_it(service: Program, fhir: str) -> None:
    bundle = _get(service, f"{fhir}/Patient?gender=female&_count=4")
    assert list(_links(bundle)) == ["search", "next", "first", "self"]
    base = f"{service.endpoint}/v1/projects/local/locations/local/datasets/demo/{fhir}"
    assert _links(bundle)["self"] == f"{base}/Patient/?_count=4&gender=female"
    assert _links(bundle)["next"].startswith(f"{base}/Patient/?_count=4&gender=female&_page_token=")
    assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "searchset", 6)
    assert _ids(bundle) == ["p11", "p09", "p07", "p05"], "what changed last comes first"
    assert bundle["entry"][0]["fullUrl"] == f"{base}/Patient/p11"
    last = _get(service, _links(bundle)["next"])
    assert _ids(last) == ["p03", "p01"]
    assert list(_links(last)) == ["search", "first", "self"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("birthdate", [f"p{n:02d}" for n in range(12)]),
        ("-birthdate", [f"p{n:02d}" for n in range(11, -1, -1)]),
        ("_id", [f"p{n:02d}" for n in range(12)]),
        ("_lastUpdated", [f"p{n:02d}" for n in range(12)]),
        ("family,-_id", [f"p{n:02d}" for n in (9, 6, 3, 0, 10, 7, 4, 1, 11, 8, 5, 2)]),
        ("-gender,birthdate", [f"p{n:02d}" for n in (*range(0, 12, 2), *range(1, 12, 2))]),
        ("death-date,_id", [f"p{n:02d}" for n in range(12)]),
    ],
)
def test_pages_follow_each_other_in_the_order_asked_for(
    service: Program, fhir: str, order: str, expected: list[str]
) -> None:
    found, url = [], f"{fhir}/Patient?_sort={order}&_count=5"
    for _ in range(3):
        bundle = _get(service, url)
        found += _ids(bundle)
        url = _links(bundle).get("next", "")
    assert found == expected
    assert url == ""


def test_what_has_no_value_to_sort_by_comes_last_in_both_orders(service: Program, fhir: str) -> None:
    dead = {"resourceType": "Patient", "id": "dead", "deceasedDateTime": "2020"}
    service.client.put(f"{fhir}/Patient/dead", json=dead).raise_for_status()
    try:
        for order in ("death-date", "-death-date"):
            assert _ids(_get(service, f"{fhir}/Patient?_sort={order}&_count=2"))[0] == "dead"
    finally:
        service.client.delete(f"{fhir}/Patient/dead").raise_for_status()


def test_post_searches_as_get_does(service: Program, fhir: str) -> None:
    answer = service.client.post(f"{fhir}/Patient/_search?gender=female&_count=4")
    bundle = answer.raise_for_status().json()
    assert _ids(bundle) == ["p11", "p09", "p07", "p05"]
    assert _ids(_get(service, _links(bundle)["next"])) == ["p03", "p01"]
    refused = service.client.post(f"{fhir}/Patient/_search", data={"gender": "female"})
    assert refused.status_code == 400
    assert "put them into the address" in refused.json()["issue"][0]["diagnostics"]


def test_a_body_names_the_type_as_googles_client_sends_it(service: Program, fhir: str) -> None:
    def of(address: str, body: dict[str, Any]) -> Any:
        return service.client.post(f"{fhir}{address}", json=body)

    found = of("/_search?_count=4", {"resourceType": "Practitioner"}).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["doc"]
    assert of("/Practitioner/_search", {"resourceType": "Practitioner"}).json()["total"] == 1
    assert of("/Practitioner/_search", {}).json()["total"] == 1
    for wrong in ({"resourceType": "Patient"}, {"resourceType": 4}):
        assert of("/Practitioner/_search", wrong).status_code == 400


def test_all_types_are_searched_together(service: Program, fhir: str) -> None:
    url, found = f"{fhir}?_type=Patient,Observation&_count=10", []
    for _ in range(3):
        bundle = _get(service, url)
        assert bundle["total"] == 24
        found += _ids(bundle)
        url = _links(bundle).get("next", "")
    assert found == [f"{letter}{n:02d}" for n in range(11, -1, -1) for letter in "op"]
    assert url == ""
    assert set(_ids(_get(service, f"{fhir}/?_id=p01,o01,doc"))) == {"p01", "o01", "doc"}
    assert _get(service, f"{service.store('empty')}/fhir?_id=x")["total"] == 0
    bundle = _get(service, f"{fhir}?_type=Patient,Observation&gender=male&_id=p01,o01")
    assert bundle["total"] == 2, "what one type does not have, filters none"
    (outcome,) = (each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "outcome")
    assert "'gender'" in outcome["issue"][0]["diagnostics"]
    assert service.client.get(f"{fhir}?_type=Patient,Observation&_sort=_id").status_code == 400


@pytest.mark.parametrize(
    ("search", "included"),
    [
        ("Observation?_id=o03&_include=Observation:subject", ["p03"]),
        ("Observation?_id=o03&_include=Observation:subject:Patient", ["p03"]),
        ("Observation?_id=o03&_include=Observation:subject:Group", []),
        ("Observation?_id=o03&_include=*", ["p03"]),
        ("Observation?_id=o03&_include=Observation:patient&_include=Patient:general-practitioner", ["p03"]),
        (
            "Observation?_id=o03&_include=Observation:patient&_include:iterate=Patient:general-practitioner",
            ["p03", "doc"],
        ),
        ("Patient?_id=p04&_revinclude=Observation:subject", ["o04"]),
        ("Practitioner?_revinclude=Patient:general-practitioner&_count=1", [f"p{n:02d}" for n in range(12)]),
        (
            "Practitioner?_revinclude=Patient:general-practitioner&_revinclude:iterate=Observation:patient",
            [f"{letter}{n:02d}" for letter in "po" for n in range(12)],
        ),
        (
            "Observation?_id=o01,o02&_include=Observation:subject&_revinclude=Observation:subject",
            ["p02", "p01"],
        ),
    ],
)
def test_includes(service: Program, fhir: str, search: str, included: list[str]) -> None:
    bundle = _get(service, f"{fhir}/{search}")
    assert _ids(bundle, "include") == included
    assert bundle["total"] == len(_ids(bundle)), "what is included does not count"


def test_parts_of_resources_say_that_they_are_parts(service: Program, fhir: str) -> None:
    def first(query: str) -> dict[str, Any]:
        resource: dict[str, Any] = _get(service, f"{fhir}/Patient?_id=p01&{query}")["entry"][0]["resource"]
        return resource

    parts = {
        "_elements=birthDate,Patient.gender": {"birthDate", "gender"},
        "_summary=text": {"text"},
        "_summary=data": {
            "birthDate", "extension", "gender", "generalPractitioner", "multipleBirthInteger", "name"
        },
    }  # fmt: skip
    for query, expected in parts.items():
        resource = first(query)
        assert set(resource) - {"resourceType", "id", "meta"} == expected
        assert [tag["code"] for tag in resource["meta"]["tag"]] == ["SUBSETTED"]
        assert resource["meta"]["versionId"] == "1"
    assert "tag" not in first("_summary=false")["meta"]
    for query in ("_summary=count", "_count=0"):
        bundle = _get(service, f"{fhir}/Patient?{query}")
        assert (bundle["total"], "entry" in bundle, "next" in _links(bundle)) == (12, False, False)
    assert "total" not in _get(service, f"{fhir}/Patient?_total=none")
    assert service.client.get(f"{fhir}/Patient?_summary=true").status_code == 400


def test_unknown_parameters_are_named_or_refused_as_the_request_asks(service: Program, fhir: str) -> None:
    lenient = _get(service, f"{fhir}/Patient?gender=male&color=red&_revinclude=Observation:color")
    assert lenient["total"] == 6
    assert "color" not in _links(lenient)["self"]
    (outcome,) = (each for each in lenient["entry"] if each["search"]["mode"] == "outcome")
    issues = outcome["resource"]["issue"]
    assert [issue["severity"] for issue in issues] == ["warning", "warning"]
    assert "'color'" in issues[0]["diagnostics"]
    strict = service.client.get(f"{fhir}/Patient?color=red", headers={"Prefer": "handling=strict"})
    assert strict.status_code == 400
    assert "'color'" in strict.json()["issue"][0]["diagnostics"]
    store = fhir.removesuffix("/fhir")
    change = {"defaultSearchHandlingStrict": True}
    service.client.patch(f"{store}?updateMask=defaultSearchHandlingStrict", json=change).raise_for_status()
    try:
        assert service.client.get(f"{fhir}/Patient?color=red").status_code == 400
        _get(service, f"{fhir}/Patient?color=red", Prefer="handling=lenient")
    finally:
        change["defaultSearchHandlingStrict"] = False
        service.client.patch(
            f"{store}?updateMask=defaultSearchHandlingStrict", json=change
        ).raise_for_status()


def test_a_token_of_another_search_or_of_nobodys_is_refused(service: Program, fhir: str) -> None:
    token = _links(_get(service, f"{fhir}/Patient?_count=1"))["next"].partition("_page_token=")[2]
    mark = base64.urlsafe_b64decode(unquote(token)).partition(b":")[0]
    forged = [
        base64.urlsafe_b64encode(mark + b":" + text).decode()
        for text in (
            b"{}",
            b"[]",
            b"x",
            b"[1]",
            b"[[1],2]",
            b'["a","b"]',
            b"[1e400,1]",
            b"[true,1]",
            b"[99999999999999999999,1]",
        )
    ]
    urls = [f"{fhir}/Patient?_page_token={each}" for each in forged]
    urls += [
        f"{fhir}/Patient?_sort=birthdate&_page_token={token}",
        f"{fhir}/Practitioner?_page_token={token}",
    ]
    assert [service.client.get(url).status_code for url in urls] == [400] * len(urls)


def test_search_parameters_of_the_store_work_once_they_are_configured(service: Program, fhir: str) -> None:
    store = fhir.removesuffix("/fhir")
    parameter = {
        "resourceType": "SearchParameter",
        "id": "eyes",
        "url": EYES,
        "code": "eyes",
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.extension.where(url = 'urn:eyes').value",
    }
    service.client.put(f"{fhir}/SearchParameter/eyes", json=parameter).raise_for_status()
    assert _get(service, f"{fhir}/Patient?eyes=blue")["total"] == 12, "not yet"

    def configure() -> None:
        url = (
            f"{service.endpoint}/v1beta1/projects/local/locations/local/datasets/demo/{store}:configureSearch"
        )
        name = service.client.post(url, json={"canonicalUrls": [EYES]}).raise_for_status().json()["name"]
        assert "response" in service.ended(name.partition("/demo/")[2])

    configure()
    assert _ids(_get(service, f"{fhir}/Patient?eyes=blue")) == ["p01", "p00"]
    assert _ids(_get(service, f"{fhir}/Patient?eyes=brown&birthdate=1980-12&_sort=eyes")) == ["p11"]
    parameter["expression"] = "Patient.extension.where(url = 'urn:nose').value"
    service.client.put(f"{fhir}/SearchParameter/eyes", json=parameter).raise_for_status()
    configure()
    assert _get(service, f"{fhir}/Patient?eyes=blue")["total"] == 0
    parameter["expression"] = "Patient.("
    service.client.put(f"{fhir}/SearchParameter/eyes", json=parameter).raise_for_status()
    assert _get(service, f"{fhir}/Patient?eyes=blue")["total"] == 12, "it is no parameter any more"
