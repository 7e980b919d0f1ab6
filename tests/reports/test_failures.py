"""What failed inside an operation, as Cloud Logging has it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import pytest
from fakes import NAME, Scripted, failed, ok, operation

from lro_notebook import Client, ConfigError
from lro_notebook.errors import ApiError, LroWarning, PartialFailureWarning
from lro_notebook.operations.rest_requests import LocalService
from lro_notebook.reports.failures import FAILURE_DTYPES, failures

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from lro_notebook import Operation

CREATED, ENDED = "2026-03-04T09:00:00Z", "2026-03-04T09:05:00Z"


def ended(count: int) -> Operation:
    """Return an operation at Google that counts so many failures."""
    metadata = {
        "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirService.ImportResources",
        "createTime": CREATED,
        "endTime": ENDED,
        "counter": {"success": "5", "failure": str(count)},
    }
    resource = operation(done=True, metadata=metadata, response={})
    credentials = google.auth.credentials.AnonymousCredentials()
    client = Client("https://api.example.com", credentials=credentials, transport=Scripted(ok(resource)))
    return client.get(NAME)


def entry(number: int, **payload: Any) -> dict[str, Any]:
    error = {"code": 3, "message": f"no {number}"}
    return {"timestamp": f"2026-03-04T09:00:0{number}Z", "jsonPayload": {"error": error, **payload}}


def sent(transport: Scripted) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in transport.requests]


def test_the_entries_of_an_operation_become_rows() -> None:
    first = entry(1, source="gs://b/x:1", resourceId="Patient/1")
    second = entry(2, destination="gs://b/out", resourceName="Patient/2")
    transport = Scripted(ok({"entries": [first], "nextPageToken": "t"}), ok({"entries": [second]}))
    frame = failures(ended(2), transport=transport)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(FAILURE_DTYPES)
    assert list(frame["source"]) == ["gs://b/x:1", "gs://b/out"]
    assert list(frame["resource"]) == ["Patient/1", "Patient/2"]
    assert set(frame["code"]) == {"INVALID_ARGUMENT"}
    assert frame.attrs == {"counted": 2, "complete": True, "joined_by": "operation"}
    assert str(transport.requests[0].url) == "https://logging.googleapis.com/v2/entries:list"
    assert sent(transport)[0]["resourceNames"] == ["projects/p"]
    assert sent(transport)[0]["filter"] == f'operation.id="{NAME}" AND severity>=ERROR'
    assert sent(transport)[1]["pageToken"] == "t"


def test_a_log_that_lacks_failures_says_so() -> None:
    with pytest.warns(LroWarning, match="1 of the 70 failures"):
        frame = failures(ended(70), transport=Scripted(ok({"entries": [entry(1)]})))
    assert not frame.attrs["complete"]


def test_entries_without_the_operation_are_joined_by_method_dataset_and_time() -> None:
    transport = Scripted(ok({}), ok({"entries": [entry(1)]}))
    with pytest.warns(LroWarning, match="same method and dataset"):
        frame = failures(ended(1), transport=transport)
    assert frame.attrs["joined_by"] == "time"
    clauses = sent(transport)[1]["filter"].split(" AND ")
    assert 'operation.producer="healthcare.googleapis.com/ImportResources"' in clauses
    assert 'resource.labels.dataset_id="d"' in clauses
    assert [clause[:11] for clause in clauses[-2:]] == ["timestamp>=", "timestamp<="]


def test_an_operation_without_failures_has_an_empty_frame_with_its_columns() -> None:
    frame = failures(ended(0), transport=Scripted(ok({})))
    assert list(frame.columns) == list(FAILURE_DTYPES)
    assert frame.empty


def test_what_failed_as_a_whole_says_why() -> None:
    resource = operation(done=True, error={"code": 5, "message": "no bucket b"})
    credentials = google.auth.credentials.AnonymousCredentials()
    client = Client("https://api.example.com", credentials=credentials, transport=Scripted(ok(resource)))
    with pytest.warns(LroWarning, match=r"failed: NOT_FOUND \(5\): no bucket b\. It names no units"):
        assert failures(client.get(NAME), transport=Scripted(ok({}))).empty


@pytest.mark.parametrize("payload", [None, 3, {"jsonPayload": 1}, {"jsonPayload": {"error": "x"}}])
def test_odd_entries_are_rows_with_gaps(payload: Any) -> None:
    given = payload if isinstance(payload, dict) else {}
    frame = failures(ended(1), transport=Scripted(ok({"entries": [given]})))
    assert frame.isna().all().all()


def test_what_cloud_logging_refuses_is_raised() -> None:
    answer: httpx.Response = failed(403, "no permission", "PERMISSION_DENIED")
    with pytest.raises(ApiError, match="no permission"):
        failures(ended(1), transport=Scripted(answer))


def test_a_token_for_another_service_is_not_sent_to_cloud_logging() -> None:
    resource = operation(done=True, metadata={"logsUrl": "https://x"})
    client = Client("https://api.example.com", credentials="secret", transport=Scripted(ok(resource)))
    transport = Scripted(ok({}))
    with pytest.raises(ConfigError, match="https://x"):
        failures(client.get(NAME), transport=transport)
    assert transport.requests == []


def ended_elsewhere(told: dict[str, Any]) -> Operation:
    """Return an ended operation of an API that logs nothing; what it says is given."""
    resource = {"name": NAME, "done": True, **told}
    credentials = google.auth.credentials.AnonymousCredentials()
    client = Client("https://api.example.com", credentials=credentials, transport=Scripted(ok(resource)))
    return client.get(NAME)


def test_what_the_operation_tells_itself_needs_no_log() -> None:
    statuses = [
        {"inputGcsSource": "gs://in/a.pdf", "status": {"code": 3, "message": "no PDF"}},
        {"inputGcsSource": "gs://in/b.pdf", "status": {}},
    ]
    operation = ended_elsewhere({"metadata": {"individualProcessStatuses": statuses}, "response": {}})
    transport = Scripted()
    frame = failures(operation, transport=transport)
    assert transport.requests == []
    assert frame.iloc[0].drop("time").tolist()[:1] == ["gs://in/a.pdf"]
    assert (frame["code"][0], frame["message"][0]) == ("INVALID_ARGUMENT", "no PDF")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(FAILURE_DTYPES)
    assert frame.attrs == {"counted": 1, "complete": True, "joined_by": "resource"}
    with pytest.warns(PartialFailureWarning, match=r"1 of its units failed; op\.failures\(\) lists them"):
        operation.wait()


def test_an_operation_that_counts_no_failures_and_logs_none_asks_nobody() -> None:
    transport = Scripted()
    frame = failures(ended_elsewhere({"metadata": {}, "response": {"x": 1}}), transport=transport)
    assert (list(frame.columns), len(frame), transport.requests) == (list(FAILURE_DTYPES), 0, [])


def test_fewer_failures_than_are_counted_are_said_to_be_some() -> None:
    response = {"errorSamples": [{"code": 3, "message": "no title"}]}
    operation = ended_elsewhere(
        {"metadata": {"failureCount": "7", "successCount": "1"}, "response": response}
    )
    with pytest.warns(LroWarning, match="tells 1 of the 7 failures"):
        assert not failures(operation).attrs["complete"]


def test_the_warning_names_no_list_where_there_is_none() -> None:
    operation = ended_elsewhere({"metadata": {"failureCount": "7", "successCount": "1"}, "response": {}})
    with pytest.warns(PartialFailureWarning, match="7 of its units failed; it does not say which"):
        operation.wait()


def test_the_error_files_that_it_names_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "err"
    folder.mkdir(parents=True)
    first = {"code": 3, "message": "title is required", "details": [{"resourceName": "gs://in/p.json:3"}]}
    second = {"code": 5, "message": "no such category"}
    (folder / "errors-0").write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    (folder / "errors-1.jsonl").write_text("no JSON\n")
    told = {"errorSamples": [first], "errorsConfig": {"gcsPrefix": "gs://out/err/errors"}}
    resource = {"name": NAME, "done": True, "response": told}
    local = LocalService(tmp_path, tmp_path)
    client = Client("https://api.example.com", credentials="t", local=local, transport=Scripted(ok(resource)))
    with pytest.warns(LroWarning, match="bad lines in errors: 1, "):
        frame = failures(client.get(NAME))
    assert list(frame["code"]) == ["INVALID_ARGUMENT", "NOT_FOUND"]
    assert list(frame["message"]) == ["title is required", "no such category"]
    assert frame["resource"][0] == "gs://in/p.json:3"


def test_error_files_that_are_not_there_or_cannot_be_read_cost_nothing_else(tmp_path: Path) -> None:
    told = {"errorSamples": [{"code": 3, "message": "bad"}], "errorsConfig": {"gcsPrefix": "gs://out/err"}}
    for uri, said in (("gs://out/err", None), ("gs://../x", "are not listed here")):
        told["errorsConfig"] = {"gcsPrefix": uri}
        resource = {"name": NAME, "done": True, "response": told}
        local = LocalService(tmp_path, tmp_path)
        client = Client(
            "https://api.example.com", credentials="t", local=local, transport=Scripted(ok(resource))
        )
        with pytest.warns(LroWarning, match=said) if said else nullcontext():
            assert len(failures(client.get(NAME))) == 1


GOOGLES_WORDS = (
    "an error occurred while reading the record starting at byte 720: no bundle is found; if you intend to "
    "import individual resources, make sure you specify the appropriate ContentStructure in the request"
)


def test_an_import_in_another_content_structure_is_called_that() -> None:
    logged = entry(1)
    logged["jsonPayload"]["error"]["message"] = GOOGLES_WORDS
    with pytest.warns(LroWarning, match=r"1 of the failures .* another content_structure .*RESOURCE_PRETTY"):
        frame = failures(ended(1), transport=Scripted(ok({"entries": [logged]})))
    assert frame["message"].tolist() == [GOOGLES_WORDS]


def imported(counter: dict[str, str], **end: Any) -> Operation:
    metadata = {
        "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirService.ImportResources",
        "counter": counter,
    }
    resource = operation(done=True, metadata=metadata, **end)
    return Client("https://api.example.com", transport=Scripted(ok(resource))).get(NAME)


def test_an_import_that_could_read_nothing_asks_for_its_content_structure() -> None:
    error = {"code": 3, "message": "invalid_argument: importing one or more resources failed."}
    failed = imported({"failure": "7"}, error=error).exception()
    assert "BUNDLE_PRETTY and RESOURCE_PRETTY" in str(failed)
    assert "content_structure" not in str(imported({"success": "9", "failure": "7"}, error=error).exception())
    with pytest.warns(PartialFailureWarning, match="another content_structure"):
        imported({"failure": "7"}, response={}).wait()
