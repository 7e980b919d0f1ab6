"""DICOM stores over HTTP: import, DICOMweb, export, deletion, patches, de-identification, their lives."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from local.dicom.images import (
    CT,
    FOLDER,
    NAMES,
    count,
    filled,
    make,
    put,
    series_of,
    start_web,
    study_of,
    take,
    value,
    web,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import DATASET, Program
else:
    from local.conftest import DATASET

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
pytestmark = pytest.mark.service


def test_real_files_are_imported_and_the_others_are_failures(service: Program) -> None:
    store = make(service, "mixed")
    uri = put(service, "mixed", *NAMES, "no_meta.dcm")
    folder = service.buckets / "demo-out" / "mixed"
    (folder / "empty.dcm").touch()
    (folder / "notes.txt").write_text("SECRET")
    operation = service.start(f"{store}:import", {"gcsSource": {"uri": uri}})
    done = service.ended(operation)
    assert done["metadata"]["counter"] == {"success": "3", "failure": "3"}
    assert (
        done["metadata"]["apiMethodName"] == "google.cloud.healthcare.v1.dicom.DicomService.ImportDicomData"
    )
    assert done["response"] == {
        "@type": "type.googleapis.com/google.cloud.healthcare.v1.dicom.ImportDicomDataResponse"
    }
    failures = service.client.get(f"{operation}:failures").json()["failures"]
    assert [(item["source"].rpartition("/")[2], item["code"]) for item in failures] == [
        ("empty.dcm", 3),
        ("no_meta.dcm", 3),
        ("notes.txt", 3),
    ]
    assert failures[0]["message"] == "empty DICOM instance found"
    assert "SECRET" not in str(failures)
    again = take(service, store, f"gs://demo-out/mixed/{NAMES[0]}")
    assert again["metadata"]["counter"] == {"success": "1"}  # the same again changes nothing
    content = CT.read_bytes()
    ends = {"a.dcm": b"\x01", "b.dcm": content[-1:], "new/a.dcm": b"\x01", "new/b.dcm": b"\x02"}
    for name, last in ends.items():
        path = service.buckets / "demo-out" / "differs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[:-1] + last)
    differs = take(service, store, "gs://demo-out/differs/*.dcm")
    assert differs["metadata"]["counter"] == {"success": "1", "failure": "1"}
    (failure,) = service.client.get(f"{service.endpoint}/v1/{differs['name']}:failures").json()["failures"]
    assert (failure["source"].rpartition("/")[2], failure["code"]) == ("a.dcm", 6)
    one_of_two = take(service, make(service, "differs"), "gs://demo-out/differs/new/*.dcm")
    assert one_of_two["metadata"]["counter"] == {"success": "1", "failure": "1"}
    assert count(service, store) == 3


def test_an_export_writes_a_folder_for_each_study_and_series(service: Program) -> None:
    store = filled(service, "export")
    done = service.ended(service.start_export(store, "gs://demo-out/dicom-1"))
    assert done["metadata"]["counter"] == {"success": "3"}
    assert done["response"]["@type"].endswith("v1.dicom.ExportDicomDataResponse")
    file = pydicom.dcmread(CT)
    path = service.buckets / "demo-out" / "dicom-1" / file.StudyInstanceUID / file.SeriesInstanceUID
    assert (path / f"{file.SOPInstanceUID}.dcm").read_bytes() == CT.read_bytes()
    assert len(list((service.buckets / "demo-out" / "dicom-1").rglob("*.dcm"))) == 3


def test_an_export_of_chosen_parts_in_another_encoding(service: Program) -> None:
    store = filled(service, "chosen", *NAMES, "JPEG2000.dcm")
    uri = service.put_lines(
        "demo-out/filter.txt", [f"/studies/{study_of()}", "", f"/studies/{study_of(FOLDER / 'JPEG2000.dcm')}"]
    )
    syntax = "1.2.840.10008.1.2"
    body = {
        "gcsDestination": {
            "uriPrefix": "gs://demo-out/dicom-2",
            "mimeType": f"application/dicom; transfer-syntax={syntax}",
        },
        "filterConfig": {"resourcePathsGcsUri": uri},
    }
    operation = service.start(f"{store}:export", body)
    counter = service.ended(operation)["metadata"]["counter"]
    paths = list((service.buckets / "demo-out" / "dicom-2").rglob("*.dcm"))
    assert counter["success"] == str(len(paths))
    assert counter["failure"] == "1"
    assert {str(pydicom.dcmread(path).file_meta.TransferSyntaxUID) for path in paths} == {syntax}
    (failure,) = service.client.get(f"{operation}:failures").json()["failures"]
    assert "compressed" in failure["message"]
    assert f"{store}/dicomWeb/studies/" in failure["resource"]
    body["filterConfig"] = {"resourcePathsGcsUri": service.put_lines("demo-out/bad.txt", ["/series/1"])}
    assert service.ended(service.start(f"{store}:export", body))["error"]["code"] == 3
    table: dict[str, Any] = {"bigqueryDestination": {}}
    absent: list[dict[str, Any]] = [
        {"gcsDestination": {"uriPrefix": "gs://demo-out/x", "mimeType": f"{kind}; transfer-syntax={syntax}"}}
        for kind, syntax in (
            ("application/dicom", "1.2.840.10008.1.2.4.50"),
            ("application/octet-stream", "*"),
            ("image/jpeg", "1.2.840.10008.1.2.4.90"),
            ("image/png", "1.2.840.10008.1.2.1"),
        )
    ]
    for body in (*absent, table):
        assert service.client.post(f"{store}:export", json=body).status_code == 501


def test_studies_and_series_are_deleted_by_operations(service: Program) -> None:
    store = filled(service, "delete")
    study = f"{store}/dicomWeb/studies/{study_of()}"
    done = service.ended(start_web(service, "DELETE", study))
    assert done["metadata"]["counter"] == {"success": "1"}
    assert done["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    assert service.client.delete(study).status_code == 404
    file = pydicom.dcmread(FOLDER / "MR_small.dcm")
    series = f"{store}/dicomWeb/studies/{file.StudyInstanceUID}/series/{file.SeriesInstanceUID}"
    assert "error" not in service.ended(start_web(service, "DELETE", series))
    assert count(service, store) == 1


def test_storage_classes_are_noted(service: Program) -> None:
    store = filled(service, "classes")
    body = {"blobStorageSettings": {"blobStorageClass": "COLDLINE"}}
    done = service.ended(service.start(f"{store}:setBlobStorageSettings", body))
    assert done["metadata"]["counter"] == {"success": "3"}
    assert done["metadata"]["apiMethodName"].endswith("StorageInfoService.SetBlobStorageSettings")
    assert done["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
    body["blobStorageSettings"]["blobStorageClass"] = "ARCHIVE"
    study = f"{store}/dicomWeb/studies/{study_of()}"
    assert service.ended(service.start(f"{study}:setBlobStorageSettings", body))["metadata"]["counter"] == {
        "success": "1"
    }
    classes = []
    for item in web(service, f"{store}/dicomWeb/instances"):
        uids = [value(item, tag) for tag in ("0020000D", "0020000E", "00080018")]
        path = "studies/{}/series/{}/instances/{}".format(*uids)
        info = service.client.get(f"{store}/dicomWeb/{path}:getStorageInfo").json()
        classes.append(info["blobStorageInfo"]["storageClass"])
    assert sorted(classes) == ["ARCHIVE", "COLDLINE", "COLDLINE"]
    assert service.client.post(f"{store}:setBlobStorageSettings", json={}).status_code == 400


def test_a_store_is_deidentified_into_another(service: Program) -> None:
    store = filled(service, "names", *NAMES, "MR_small_RLE.dcm")
    make(service, "anonymous")
    body = {"destinationStore": f"{DATASET}/dicomStores/anonymous", "config": {}}
    done = service.ended(service.start(f"{store}:deidentify", body))
    assert done["metadata"]["counter"] == {"success": str(count(service, store))}
    assert done["response"]["@type"].endswith("v1.deidentify.DeidentifyDicomStoreSummary")
    for item in web(service, "dicomStores/anonymous/dicomWeb/instances", includefield="all"):
        assert "Value" not in item["00100010"]
        assert re.fullmatch(r"2\.25\.\d+", value(item, "0020000D"))
    uri = service.put_lines("demo-out/config.json", ['{"dicom": {"skipIdRedaction": true}}'])
    make(service, "same")
    body = {"destinationStore": f"{DATASET}/dicomStores/same", "gcsConfigUri": uri}
    assert "error" not in service.ended(service.start(f"{store}:deidentify", body))
    assert web(service, "dicomStores/same/dicomWeb/studies") == web(service, f"{store}/dicomWeb/studies")
    for bad in (
        {"destinationStore": "same"},
        {"destinationStore": f"{DATASET}/{store}"},
        {"destinationStore": "projects/p/locations/l/datasets/d/dicomStores/s"},
        {**body, "config": {}},
    ):
        assert service.client.post(f"{store}:deidentify", json=bad).status_code == 400
    for text in ("{", "[]"):
        unreadable = {**body, "gcsConfigUri": service.put_lines("demo-out/unreadable.json", [text])}
        answer = service.client.post(f"{store}:deidentify", json=unreadable)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("gcsConfigUri: the object")
    missing = {"destinationStore": f"{DATASET}/dicomStores/nowhere"}
    assert service.client.post(f"{store}:deidentify", json=missing).status_code == 404


def test_the_dicom_stores_of_a_dataset_are_deidentified_with_it(launch: Callable[..., Program]) -> None:
    program = launch()
    store, target = filled(program, "s"), f"{DATASET}-safe"
    address = f"{program.endpoint}/v1/{DATASET}:deidentify"
    body: dict[str, Any] = {"destinationDataset": target, "config": {}}
    pixels = {**body, "config": {"image": {"textRedactionMode": "REDACT_ALL_TEXT"}}}
    assert program.client.post(address, json=pixels).status_code == 501
    started = program.client.post(address, json=body).json()["name"]
    done = program.ended(started.removeprefix(f"{DATASET}/"))
    assert done["metadata"]["counter"] == {"success": str(count(program, store))}
    copies = f"{program.endpoint}/v1/{target}/{store}/dicomWeb/instances"
    found = web(program, copies, includefield="all")
    assert len(found) == count(program, store) > 0
    assert not any("Value" in item["00100010"] for item in found)


@pytest.mark.parametrize("verb", ["import", "export", "deidentify"])
def test_an_operation_that_is_killed_has_done_what_it_has_counted(
    launch: Callable[..., Program], verb: str
) -> None:
    program = launch()
    series_of(60, program.buckets / "demo-out" / "in")
    store, other = make(program, "s"), make(program, "t")
    if verb != "import":
        take(program, store, "gs://demo-out/in/**")
    program.pace(20)
    body: dict[str, dict[str, Any]] = {
        "import": {"gcsSource": {"uri": "gs://demo-out/in/**"}},
        "export": {"gcsDestination": {"uriPrefix": "gs://demo-out/out"}},
        "deidentify": {"destinationStore": f"{DATASET}/{other}", "config": {}},
    }
    operation = program.start(f"{store}:{verb}", body[verb])
    program.until(operation, lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 5)
    program.kill()
    again = launch()
    aborted = again.operation(operation)
    assert aborted["error"]["code"] == 10
    done = int(aborted["metadata"]["counter"]["success"])
    assert 5 < done < 60
    if verb == "export":
        paths = list((again.buckets / "demo-out" / "out").rglob("*.dcm"))
        assert len(paths) in (done, done + 1)  # a file is in its place just before it is counted
        assert {pydicom.dcmread(path).PatientID for path in paths} == {"1CT1"}
        assert list((again.buckets / ".partial").iterdir()) == []
    else:
        assert count(again, store if verb == "import" else other) == done


@pytest.mark.parametrize("verb", ["delete", "patch", "class"])
def test_a_change_that_is_killed_has_changed_what_it_has_counted(
    launch: Callable[..., Program], verb: str
) -> None:
    program = launch()
    series_of(40, program.buckets / "demo-out" / "in")
    store = make(program, "s")
    take(program, store, "gs://demo-out/in/**")
    program.pace(20)
    study = f"{store}/dicomWeb/studies/{study_of()}"
    if verb == "delete":
        operation = start_web(program, "DELETE", study)
    elif verb == "patch":
        patch = [{"op": "replace", "path": "/00100020/Value/0", "value": "new"}]
        operation = start_web(program, "PATCH", f"{study}/metadata", patch)
    else:
        body = {"blobStorageSettings": {"blobStorageClass": "ARCHIVE"}}
        operation = program.start(f"{study}:setBlobStorageSettings", body)
    program.until(operation, lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 5)
    program.kill()
    again = launch()
    aborted = again.operation(operation)
    assert aborted["error"]["code"] == 10
    done = int(aborted["metadata"]["counter"]["success"])
    assert 5 < done < 40
    if verb == "delete":
        assert count(again, store) == 40 - done
    elif verb == "patch":
        assert len(web(again, f"{store}/dicomWeb/instances", PatientID="new")) == done
    else:
        names = [
            f"{study}/series/{value(item, '0020000E')}/instances/{value(item, '00080018')}"
            for item in web(again, f"{store}/dicomWeb/instances")
        ]
        classes = [again.client.get(f"{name}:getStorageInfo").json()["blobStorageInfo"] for name in names]
        assert [item["storageClass"] for item in classes].count("ARCHIVE") == done


def test_a_deletion_that_is_cancelled_has_deleted_what_it_has_counted(launch: Callable[..., Program]) -> None:
    program = launch()
    series_of(60, program.buckets / "demo-out" / "in")
    store = make(program, "s")
    take(program, store, "gs://demo-out/in/**")
    program.pace(20)
    operation = start_web(program, "DELETE", f"{store}/dicomWeb/studies/{study_of()}")
    program.until(operation, lambda found: int(found["metadata"].get("counter", {}).get("success", 0)) > 5)
    program.client.post(f"{operation}:cancel", json={}).raise_for_status()
    ended = program.ended(operation)
    assert (ended["error"]["code"], ended["metadata"]["cancelRequested"]) == (1, True)
    assert count(program, store) == 60 - int(ended["metadata"]["counter"]["success"])
    assert program.end() == (0, "")


def test_a_file_comes_back_as_it_went_in(service: Program) -> None:
    store = filled(service, "bytes", "rtplan.dcm")
    service.ended(service.start_export(store, "gs://demo-out/bytes-out"))
    (path,) = (service.buckets / "demo-out" / "bytes-out").rglob("*.dcm")
    assert pydicom.dcmread(BytesIO(path.read_bytes())) == pydicom.dcmread(FOLDER / "rtplan.dcm")
