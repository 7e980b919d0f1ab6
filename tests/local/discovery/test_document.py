"""The small form of the discovery documents, and the methods that addresses lead to."""

from __future__ import annotations

import re

import pytest

from lro_notebook.local.discovery.document import document, snake
from lro_notebook.local.discovery.method_lookup import method_at
from lro_notebook.local.discovery.served import NOT_SERVED, states
from scripts import discovery_schema

VERSIONS = ("v1", "v1beta1")


def test_the_file_is_what_the_script_makes_of_googles_documents() -> None:
    pytest.importorskip("googleapiclient.discovery", reason="google-api-python-client is not installed")
    documents = discovery_schema.installed()
    text = discovery_schema.TARGET.read_text()
    if documents["v1"]["revision"] != document("v1").revision:
        pytest.skip("the installed documents are of another revision; run scripts/discovery_schema.py")
    assert discovery_schema.text_of(discovery_schema.small_form(documents)) == text


@pytest.mark.parametrize("version", VERSIONS)
def test_every_address_leads_to_its_method(version: str) -> None:
    methods = document(version).methods
    assert len(methods) == {"v1": 154, "v1beta1": 170}[version]
    for method in methods.values():
        path = re.sub(r"\{\w+\}", "x-1.2", method.path)
        found = method_at(method.http_method, f"/{version}/{path}")
        assert found is method


@pytest.mark.parametrize(
    ("http_method", "path"),
    [
        ("GET", "/v1"),
        ("GET", "/"),
        ("GET", "/v2/projects/p/locations"),
        ("GET", "/v1/projects//locations"),
        ("PUT", "/v1/projects/p/locations"),
        ("GET", "/v1/projects/p/locations/l/datasets/d/operations/1:failures"),
        ("POST", "/v1/projects/p/locations/l/datasets/d/fhirStores/s:executeCohort"),  # v1beta1 alone has it
        ("POST", "/v1/projects/p/locations/l/datasets/d/fhirStores/:import"),
        ("GET", "/v1/projects/p/locations/l/datasets/d/fhirStores/s/fhir/a/b/c/d"),
    ],
)
def test_other_addresses_lead_to_none(http_method: str, path: str) -> None:
    assert method_at(http_method, path) is None


def test_a_word_of_a_path_goes_before_a_parameter() -> None:
    store = "/v1beta1/projects/domain.org:p/locations/l/datasets/d/fhirStores/s"
    for http_method, path, method in (
        ("GET", "fhir/Patient/1", "fhir.read"),
        ("GET", "fhir/Patient/1/$everything", "fhir.Patient-everything"),
        ("GET", "fhir/Binary/1", "fhir.Binary-read"),
        ("GET", "fhir/Observation/$lastn", "fhir.Observation-lastn"),
        ("DELETE", "fhir/Binary/1", "fhir.delete"),
    ):
        found = method_at(http_method, f"{store}/{path}")
        assert found is not None
        assert found.id == f"locations.datasets.fhirStores.{method}"


def test_fields_have_two_names_and_flags() -> None:
    fields = document("v1").fields("FhirStore")
    assert fields["enable_update_create"] is fields["enableUpdateCreate"]
    version = fields["version"]
    assert (version.is_required, version.is_immutable, version.values[1:]) == (
        True,
        True,
        ("DSTU2", "STU3", "R4", "R5"),
    )
    assert fields["name"].is_output
    assert (fields["labels"].many, fields["notificationConfigs"].many) == ("map", "repeated")
    assert snake("Hl7V2Store") == "hl7_v2_store"
    assert snake("_since") == "_since"


def test_what_is_not_served_is_a_method_and_says_what_to_use() -> None:
    known = {**states("v1"), **states("v1beta1")}
    assert set(NOT_SERVED) <= set(known)
    for name, state in known.items():
        assert state.is_served == (name not in NOT_SERVED)
        assert bool(state.note) != state.is_served
