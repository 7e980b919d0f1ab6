"""From an operation to its output, wherever that is: files, listed files, a store, the response alone."""

from __future__ import annotations

import base64
import json
import os
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from fakes import Answer, Scripted, failed, ok, operation

from lro_notebook.errors import ConfigError, LeftOutWarning, LroWarning, ResultError
from lro_notebook.operations.client import Client
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from lro_notebook.operations.operation import Operation

DATASET = "projects/p/locations/l/datasets/d"
SPAN = {"createTime": "2026-01-01T10:00:00Z", "endTime": "2026-01-01T10:05:00Z"}
DURING = datetime(2026, 1, 1, 10, 3, tzinfo=UTC)
MESSAGE = "MSH|^~\\&|LAB\rPID|1||7"


def ended(
    method: str,
    destination: str | None,
    *then: Answer,
    response: dict[str, Any] | None = None,
) -> Operation:
    """Return an operation of `method` that this machine started and that has ended."""
    done = operation(done=True, name=f"{DATASET}/operations/77", response=response or {}, metadata=SPAN)
    client = Client("https://example.com", credentials="t", transport=Scripted(ok(done), *then))
    kind, verb = method.split(".")
    path = f"{DATASET}/{kind}/s:{verb}"
    return client.start("POST", path, {}, title=method, destination=destination, show=False)


def put(path: Path, text: str, when: datetime = DURING) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (when.timestamp(), when.timestamp()))


def message(number: int) -> str:
    return json.dumps({"name": f"m/{number}", "data": base64.b64encode(MESSAGE.encode()).decode()}) + "\n"


def test_files_without_an_id_are_its_own_if_they_were_written_while_it_ran(tmp_path: Path) -> None:
    put(tmp_path / "a-0-of-2", message(1))
    put(tmp_path / "a-1-of-2", message(2))
    put(tmp_path / "older", message(3), DURING - timedelta(hours=1))
    put(tmp_path / "later", message(4), DURING + timedelta(hours=1))
    results = ended("hl7V2Stores.export", f"file://{tmp_path}").load()
    assert results["messages"]["message"].tolist() == ["1", "2"]
    assert results["PID"]["PID.3"].tolist() == ["7", "7"]
    nothing = ended("hl7V2Stores.export", f"file://{tmp_path}")
    put(tmp_path / "a-0-of-2", message(1), DURING + timedelta(days=1))
    put(tmp_path / "a-1-of-2", message(1), DURING + timedelta(days=1))
    with pytest.raises(ResultError, match="operation 77 left no results"):
        nothing.load()


def test_files_that_name_the_operation_win_whenever_they_were_written(tmp_path: Path) -> None:
    put(tmp_path / "1234567890123456_messages-0-of-1", message(5))
    put(tmp_path / "other", message(6))
    results = read(tmp_path, operation="1234567890123456")
    assert results["messages"].attrs["operation"] == "1234567890123456"
    assert results["messages"]["message"].tolist() == ["5"]
    with pytest.raises(ConfigError, match='operation="1234567890123456"'):
        read(tmp_path)


def test_an_export_finds_its_own_kind_beside_others(tmp_path: Path) -> None:
    put(tmp_path / "1_Patient", '{"id":"p"}\n')
    dicom = json.dumps({"00080018": {"vr": "UI", "Value": ["1.2"]}})
    put(tmp_path / "study" / "series" / "metadata.json", dicom)
    results = ended("dicomStores.export", f"file://{tmp_path}").load()
    assert results["instances"]["SOPInstanceUID"].tolist() == ["1.2"]
    with pytest.warns(LeftOutWarning, match="study"):
        assert list(read(tmp_path)) == ["Patient"]


def test_a_consent_query_loads_the_files_that_its_response_names(tmp_path: Path) -> None:
    put(tmp_path / "77_data_ids-0-of-2", "a/1\nb 2\n\n")
    put(tmp_path / "77_data_ids-1-of-2", '"c"')
    uris = [f"file://{path}" for path in sorted(tmp_path.glob("77_*"))]
    place = f"file://{tmp_path}"
    results = ended("consentStores.queryAccessibleData", place, response={"gcsUris": uris}).load()
    assert list(results) == ["data_ids"]
    assert results["data_ids"]["data_id"].tolist() == ["a/1", "b 2", "c"]
    assert results["data_ids"].attrs["files"] == uris
    empty = ended("consentStores.queryAccessibleData", "gs://b/x", response={"gcsUris": []}).load()
    assert list(empty) == []
    gone = ended("consentStores.queryAccessibleData", place, response={"gcsUris": [f"file://{tmp_path}/no"]})
    with pytest.raises(ResultError, match="no cannot be read: FileNotFoundError"):
        gone.load()


def manifest(folder: Path) -> dict[str, Any]:
    put(folder / "77_Patient.ndjson", '{"id":"p","name":"x"}\n')
    put(folder / "other_Patient.ndjson", '{"id":"q"}\n')
    put(folder / "77_Claim.ndjson", '{"id":"c"}\n')
    output = [{"type": kind, "url": f"file://{folder}/77_{kind}.ndjson"} for kind in ("Patient", "Claim")]
    return {"transactionTime": "2026-01-01T00:00:00Z", "request": "r", "output": output, "error": []}


def test_a_bulk_export_loads_what_its_manifest_lists(tmp_path: Path) -> None:
    done = ended("fhirStores.bulkExport", f"file://{tmp_path}", response=manifest(tmp_path))
    results = done.load(columns={"Patient": ["id"]})
    assert list(results) == ["Patient", "Claim"]
    assert results["Patient"].to_dict("list") == {"id": ["p"]}
    assert list(done.load(tables="Claim")) == ["Claim"]
    with pytest.raises(ResultError, match="no table Nope in the manifest; there are Claim, Patient"):
        done.load(tables=["Nope"])


def test_a_manifest_that_was_kept_is_read_as_the_export(tmp_path: Path) -> None:
    put(tmp_path / "manifest.json", json.dumps(manifest(tmp_path / "out"), indent=1))
    results = read(tmp_path / "manifest.json")
    assert results["Patient"]["id"].tolist() == ["p"]


def test_a_rollback_lists_the_resources(tmp_path: Path) -> None:
    put(tmp_path / "rollback_resources" / "77" / "list.txt", "Patient/1\nObservation/o-2\nodd\n")
    frame = read(tmp_path / "rollback_resources" / "77")["resource_ids"]
    assert frame["id"].fillna("-").tolist() == ["1", "o-2", "-"]
    assert frame["resourceType"].dropna().tolist() == ["Patient", "Observation"]
    assert frame["resource"].tolist() == ["Patient/1", "Observation/o-2", "odd"]


def test_a_fhir_import_reads_the_store_by_search() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def page(body: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
        def answer(request: httpx.Request) -> httpx.Response:
            asked.append((request.url.path, dict(parse_qsl(request.url.query.decode()))))
            return ok(body)

        return answer

    metrics = {
        "metrics": [
            {"resourceType": "Patient", "count": "3", "structuredStorageSizeBytes": "99"},
            {"resourceType": "Claim"},
        ]
    }
    link = [{"relation": "next", "url": "https://elsewhere/x?_page_token=t2&_count=2"}]
    first = {"entry": [{"resource": {"id": "a"}}, {"resource": {"id": "b"}}], "link": link}
    second = {"entry": [{"resource": {"id": "c", "name": [{"family": "F"}]}}]}
    results = ended(
        "fhirStores.import", f"{DATASET}/fhirStores/s", page(metrics), page(first), page(second)
    ).load()
    assert list(results) == ["Patient"]  # not the response, which is empty
    assert results["Patient"]["id"].tolist() == ["a", "b", "c"]
    assert results["Patient"]["name.family"].dropna().tolist() == ["F"]
    store = f"/v1/{DATASET}/fhirStores/s"
    assert [path for path, _ in asked] == [f"{store}:getFHIRStoreMetrics", *[f"{store}/fhir/Patient"] * 2]
    assert asked[2][1] == {"_page_token": "t2", "_count": "2"}
    assert results.summary["bytes"].tolist() == [99]


def test_an_hl7v2_import_reads_the_store_by_listing() -> None:
    pages = [
        ok({"hl7V2Messages": [json.loads(message(1)), {"other": 1}], "nextPageToken": "t"}),
        ok({"hl7V2Messages": [json.loads(message(2))]}),
    ]
    results = ended("hl7V2Stores.import", f"{DATASET}/hl7V2Stores/s", *pages).load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        assert results["PID"]["message"].tolist() == ["1", "2"]
    assert results.bad_lines["line"].tolist() == [2]


@pytest.mark.parametrize(
    ("method", "destination", "then"),
    [
        ("fhirStores.import", f"{DATASET}/fhirStores/s", [failed(501, name="UNIMPLEMENTED")]),
        ("dicomStores.import", f"{DATASET}/dicomStores/s", []),
        ("datasets.deidentify", "projects/p/locations/l/datasets/e", []),
    ],
)
def test_a_store_that_cannot_be_read_says_what_to_do(
    method: str, destination: str, then: list[httpx.Response]
) -> None:
    results = ended(method, destination, *then, response={"name": "n"}).load()
    assert results["response"].to_dict("records") == [{"name": "n"}]
    with pytest.raises(KeyError, match=f"the operation wrote into {destination}: export that"):
        results["Patient"]


def test_an_operation_that_leaves_nothing_to_read_gives_its_response() -> None:
    done = ended("fhirStores.applyConsents", None, response={"affectedResources": "7"})
    assert done.load()["response"]["affectedResources"].tolist() == ["7"]
