from __future__ import annotations

import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict
from decimal import Decimal
from statistics import mean
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from lro_notebook import errors
from lro_notebook.local import sample
from lro_notebook.local.sample.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Resource = dict[str, Any]

TYPES = {
    "Organization",
    "Practitioner",
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
}
REQUIRED = {
    "Organization": {"name"},
    "Practitioner": {"name"},
    "Patient": {"identifier", "name", "birthDate", "address", "communication"},
    "Encounter": {"status", "class", "type", "subject", "period", "serviceProvider"},
    "Condition": {"clinicalStatus", "verificationStatus", "code", "subject", "encounter", "onsetDateTime"},
    "Observation": {"status", "category", "code", "subject", "encounter", "effectiveDateTime"},
    "MedicationRequest": {"status", "intent", "medicationCodeableConcept", "subject", "authoredOn"},
}
DIABETES, HYPERTENSION = "44054006", "59621000"


@pytest.fixture(scope="module")
def made() -> list[Resource]:
    return list(sample.resources(patients=300, seed=7))


@pytest.fixture(scope="module")
def by_type(made: list[Resource]) -> dict[str, list[Resource]]:
    grouped: dict[str, list[Resource]] = defaultdict(list)
    for resource in made:
        grouped[resource["resourceType"]].append(resource)
    return grouped


def walk(value: object) -> Iterator[Resource]:
    """Yield `value` and what is in it, as far as these are JSON objects."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


@pytest.fixture(scope="module")
def references(made: list[Resource]) -> list[list[str]]:
    """The references in each resource of `made`."""
    return [[part["reference"] for part in walk(resource) if "reference" in part] for resource in made]


def first_code(resource: Resource) -> str:
    return str(resource["code"]["coding"][0]["code"])


def values(observations: list[Resource], code: str) -> list[Resource]:
    return [each for each in observations if first_code(each) == code and "valueQuantity" in each]


def patients_with(conditions: list[Resource], snomed: str) -> set[str]:
    return {each["subject"]["reference"] for each in conditions if first_code(each) == snomed}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_arguments_give_the_same_bytes_whatever_the_environment(tmp_path: Path) -> None:
    sample.write(tmp_path / "here", patients=15, seed=3)
    for hash_seed, zone in (("1", "Asia/Kathmandu"), ("2", "America/St_Johns")):
        out = tmp_path / hash_seed
        command = [sys.executable, "-m", "lro_notebook.local.sample", "--patients", "15", "--seed", "3"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone, "LC_ALL": "C"}
        subprocess.run([*command, "--out", str(out)], env=environment, check=True, capture_output=True)
        assert contents(out) == contents(tmp_path / "here")


def test_a_larger_sample_begins_with_the_smaller_one(tmp_path: Path) -> None:
    sample.write(tmp_path / "small", patients=5)
    sample.write(tmp_path / "large", patients=12)
    large = contents(tmp_path / "large")
    for name, small in contents(tmp_path / "small").items():
        assert large[name].startswith(small)


def test_another_seed_gives_other_patients() -> None:
    assert list(sample.resources(2, seed=1)) != list(sample.resources(2, seed=2))


def test_no_two_resources_share_a_part_that_a_caller_could_change() -> None:
    parts = [part for resource in list(sample.resources(10)) for part in walk(resource)]
    assert len({id(part) for part in parts}) == len(parts)


def test_all_types_are_there_and_a_patient_has_about_80_resources(made: list[Resource]) -> None:
    counts = Counter(resource["resourceType"] for resource in made)
    assert set(counts) == TYPES
    assert counts["Patient"] == 300
    assert 60 <= counts.total() / 300 <= 90


def test_required_fields_are_there(made: list[Resource]) -> None:
    for resource in made:
        assert REQUIRED[resource["resourceType"]] <= set(resource), resource["id"]


def test_ids_are_unique_and_valid(made: list[Resource]) -> None:
    ids = [resource["id"] for resource in made]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", each) for each in ids)


def test_references_point_to_resources_that_came_before(
    made: list[Resource], references: list[list[str]]
) -> None:
    known: set[str] = set()
    for resource, named in zip(made, references, strict=True):
        assert known.issuperset(named)
        known.add(f"{resource['resourceType']}/{resource['id']}")


def test_references_stay_with_one_patient(made: list[Resource], references: list[list[str]]) -> None:
    owner = {
        f"{resource['resourceType']}/{resource['id']}": resource["subject"]["reference"]
        for resource in made
        if "subject" in resource
    }
    for resource, named in zip(made, references, strict=True):
        assert {owner[each] for each in named if each in owner} <= {
            resource.get("subject", {}).get("reference")
        }


def test_every_resource_says_that_it_is_synthetic(made: list[Resource]) -> None:
    tag = {"system": "https://example.org/lro-notebook/synthetic/tag", "code": "synthetic"}
    assert all(resource["meta"]["tag"] == [tag] for resource in made)


def test_birth_precedes_visits_and_visits_precede_death(by_type: dict[str, list[Resource]]) -> None:
    patients = {f"Patient/{each['id']}": each for each in by_type["Patient"]}
    seen = set()
    for encounter in by_type["Encounter"]:
        patient, period = patients[encounter["subject"]["reference"]], encounter["period"]
        assert patient["birthDate"] <= period["start"] < period["end"]
        assert period["end"] < patient.get("deceasedDateTime", "9999")
        seen.add(patient["id"])
    assert len(seen) == len(patients)


def test_conditions_begin_before_they_are_recorded_and_end_after(by_type: dict[str, list[Resource]]) -> None:
    patients = {f"Patient/{each['id']}": each for each in by_type["Patient"]}
    visits = {f"Encounter/{each['id']}": each for each in by_type["Encounter"]}
    for condition in by_type["Condition"]:
        patient = patients[condition["subject"]["reference"]]
        assert patient["birthDate"][:7] <= condition["onsetDateTime"] <= condition["recordedDate"]
        assert condition["recordedDate"] == visits[condition["encounter"]["reference"]]["period"]["start"]
        ended = condition["clinicalStatus"]["coding"][0]["code"] == "resolved"
        assert ended == ("abatementDateTime" in condition)
        if ended:
            assert condition["recordedDate"] < condition["abatementDateTime"]
            assert condition["abatementDateTime"] < patient.get("deceasedDateTime", "9999")


def test_observations_and_prescriptions_fall_within_their_visit(by_type: dict[str, list[Resource]]) -> None:
    periods = {f"Encounter/{each['id']}": each["period"] for each in by_type["Encounter"]}
    for resource in by_type["Observation"] + by_type["MedicationRequest"]:
        period = periods[resource["encounter"]["reference"]]
        moment = resource.get("effectiveDateTime") or resource["authoredOn"]
        assert period["start"] <= moment <= period["end"]


def test_a_condition_has_a_snomed_and_an_icd_10_coding(by_type: dict[str, list[Resource]]) -> None:
    for condition in by_type["Condition"]:
        systems = [coding["system"] for coding in condition["code"]["coding"]]
        assert systems == ["http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"]


def test_an_observation_has_one_value_or_says_why_not(by_type: dict[str, list[Resource]]) -> None:
    kinds = ("valueQuantity", "valueCodeableConcept", "component", "dataAbsentReason")
    for observation in by_type["Observation"]:
        assert sum(kind in observation for kind in kinds) == 1


def test_a_prescription_has_a_reason_that_the_patient_has(by_type: dict[str, list[Resource]]) -> None:
    conditions = {f"Condition/{each['id']}" for each in by_type["Condition"]}
    active = 0
    for prescription in by_type["MedicationRequest"]:
        assert prescription["reasonReference"][0]["reference"] in conditions
        assert prescription["requester"]["reference"].startswith("Practitioner/")
        active += prescription["status"] == "active"
    assert 0 < active < len(by_type["MedicationRequest"])


def test_bmi_is_weight_over_height_squared(by_type: dict[str, list[Resource]]) -> None:
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for observation in by_type["Observation"]:
        if "valueQuantity" in observation:
            number = observation["valueQuantity"]["value"]
            found[observation["encounter"]["reference"]][first_code(observation)] = number
    for measured in found.values():
        expected = measured["29463-7"] / (measured["8302-2"] / 100) ** 2
        assert abs(measured["39156-5"] - expected) <= Decimal("0.0501")


def test_values_are_possible_for_humans(by_type: dict[str, list[Resource]]) -> None:
    limits = {
        "8302-2": (40, 210),
        "29463-7": (2, 200),
        "39156-5": (9, 50),
        "8867-4": (40, 180),
        "4548-4": (4, 14),
        "2339-0": (55, 400),
        "2093-3": (80, 350),
        "2160-0": (0.3, 3),
        "8310-5": (35.5, 41),
    }
    for code, (low, high) in limits.items():
        numbers = [each["valueQuantity"]["value"] for each in values(by_type["Observation"], code)]
        assert numbers
        assert low <= min(numbers)
        assert max(numbers) <= high


def test_diabetics_have_a_high_hba1c_that_rises(by_type: dict[str, list[Resource]]) -> None:
    diabetics = patients_with(by_type["Condition"], DIABETES)
    hba1c = values(by_type["Observation"], "4548-4")
    theirs, others = defaultdict(list), []
    for each in sorted(hba1c, key=lambda observation: observation["effectiveDateTime"]):
        number, subject = float(each["valueQuantity"]["value"]), each["subject"]["reference"]
        if subject in diabetics:
            theirs[subject].append(number)
        else:
            others.append(number)
    assert mean(mean(numbers) for numbers in theirs.values()) > 6.8
    assert max(others) < 6.5
    assert mean(numbers[-1] - numbers[0] for numbers in theirs.values()) > 0.1


def test_hypertension_raises_blood_pressure(by_type: dict[str, list[Resource]]) -> None:
    ill = patients_with(by_type["Condition"], HYPERTENSION)
    systolic: dict[bool, list[float]] = {True: [], False: []}
    for observation in by_type["Observation"]:
        if "component" in observation:
            high, low = (float(part["valueQuantity"]["value"]) for part in observation["component"])
            assert low < high
            systolic[observation["subject"]["reference"] in ill].append(high)
    assert mean(systolic[True]) > mean(systolic[False]) + 10


def test_interpretations_agree_with_reference_ranges(by_type: dict[str, list[Resource]]) -> None:
    letters: Counter[str] = Counter()
    for observation in by_type["Observation"]:
        if "interpretation" not in observation:
            continue
        letter = observation["interpretation"][0]["coding"][0]["code"]
        limits, number = observation["referenceRange"][0], observation["valueQuantity"]["value"]
        above = "high" in limits and number > limits["high"]["value"]
        below = "low" in limits and number < limits["low"]["value"]
        assert letter == ("H" if above else "L" if below else "N")
        letters[letter] += 1
    assert set(letters) == {"H", "L", "N"}


def test_record_numbers_and_postal_codes_start_with_zeros(by_type: dict[str, list[Resource]]) -> None:
    numbers = [patient["identifier"][0]["value"] for patient in by_type["Patient"]]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"0\d{7}", number) for number in numbers)
    assert all(patient["address"][0]["postalCode"].startswith("0") for patient in by_type["Patient"])


def test_some_records_are_incomplete_as_real_ones_are(by_type: dict[str, list[Resource]]) -> None:
    patients = by_type["Patient"]
    assert {len(patient["birthDate"]) for patient in patients} == {4, 7, 10}
    assert {len(patient["name"][0]["given"]) for patient in patients} >= {1, 2}
    assert any("deceasedDateTime" in patient for patient in patients)
    assert {len(each["onsetDateTime"]) for each in by_type["Condition"]} == {7, 10}


def test_one_patient_in_40_is_odd_but_valid(by_type: dict[str, list[Resource]]) -> None:
    odd = [patient for patient in by_type["Patient"] if "gender" not in patient]
    assert len(odd) == 8
    for patient in odd:
        assert len(patient["name"]) == 3
        assert len(patient["address"]) == 2
        assert not (patient["name"][0]["family"] + patient["name"][0]["given"][0]).isascii()
    notes = [note["text"] for each in by_type["Observation"] for note in each.get("note", ())]
    assert len(notes) == 8
    assert all("\n" in note and "漢字" in note for note in notes)
    assert any("comparator" in each.get("valueQuantity", ()) for each in by_type["Observation"])
    assert any("dataAbsentReason" in each for each in by_type["Observation"])


def test_a_file_has_one_json_object_per_line(tmp_path: Path) -> None:
    counts = sample.write(tmp_path, patients=10)
    assert {path.name for path in tmp_path.iterdir()} == {f"{kind}.ndjson" for kind in TYPES}
    for kind, count in counts.items():
        lines = (tmp_path / f"{kind}.ndjson").read_bytes().split(b"\n")
        assert lines.pop() == b""
        assert len(lines) == count
        assert all(orjson.loads(line)["resourceType"] == kind for line in lines)


def test_decimals_keep_the_zeros_that_were_reported(tmp_path: Path) -> None:
    sample.write(tmp_path, patients=20)
    text = (tmp_path / "Observation.ndjson").read_text("utf-8")
    creatinine = re.findall(r'"valueQuantity":\{"value":([\d.]+),[^}]*\}', text)
    assert any(re.fullmatch(r"\d\.\d0", number) for number in creatinine)
    assert '"doseQuantity":{"value":1.0,' in (tmp_path / "MedicationRequest.ndjson").read_text("utf-8")


def test_memory_does_not_grow_with_the_number_of_patients(tmp_path: Path) -> None:
    def peak(patients: int) -> int:
        tracemalloc.start()
        try:
            sample.write(tmp_path, patients=patients)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(5)
    assert peak(150) < peak(30) + 500_000


def test_progress_counts_patients(tmp_path: Path) -> None:
    seen: list[int] = []
    sample.write(tmp_path, patients=4, progress=seen.append)
    assert seen == [1, 2, 3, 4]


def test_no_patients_is_a_sample_of_staff(tmp_path: Path) -> None:
    assert set(sample.write(tmp_path, patients=0)) == {"Organization", "Practitioner"}


def test_a_negative_number_of_patients_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="patients=-1"):
        sample.resources(-1)


def test_the_program_closes_with_one_line_of_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--patients", "3", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert re.fullmatch(r"[\d,]+ resources in .*: Organization 4, .*Patient 3, .*\n", captured.out)
    assert captured.err == ""


def test_the_program_overwrites_only_when_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit):
        main(["--patients", "1", "--out", str(tmp_path)])
    assert "--force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert main(["--patients", "1", "--out", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("bad", [["--patients", "-2"], ["--patients", "x"]])
def test_the_program_refuses_a_wrong_number(bad: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main([*bad, "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert not (tmp_path / "out").exists()
