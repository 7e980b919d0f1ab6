"""The sample as HL7v2 messages and DICOM files: the same patients, readable, and the same at each start."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

import lro_notebook as lro
from lro_notebook.local import sample
from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.dicom.dicom_file import ParseError
from lro_notebook.local.hl7v2 import message_parser
from lro_notebook.local.hl7v2.message_parser import Parser
from lro_notebook.local.sample.messages import escaped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.conftest import Program

V3 = Parser("V3")


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def numbers_of_patients() -> set[str]:
    made = sample.resources(patients=30, seed=7)
    return {item["identifier"][0]["value"] for item in made if item["resourceType"] == "Patient"}


def test_messages_are_of_the_patients_of_the_fhir_sample() -> None:
    readings = [message_parser.read(message, V3) for message in sample.messages(patients=30, seed=7)]
    assert {reading.patients[0]["value"] for reading in readings} <= numbers_of_patients()
    assert {reading.type for reading in readings} == {"ADT", "ORU"}
    assert all(reading.sent and reading.facility for reading in readings)


def test_every_result_of_the_fhir_sample_with_a_quantity_is_in_a_message() -> None:
    made = list(sample.resources(patients=30, seed=7))
    values = sorted(str(item["valueQuantity"]["value"]) for item in made if "valueQuantity" in item)
    found = []
    for message in sample.messages(patients=30, seed=7):
        segments = message_parser.parsed(message, V3)["segments"]
        found += [segment["fields"]["5"] for segment in segments if segment["segmentId"] == "OBX"]
    assert sorted(found) == values


def test_the_messages_tell_of_stays_in_wards_with_doctors_transfers_and_one_cancelled(tmp_path: Path) -> None:
    written = sample.write_messages(tmp_path, patients=30, seed=7)
    (tmp_path / "broken.ndjson").unlink()
    visits = lro.read_results(tmp_path).admissions()
    assert visits["messages"].sum() < written
    assert set(visits["class"]) == {"I", "O"}
    assert visits["doctor_family"].notna().all()
    stays = visits[visits["class"] == "I"]
    assert stays[["ward", "room", "bed", "facility", "service", "source"]].notna().all(axis=None)
    cancelled, ended = stays[stays["status"] == "cancelled"], stays[stays["status"] == "finished"]
    assert (len(cancelled), len(cancelled) + len(ended)) == (1, len(stays))
    assert {"A01 A03", "A01 A02 A02 A03"} == set(ended["events"])
    assert (ended["discharged"] > ended["admitted"]).all()
    assert ended["disposition"].isin(["01", "03", "06"]).all()
    assert set(stays["patient"]) <= numbers_of_patients()


def test_a_larger_sample_of_messages_starts_with_a_smaller_one() -> None:
    smaller = list(sample.messages(patients=20, seed=7))
    assert list(islice(sample.messages(patients=30, seed=7), len(smaller))) == smaller


def test_separators_in_a_text_do_not_split_it() -> None:
    assert escaped("a|b^c&d~e\\f") == r"a\F\b\S\c\T\d\R\e\E\f"


def test_images_are_instances_of_the_patients_and_one_file_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed")
    assert sample.write_images(tmp_path, patients=30, seed=7) == 30
    patients, studies = set(), set()
    for path in tmp_path.rglob("*.dcm"):
        instance = dicom_file.read(path.read_bytes())
        file: Any = dicom_file.open_file(instance.data)
        patients.add(file.PatientID)
        studies.add(instance.study)
        assert len(file.PixelData) == file.Rows * file.Columns * 2
    assert len(studies) == len(patients) == 5
    assert patients <= numbers_of_patients()
    with pytest.raises(ParseError):
        dicom_file.read((tmp_path / "notes.txt").read_bytes())


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed")
    for name in ("a", "b"):
        sample.write_messages(tmp_path / name / "hl7v2", patients=5, seed=7)
        sample.write_images(tmp_path / name / "dicom", patients=5, seed=7)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


@pytest.mark.service
def test_the_sample_is_there_to_be_imported(launch: Callable[..., Program]) -> None:
    program = launch("--sample-patients", "6")
    counters = {}
    for collection, identifier, uri in (
        ("hl7V2Stores", "hl7V2StoreId", "gs://lro-sample/hl7v2/messages.ndjson"),
        ("hl7V2Stores", "hl7V2StoreId", "gs://lro-sample/hl7v2/broken.ndjson"),
        ("dicomStores", "dicomStoreId", "gs://lro-sample/dicom/**"),
    ):
        program.client.post(collection, params={identifier: "s"}, json={})
        done = program.ended(program.start(f"{collection}/s:import", {"gcsSource": {"uri": uri}}))
        counters[uri.rpartition("/")[2]] = done["metadata"]["counter"]
    assert "failure" not in counters["messages.ndjson"]
    assert counters["broken.ndjson"] == {"failure": "3"}
    assert counters["**"] == {"success": "30", "failure": "1"}
    assert list((program.buckets / ".partial").iterdir()) == []
