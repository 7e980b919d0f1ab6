"""What Google's samples for Node send otherwise than those for Python: fields in the query, streams."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.local.discovery import parameters, query_fields
from lro_notebook.local.discovery.document import document
from lro_notebook.local.storage import checksums

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from local.conftest import Program

_LOCATION = "projects/my-project/locations/us-central1"
_V1 = document("v1")
_DEIDENTIFY = _V1.methods["locations.datasets.deidentify"]
_IMPORT = _V1.methods["locations.datasets.fhirStores.import"]
_ROLLBACK = _V1.methods["locations.datasets.fhirStores.rollback"]


@pytest.mark.parametrize(
    ("method", "pairs", "bound"),
    [
        (_DEIDENTIFY, [("destinationDataset", "a/b")], {"destinationDataset": "a/b"}),
        (_DEIDENTIFY, [("destination_dataset", "a/b")], {"destinationDataset": "a/b"}),
        (
            _DEIDENTIFY,
            [("config.dicom.keepList.tags", "A"), ("config.dicom.keep_list.tags", "B")],
            {"config": {"dicom": {"keepList": {"tags": ["A", "B"]}}}},
        ),
        (_IMPORT, [("gcsSource.uri", "gs://b/o")], {"gcsSource": {"uri": "gs://b/o"}}),
        (_ROLLBACK, [("force", "true"), ("type", "Patient")], {"force": True, "type": ["Patient"]}),
    ],
)
def test_fields_of_a_request_message_may_stand_in_the_query(
    method: Any, pairs: list[tuple[str, str]], bound: dict[str, Any]
) -> None:
    read = parameters.read(_V1, method, pairs)
    assert (read.violations, read.bound, read.pairs) == ([], bound, [])


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (_DEIDENTIFY, "destination"),
        (_DEIDENTIFY, "config"),  # a message, not a value
        (_DEIDENTIFY, "config.dicom.none"),
        (_DEIDENTIFY, "destinationDataset.x"),
        (_V1.methods["locations.datasets.create"], "timeZone"),  # the body is the dataset, not all of it
        (_V1.methods["locations.datasets.fhirStores.create"], "fhirStore.version"),
        (_V1.methods["locations.datasets.get"], "timeZone"),
    ],
)
def test_other_names_in_the_query_stay_refused(method: Any, name: str) -> None:
    (violation,) = parameters.read(_V1, method, [(name, "x")]).violations
    assert "Cannot bind query parameter" in violation.description


def test_the_query_joins_the_body_and_may_not_contradict_it() -> None:
    body = {"gcs_source": {"uri": "gs://b/o"}, "type": "A", "contentStructure": None}
    bound = {"gcsSource": {"uri": "gs://b/o"}, "type": ["B"], "contentStructure": "RESOURCE"}
    assert query_fields.join(body, bound) == []
    assert body == {"gcs_source": {"uri": "gs://b/o"}, "type": ["A", "B"], "contentStructure": "RESOURCE"}
    (violation,) = query_fields.join(body, {"gcsSource": {"uri": "gs://b/p"}})
    assert violation.field == "gcs_source.uri"
    assert "conflicting" in violation.description


@pytest.mark.service
def test_a_dataset_is_deidentified_into_the_one_that_the_query_names(service: Program) -> None:
    url = f"{service.endpoint}/v1/{_LOCATION}/datasets"
    created = service.client.post(url, params={"datasetId": "node"}).json()
    assert service.ended(f"{service.endpoint}/v1/{created['name']}")["response"]["name"].endswith("/node")
    destination = f"{_LOCATION}/datasets/node-copy"
    body = {"config": {"dicom": {"keepList": {"tags": ["PatientID"]}}}}
    query = {"destinationDataset": destination}
    started = service.client.post(f"{url}/node:deidentify", params=query, json=body)
    assert started.status_code == 200, started.text
    assert "error" not in service.ended(f"{service.endpoint}/v1/{started.json()['name']}")
    other = {**body, "destinationDataset": f"{destination}-2"}
    refused = service.client.post(f"{url}/node:deidentify", params=query, json=other)
    assert (refused.status_code, "conflicting" in refused.text) == (400, True)
    for name in ("node", "node-copy"):
        assert service.client.delete(f"{url}/{name}").is_success


def _stream(service: Program, name: str, content: bytes, **headers: str) -> httpx.Response:
    """Upload as ``bucket.upload`` does: begun, then sent as a stream; given up if that does not end it."""
    url = f"{service.endpoint}/upload/storage/v1/b/demo-out/o"
    begun = service.client.post(url, params={"name": name, "uploadType": "resumable"}).headers["location"]
    answer = service.client.put(begun, content=content, headers=headers)
    if answer.status_code != 200:
        assert service.client.delete(begun).status_code == 499
    return answer


@pytest.mark.service
@pytest.mark.parametrize("size", ["*", "7"])
def test_a_stream_is_an_upload_whatever_its_size(service: Program, tmp_path: Path, size: str) -> None:
    (tmp_path / "a").write_bytes(b"content")
    hashed = {"x-goog-hash": f"crc32c={checksums.of(tmp_path / 'a').crc32c}"}
    answer = _stream(service, "node/a", b"content", **{"content-range": f"bytes 0-*/{size}", **hashed})
    assert (answer.status_code, answer.json()["size"]) == (200, "7"), answer.text
    assert (service.buckets / "demo-out/node/a").read_bytes() == b"content"


@pytest.mark.service
def test_a_stream_that_breaks_off_goes_on_and_one_with_another_checksum_is_refused(service: Program) -> None:
    short = _stream(service, "node/b", b"cont", **{"content-range": "bytes 0-*/7"})
    assert short.status_code == 308
    md5 = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    other = {"content-range": "bytes 0-*/*", "x-goog-hash": f"md5={md5}"}
    refused = _stream(service, "node/b", b"content", **other)
    assert (refused.status_code, "md5Hash" in refused.text) == (400, True)
    assert not (service.buckets / "demo-out/node/b").exists()


@pytest.mark.service
def test_a_store_is_exported_to_where_an_object_is(service: Program) -> None:
    """The samples for Node import an object, and then export to its address."""
    store = service.store("node-export")
    uri = service.put_lines("demo-out/there.ndjson", ['{"resourceType": "Patient", "id": "a"}'])
    assert service.imported(store, uri)["metadata"]["counter"] == {"success": "1"}
    done = service.ended(service.start_export(store, uri))
    assert (done.get("error"), done["metadata"]["counter"]) == (None, {"success": "1"})
    for pattern in (uri, f"{uri}/*_Patient", "gs://demo-out/there*"):
        assert service.imported(store, pattern)["metadata"]["counter"] == {"success": "1"}, pattern
    assert service.imported(store, "gs://demo-out/there**")["metadata"]["counter"] == {"success": "2"}
