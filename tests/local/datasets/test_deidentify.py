"""De-identification of values and of FHIR resources."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets import deidentify_values
from lro_notebook.local.fhir.deidentify_resource import Rules

KEY = bytes(range(32))
B64 = base64.b64encode(KEY).decode()


def rules(config: dict[str, Any]) -> Rules:
    return Rules(config, KEY)


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "text": {"status": "generated", "div": "<div>Ann Lee</div>"},
    "extension": [{"url": "u", "valueCode": "x"}],
    "identifier": [{"system": "urn:mrn", "value": "12345"}],
    "name": [{"use": "official", "family": "Lee", "given": ["Ann"]}],
    "telecom": [{"system": "phone", "value": "555-1234"}],
    "address": [{"line": ["1 Main St"], "city": "Boston", "state": "MA", "postalCode": "02134"}],
    "birthDate": "1970-05-20",
    "deceasedDateTime": "2020-02-29T10:00:00-05:00",
    "gender": "female",
    "multipleBirthInteger": 2,
    "generalPractitioner": [{"reference": "Practitioner/1", "display": "Dr. Who"}],
}


def test_the_default_profile_leaves_nothing_that_names_the_patient() -> None:
    cleaned = rules({}).resource(PATIENT)
    text = repr(cleaned)
    for secret in ("Lee", "Ann", "12345", "555", "Main", "Boston", "02134", "1970-05-20", "Who"):
        assert secret not in text
    assert (cleaned["id"], cleaned["gender"], cleaned["multipleBirthInteger"]) == ("p", "female", 2)
    assert cleaned["identifier"][0]["system"] == "urn:mrn"
    assert cleaned["address"] == [{"state": "MA"}]
    assert cleaned["generalPractitioner"] == [{"reference": "Practitioner/1"}]
    assert "extension" not in cleaned


def test_dates_of_one_patient_keep_their_distance() -> None:
    config = rules({})
    patient = config.resource(PATIENT)
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "subject": {"reference": "Patient/p"},
        "period": {"start": "1970-05-25"},
    }
    moved = date.fromisoformat(config.resource(visit)["period"]["start"])
    assert (moved - date.fromisoformat(patient["birthDate"])).days == 5
    assert patient["deceasedDateTime"].endswith("T10:00:00-05:00")


def test_equal_identifiers_stay_equal_and_other_keys_change_them() -> None:
    first, second = (rules({}).resource(PATIENT)["identifier"][0]["value"] for _ in range(2))
    keyed = {"infoTypes": ["MEDICAL_RECORD_NUMBER"], "cryptoHashConfig": {"cryptoKey": B64[:24]}}
    with pytest.raises(ServiceError, match="16, 24 or 32"):
        rules({"text": {"additionalTransformations": [keyed]}})
    keyed["cryptoHashConfig"] = {"cryptoKey": base64.b64encode(KEY[:16]).decode()}
    other = rules({"text": {"additionalTransformations": [keyed]}}).resource(PATIENT)
    assert first == second != other["identifier"][0]["value"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"characterMaskConfig": {"maskingCharacter": "#"}}, "###"),
        ({"characterMaskConfig": {}}, "***"),
        ({"replaceWithInfoTypeConfig": {}}, "[PERSON_NAME]"),
        ({"cryptoHashConfig": {"cryptoKey": B64}}, deidentify_values.crypto_hash("Lee", KEY)),
    ],
)
def test_a_transformation_is_chosen_by_info_type(how: dict[str, Any], expected: str) -> None:
    config = {"text": {"additionalTransformations": [{"infoTypes": ["PERSON_NAME"], **how}]}}
    assert rules(config).resource(PATIENT)["name"][0]["family"] == expected
    assert "telecom" in PATIENT
    assert rules(config).resource(PATIENT)["telecom"] == [{"system": "phone"}]


def test_excluded_info_types_and_extensions_are_kept() -> None:
    config = {"text": {"excludeInfoTypes": ["PERSON_NAME"]}, "fhir": {"defaultKeepExtensions": True}}
    cleaned = rules(config).resource(PATIENT)
    assert cleaned["name"] == PATIENT["name"]
    assert cleaned["extension"] == PATIENT["extension"]


CONDITION: dict[str, Any] = {
    "resourceType": "Condition",
    "id": "c",
    "onsetAge": {"value": 93, "unit": "years", "system": "http://unitsofmeasure.org", "code": "a"},
    "recorder": {"reference": "Organization/o", "display": "North Clinic"},
    "encounter": {"reference": "Location/l", "display": "Ward 3"},
    "contained": [
        {"resourceType": "Organization", "id": "o", "name": "North Clinic", "alias": ["The North"]},
        {"resourceType": "Location", "id": "l", "name": "Ward 3", "position": {"latitude": 42.3}},
        {"resourceType": "Questionnaire", "id": "q", "name": "PHQ9"},
    ],
}


def test_ages_organisations_and_places_are_left_out() -> None:
    cleaned = rules({}).resource(CONDITION)
    assert cleaned["onsetAge"] == {key: text for key, text in CONDITION["onsetAge"].items() if key != "value"}
    assert cleaned["recorder"] == {"reference": "Organization/o"}
    assert cleaned["contained"] == [
        {"resourceType": "Organization", "id": "o"},
        {"resourceType": "Location", "id": "l"},
        {"resourceType": "Questionnaire", "id": "q", "name": "PHQ9"},
    ]
    kept = {"text": {"excludeInfoTypes": ["AGE", "ORGANIZATION_NAME", "LOCATION"]}}
    assert rules(kept).resource(CONDITION) == CONDITION
    assert rules(kept).resource(PATIENT)["address"] == [
        {"city": "Boston", "state": "MA", "postalCode": "02134"}
    ]


def test_the_transformation_that_names_an_info_type_counts_and_of_several_the_first() -> None:
    listed = [
        {"characterMaskConfig": {}},
        {"infoTypes": ["PERSON_NAME"], "replaceWithInfoTypeConfig": {}},
        {"infoTypes": ["PERSON_NAME"], "redactConfig": {}},
        {"redactConfig": {}},
    ]
    cleaned = rules({"text": {"additionalTransformations": listed}}).resource(PATIENT)
    assert cleaned["name"][0]["family"] == "[PERSON_NAME]"
    assert cleaned["address"][0] == {
        "line": ["*********"],
        "city": "******",
        "state": "MA",
        "postalCode": "*****",
    }


def test_paths_say_more_than_the_profile() -> None:
    listed = [
        {"paths": ["Patient.birthDate", "Patient.address.city"], "action": "DO_NOT_TRANSFORM"},
        {"paths": ["Patient.gender"], "action": "TRANSFORM"},
    ]
    cleaned = rules({"fhir": {"fieldMetadataList": listed}}).resource(PATIENT)
    assert cleaned["birthDate"] == PATIENT["birthDate"]
    assert cleaned["address"] == [{"city": "Boston", "state": "MA"}]
    assert "gender" not in cleaned


@pytest.mark.parametrize(
    "config",
    [
        {"text": []},
        {"text": {"additionalTransformations": 3}},
        {"text": {"additionalTransformations": [3]}},
        {"text": {"additionalTransformations": [{"infoTypes": ["PERSON_NAME"]}]}},
        {"text": {"additionalTransformations": [{"infoTypes": ["US_SSN"], "redactConfig": {}}]}},
        {"text": {"additionalTransformations": [{"cryptoHashConfig": {"kmsWrapped": {}}}]}},
        {"text": {"additionalTransformations": [{"characterMaskConfig": {"maskingCharacter": "ab"}}]}},
        {"fhir": {"fieldMetadataList": [{"paths": ["HumanName"], "action": "TRANSFORM"}]}},
        {"fhir": {"fieldMetadataList": [{"paths": ["Patient.Date"], "action": "TRANSFORM"}]}},
        {"fhir": {"fieldMetadataList": [{"paths": ["Patient.name"], "action": "BURN"}]}},
    ],
)
def test_what_is_not_built_or_wrong_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ServiceError):
        rules(config)


def test_a_key_is_in_no_message_and_no_repr() -> None:
    bad = {"text": {"additionalTransformations": [{"cryptoHashConfig": {"cryptoKey": "c2VjcmV0"}}]}}
    with pytest.raises(ServiceError) as caught:
        rules(bad)
    assert "c2VjcmV0" not in str(caught.value)
    assert repr(KEY) not in repr(deidentify_values.transformations({}, KEY, {"DATE": "shift"}))


@given(st.dates(min_value=date(2, 1, 1), max_value=date(9998, 1, 1)), st.text(max_size=20))
def test_a_date_is_shifted_by_the_same_days_in_every_format(day: date, patient: str) -> None:
    days = deidentify_values.shift_days(KEY, patient)
    assert 0 < abs(days) <= deidentify_values.SHIFT_LIMIT
    text = f"{day.year:04}-{day.month:02}-{day.day:02}"
    shifted = deidentify_values.shift_date(f"{text}T01:02:03Z", days)
    assert shifted is not None
    assert (date.fromisoformat(shifted[:10]) - day).days == days
    dicom = deidentify_values.shift_date(text.replace("-", "") + "120000.5", days)
    assert dicom == shifted[:10].replace("-", "") + "120000.5"


@pytest.mark.parametrize(
    "value", ["", "unknown", "2026", "2026-13-01", "2026-0101", "x2026-01-01", "0001-01-01"]
)
def test_what_has_no_whole_date_is_left_out(value: str) -> None:
    assert deidentify_values.shift_date(value, -50) is None
