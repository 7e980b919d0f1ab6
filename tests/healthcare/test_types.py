"""Types that no version of FHIR has are refused before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes import Scripted, ok

import lro_notebook as lro
from lro_notebook.healthcare import fhir_types

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "projects/p/locations/l/datasets/d"


def store(transport: Scripted) -> lro.FhirStore:
    client = lro.Client("http://127.0.0.1:1", credentials="t", transport=transport)
    return lro.Dataset(client, NAME).fhir_store("s")


STARTS: dict[str, Callable[[lro.FhirStore, str], object]] = {
    "export_to": lambda fhir, types: fhir.export_to("gs://b/o", types=types),
    "export_history": lambda fhir, types: fhir.export_history("gs://b/o", types=types),
    "bulk_export": lambda fhir, types: fhir.bulk_export(types=types),
    "bulk_delete": lambda fhir, types: fhir.bulk_delete(types=types),
    "rollback": lambda fhir, types: fhir.rollback("2026-01-01T00:00:00Z", "b", types=types),
}


@pytest.mark.parametrize("start", STARTS)
def test_an_unknown_type_is_refused_with_near_names_and_nothing_is_sent(start: str) -> None:
    transport = Scripted(ok({}))
    with pytest.raises(
        lro.ConfigError, match=r"'Patients' is no resource type of FHIR; did you mean 'Patient'"
    ):
        STARTS[start](store(transport), "Patients")
    assert transport.requests == []


def test_what_is_no_list_of_types_is_refused() -> None:
    with pytest.raises(lro.ConfigError, match=r"types: 5 is no list of resource types such as \['Patient'"):
        store(Scripted(ok({}))).export_to("gs://b/o", types=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("patient", "Patient"),
        ("Medication Request", "MedicationRequest"),
        ("observations", "Observation"),
        ("Encountr", "Encounter"),
        ("ALLERGYINTOLERANCE", "AllergyIntolerance"),
    ],
)
def test_a_type_that_is_almost_one_is_named(given: str, near: str) -> None:
    with pytest.raises(lro.ConfigError, match=f"did you mean '{near}'"):
        fhir_types.checked(given)


def test_a_type_like_no_other_is_refused_with_how_they_are_written() -> None:
    with pytest.raises(lro.ConfigError, match="'MedicationRequest'"):
        fhir_types.checked("Xyzzyx")


def test_a_type_of_another_version_is_refused_where_the_version_is_known() -> None:
    assert fhir_types.checked("BodySite") == "BodySite"
    with pytest.raises(
        lro.ConfigError, match=r"FHIR R4 has no resource type 'BodySite'; it is one of DSTU2, STU3"
    ):
        fhir_types.checked("BodySite", "R4")
    assert fhir_types.checked("Citation", "R5") == "Citation"


def test_a_store_that_was_created_here_knows_its_version() -> None:
    transport = Scripted(ok({"name": f"{NAME}/fhirStores/s"}))
    created = store(transport).create(version="R4")
    with pytest.raises(lro.ConfigError, match="FHIR R4 has no resource type 'BodySite'"):
        created.export_to("gs://b/o", types="BodySite")


def test_the_lists_are_those_of_the_standard() -> None:
    """Their sizes: the code system resource-types of each version, without the two abstract types."""
    assert {version: len(types) for version, types in fhir_types.TYPES.items()} == {
        "DSTU2": 94,
        "STU3": 117,
        "R4": 146,
        "R5": 158,
    }
    assert "Patient" in frozenset.intersection(*fhir_types.TYPES.values())
