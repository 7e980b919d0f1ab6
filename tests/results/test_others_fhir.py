"""Folders of FHIR as other servers and tools leave them: a table for each type, whatever files are called."""

from __future__ import annotations

import gzip
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import lro_notebook as lro
from lro_notebook.errors import LeftOutWarning, LroWarning, ResultError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lro_notebook.results.results import Results

Files = dict[str, bytes]
LONG = "x" * 9_000  # a text that fills a first look


def resource(type_: str, id_: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": type_, "id": id_, **more}


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def of(*types: str) -> bytes:
    return lines(*(resource(type_) for type_ in types))


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


def bundle(kind: str, *resources: Any, **entry: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"fullUrl": "urn:uuid:1", "resource": each, **entry} for each in resources],
    }


MANIFEST = {
    "transactionTime": "2024-01-01T00:00:00Z",
    "request": "https://example.org/$export",
    "output": [{"type": "Patient", "url": "https://example.org/Patient.ndjson"}],
}
DELETED = lines({"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/9"}}]})
UUID = "0d4f8e9c-1111-4222-8333-44445555666"

FOLDERS: dict[str, tuple[Files, dict[str, int]]] = {
    "Google, import and export": (
        {
            "126_Patient": of("Patient"),
            "126_Observation-0-of-2": of("Observation"),
            "126_Observation-1-of-2": of("Observation"),
            "126_history_Patient": lines(bundle("history", resource("Patient"))),
        },
        {"Patient": 1, "Observation": 2, "Patient_history": 1},
    ),
    "HAPI, Binary resources with ids of their own": (
        {"Zt0cH7xkR3": of("Patient"), "qQ81kPz0aa": of("Patient"), "OP99": of("Observation")},
        {"Patient": 2, "Observation": 1},
    ),
    "Azure, a container with one job": (
        {
            "20240101T000000-1234/Patient-1.ndjson": of("Patient"),
            "20240101T000000-1234/Patient-2.ndjson": of("Patient"),
            "20240101T000000-1234/Observation-1.ndjson": of("Observation"),
        },
        {"Patient": 2, "Observation": 1},
    ),
    "HealthLake": (
        {
            "Patient/32839038-19dd-Patient-0.ndjson": of("Patient"),
            "Observation/32839038-19dd-Observation-0.ndjson": of("Observation"),
            "Observation/32839038-19dd-Observation-1.ndjson": of("Observation"),
            "manifest.json": pretty({"numberOfFilesImported": 3}),
        },
        {"Patient": 1, "Observation": 2},
    ),
    "SMART bulk-data-client": (
        {
            "1.Patient.ndjson": of("Patient"),
            "1.Condition.ndjson": of("Condition"),
            "2.Condition.ndjson": of("Condition"),
            "log.ndjson": lines({"exportId": "1", "eventId": "kickoff", "eventDetail": {}}),
        },
        {"Patient": 1, "Condition": 2, "log": 1},
    ),
    "smart-fetch, labels": (
        {
            ".metadata": pretty({"kind": "managed"}),
            "Patient.001.ndjson.gz": gzip.compress(of("Patient")),
            "Observation.labs.ndjson": of("Observation"),
            "Observation_Vitals.ndjson": of("Observation"),
            "deleted/Patient.001.ndjson.gz": gzip.compress(DELETED),
        },
        {"Patient": 1, "Observation": 2},
    ),
    "Synthea, bulk data": (
        {
            "Patient.ndjson": of("Patient"),
            "Organization.1721218811633.ndjson": of("Organization"),
            "parameters.json": pretty(resource("Parameters")),
        },
        {"Patient": 1, "Organization": 1, "Parameters": 1},
    ),
    "Synthea, a transaction for each patient": (
        {
            f"Abby752_Kuvalis369_{UUID}1.json": pretty(
                bundle("transaction", resource("Patient"), resource("Encounter"), request={"method": "POST"})
            ),
            f"Bob1_Foo2_{UUID}2.json": pretty(bundle("transaction", resource("Patient", "2"))),
            "hospitalInformation1598445728084.json": pretty(bundle("batch", resource("Organization"))),
        },
        {"Patient": 2, "Encounter": 1, "Organization": 1},
    ),
    "Cerner": (
        {f"{UUID}3.ndjson": of("Patient"), f"{UUID}4.ndjson": of("Provenance")},
        {"Patient": 1, "Provenance": 1},
    ),
    "Epic, no suffix and compressed": (
        {"eb4.VWxyz-abc123": gzip.compress(of("Patient")), "eb4.VWxyz-abc124": of("Condition", "Condition")},
        {"Patient": 1, "Condition": 2},
    ),
    "Firely, two numbers": (
        {"Patient-1-1.ndjson": of("Patient"), "Patient-1-2.ndjson": of("Patient")},
        {"Patient": 2},
    ),
    "LinuxForHealth, lower case and what an import said": (
        {
            "patient_file_1.ndjson": of("Patient"),
            "patient_file_2.ndjson": of("Patient"),
            "patient_file_1.ndjson_oo_errors.ndjson": of("OperationOutcome"),
        },
        {"Patient": 2, "OperationOutcome": 1},
    ),
    "Medplum": (
        {
            f"ExplanationOfBenefit_data_55530_{UUID.replace('-', '_')}{n}_ndjson.ndjson": of(
                "ExplanationOfBenefit"
            )
            for n in (5, 6)
        },
        {"ExplanationOfBenefit": 2},
    ),
    "MIMIC, names of profiles": (
        {
            f"MimicObservation{what}.ndjson.gz": gzip.compress(of("Observation"))
            for what in ("Labevents", "Chartevents")
        },
        {"Observation": 2},
    ),
    "Spark, a folder for each type": (
        {
            f"{type_}.ndjson/{name}": data
            for type_ in ("Patient", "Condition")
            for name, data in {
                f"part-00000-{UUID}7-c000.txt": of(type_),
                f"part-00001-{UUID}7-c000.txt": of(type_),
                f".part-00000-{UUID}7-c000.txt.crc": b"crc\0",
                "_SUCCESS": b"",
            }.items()
        },
        {"Patient": 2, "Condition": 2},
    ),
    "of two sites, with the manifest": (
        {
            "north_Patient.ndjson": of("Patient"),
            "south_Patient.ndjson": of("Patient"),
            "Medication_Request.ndjson": of("MedicationRequest"),
            "Labs.ndjson": of("Observation"),
            "status.json": pretty(MANIFEST),
        },
        {"Patient": 2, "MedicationRequest": 1, "Observation": 1},
    ),
    "packed on a Mac": (
        {
            "Patient.ndjson": of("Patient"),
            "._Patient.ndjson": b"\0\5\x16\7\0\2\0\0Mac OS X",
            ".DS_Store": b"\0\0\0\1Bud1",
        },
        {"Patient": 1},
    ),
    "saved on Windows": (
        {
            "Patient.ndjson": b"\xef\xbb\xbf" + of("Patient", "Patient").replace(b"\n", b"\r\n"),
            "Condition.ndjson": of("Condition").decode().encode("utf-16"),
            "a.json": pretty(resource("Device", name="x")).replace(b"\n", b"\r\n"),
            "b.json": pretty(bundle("searchset", resource("Device"))).replace(b"\n", b"\r\n"),
        },
        {"Patient": 2, "Condition": 1, "Device": 2},
    ),
    "JSON under names of NDJSON": (
        {
            "Patient.ndjson": json.dumps([resource("Patient"), resource("Patient", "2")]).encode(),
            "Condition.ndjson": pretty(resource("Condition")),
            "Device.json": pretty(resource("Device")) + b"\n" + pretty(resource("Device", "2")),
        },
        {"Patient": 2, "Condition": 1, "Device": 2},
    ),
    "pages of searches": (
        {
            "1.json": pretty(bundle("searchset")),
            "2.json": pretty([bundle("searchset", resource("Patient")), bundle("searchset")]),
            "3.ndjson": lines(bundle("searchset", resource("Patient")), bundle("searchset")),
            "4.json": pretty(bundle("batch-response", bundle("searchset", resource("Patient")))),
        },
        {"Patient": 3},
    ),
    "keys in the order of the alphabet": (
        {
            "a.ndjson": lines(
                {"contained": [resource("Binary", data=LONG)], **resource("DocumentReference")}
            ),
            "b.json": json.dumps(
                bundle("batch", *(resource("Organization", name=LONG) for _ in range(9))), sort_keys=True
            ).encode(),
        },
        {"DocumentReference": 1, "Organization": 9},
    ),
}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def rows(results: Results) -> dict[str, int]:
    return {name: results.arrow(name).num_rows for name in results}


@pytest.mark.parametrize("exporter", FOLDERS)
def test_each_type_is_a_table_with_all_its_resources(tmp_path: Path, exporter: str) -> None:
    files, wanted = FOLDERS[exporter]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOutWarning)
        results = lro.read_results(str(write(tmp_path, files)))
    assert rows(results) == wanted
    assert not len(results.bad_lines)


def test_a_manifest_beside_the_files_is_told_and_read_where_it_is_named(tmp_path: Path) -> None:
    output = [{"type": "Patient", "url": "Patient.ndjson", "count": 1}]
    write(tmp_path, {"Patient.ndjson": of("Patient"), "m.json": pretty({**MANIFEST, "output": output})})
    with pytest.warns(LeftOutWarning, match=r"m.json .a manifest: given that file itself"):
        assert rows(lro.read_results(str(tmp_path))) == {"Patient": 1}
    assert rows(lro.read_results(str(tmp_path / "m.json"))) == {"Patient": 1}


def test_of_several_exports_below_none_is_read_and_the_folders_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {f"job{n}/Patient-1.ndjson": of("Patient") for n in range(1, 11)})
    with pytest.raises(ResultError) as seen:
        lro.read_results(str(tmp_path))
    text = str(seen.value)
    assert text.startswith("several runs are below ")
    assert ": job1, job2, job3, job4, job5 and 5 more. Give the folder of one, such as " in text
    assert text.endswith(f"{tmp_path.name}/job1")
    assert rows(lro.read_results(str(tmp_path / "job1"))) == {"Patient": 1}


def test_documents_in_a_bundle_are_rows_and_other_bundles_are_opened(tmp_path: Path) -> None:
    inner = {"id": "d", **bundle("document", resource("Composition"))}
    write(
        tmp_path, {"a.json": pretty(bundle("collection", inner, bundle("collection", resource("Patient"))))}
    )
    assert rows(lro.read_results(str(tmp_path))) == {"Bundle": 1, "Patient": 1}


@pytest.mark.parametrize(
    ("content", "table"),
    [
        (b"<html><body>503</body></html>", None),
        (of("OperationOutcome"), "OperationOutcome"),
        (b'{"id":"1"}\n', "Condition"),
    ],
)
def test_a_name_is_believed_where_nothing_else_is_in_the_file(
    tmp_path: Path, content: bytes, table: str | None
) -> None:
    write(tmp_path, {"Patient.ndjson": of("Patient"), "Condition.ndjson": content})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        results = lro.read_results(str(tmp_path))
        assert rows(results) == {"Patient": 1} | ({table: 1} if table else {})
    assert [file.rpartition("/")[2] for file in results.skipped["file"]] == (
        [] if table else ["Condition.ndjson"]
    )


@pytest.mark.parametrize(("name", "end"), [("Condition.ndjson", ""), ("run1_history_Condition", "_history")])
def test_resources_behind_a_document_that_is_none_are_in_tables_of_their_own(
    tmp_path: Path, name: str, end: str
) -> None:
    """What says no type is in each."""
    documents = [{"id": "1"}, resource("Group"), resource("Condition"), resource("Group")]
    write(tmp_path, {name: b"\n".join(map(pretty, documents))})
    assert rows(lro.read_results(str(tmp_path))) == {f"Condition{end}": 2, f"Group{end}": 3}
