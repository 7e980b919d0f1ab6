from __future__ import annotations

import httpx
import pytest
from fakes import NAME, Scripted, failed, ok, operation

import lro_notebook as lro
from lro_notebook.operations.journal import Journal

HOST = "https://api.example.com"
PATH = "projects/p/locations/l/datasets/d/fhirStores/s:import"
DONE = operation(done=True, response={})


def client_on(*answers: httpx.Response | Exception) -> tuple[lro.Client, Scripted]:
    transport = Scripted(*answers)
    return lro.Client(HOST, transport=transport), transport


def test_start_returns_a_followed_handle_and_journals_it() -> None:
    client, transport = client_on(ok(operation()), ok(DONE))
    with client:
        op = client.start("POST", PATH, {"secret": "body"}, source="gs://b/in")
        assert op.wait(10).state == "SUCCEEDED"
        assert transport.sent[:2] == [f"POST /v1/{PATH}", f"GET /v1/{NAME}"]
    [row] = Journal().all()
    assert (row.name, row.method, row.source, row.state) == (NAME, "import", "gs://b/in", "SUCCEEDED")
    assert row.target == "projects/p/locations/l/datasets/d/fhirStores/s"
    assert b"secret" not in Journal().path.read_bytes()


def test_an_operation_is_polled_with_the_version_that_started_it() -> None:
    client, transport = client_on(ok(operation()), ok(DONE))
    with client:
        client.start("POST", f"v1beta1/{PATH}").wait(10)
    assert transport.sent[1] == f"GET /v1beta1/{NAME}"


def test_the_intent_is_written_before_the_request_is_sent() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            seen.extend(row.state for row in Journal().all())
        return ok(DONE)

    with lro.Client(HOST, transport=httpx.MockTransport(answer)) as client:
        client.start("POST", PATH)
    assert seen == ["UNKNOWN"]


def test_a_refused_start_raises_and_leaves_no_trace() -> None:
    client, transport = client_on(failed(400, "bad uri"))
    with client, pytest.raises(lro.ApiError, match="bad uri"):
        client.start("POST", PATH)
    assert Journal().all() == []
    assert len(transport.requests) == 1


def test_a_lost_answer_lists_the_candidates_and_adopts_none() -> None:
    since = operation(name=f"{NAME}7", metadata={"createTime": "2999-01-01T00:00:00Z"})
    before = operation(metadata={"createTime": "2001-01-01T00:00:00Z"})
    client, transport = client_on(httpx.ReadTimeout("x"), ok({"operations": [since, before]}))
    with client, pytest.raises(lro.StartUnknown, match="It was not sent again") as caught:
        client.start("POST", PATH)
    assert caught.value.candidates == (f"{NAME}7",)
    assert transport.sent == [f"POST /v1/{PATH}", "GET /v1/projects/p/locations/l/datasets/d/operations"]
    assert [row.state for row in Journal().all()] == ["UNKNOWN"]


def test_a_lost_answer_where_nothing_can_be_listed_says_so() -> None:
    client, _ = client_on(failed(502), failed(404))
    with client, pytest.raises(lro.StartUnknown, match="cannot be listed") as caught:
        client.start("POST", PATH)
    assert caught.value.candidates == ()


def test_an_answer_that_is_no_operation_is_an_unknown_start() -> None:
    client, _ = client_on(ok({"id": 1}))
    with client, pytest.raises(lro.StartUnknown, match="no operation"):
        client.start("POST", PATH)


def test_get_gives_the_same_handle_brought_up_to_date() -> None:
    client, _ = client_on(ok(operation(metadata={"counter": {"success": "1"}})), ok(DONE))
    with client:
        first = client.get(NAME)
        assert first.resource.done is False
        assert client.get(NAME) is first
        assert first.resource.done is True


def test_a_handle_got_by_name_knows_what_was_asked_for() -> None:
    client, _ = client_on(ok(operation()), ok(operation()))
    with client:
        client.start("POST", PATH, destination="gs://b/out")
    again, _ = client_on(ok(DONE))
    with again:
        assert again.get(NAME).destination == "gs://b/out"


def test_an_unknown_operation_is_an_error_that_names_the_list_call() -> None:
    client, _ = client_on(failed(404, "operation 1 not found"))
    with client, pytest.raises(lro.ApiError, match=r"client\.list\('projects/p/locations/l/datasets/d'\)"):
        client.get(NAME)


def test_list_reads_every_page() -> None:
    pages = [
        ok({"operations": [operation(name="operations/1")], "nextPageToken": "t"}),
        ok({"operations": [operation(name="operations/2")]}),
        ok({}),
    ]
    client, transport = client_on(*pages)
    with client:
        assert [op.id for op in client.list("projects/p", filter="done=true", page_size=1)] == ["1", "2"]
        assert list(client.list("")) == []
    assert dict(transport.requests[1].url.params) == {
        "filter": "done=true",
        "pageSize": "1",
        "pageToken": "t",
    }
    assert transport.sent[2] == "GET /v1/operations"


def test_cancel_and_delete() -> None:
    client, transport = client_on(ok(operation()), ok({}), ok(DONE))
    with client:
        assert client.cancel(NAME) is True
        client.delete(NAME)
    assert f"POST /v1/{NAME}:cancel" in transport.sent
    assert f"DELETE /v1/{NAME}" in transport.sent


def test_closing_lets_go_of_who_waits() -> None:
    client, _ = client_on(ok(operation()))
    op = client.start("POST", PATH)
    client.close()
    with pytest.raises(lro.LroError, match="this client was closed"):
        op.result(10)
    assert client.closed


def test_load_without_a_table_gives_the_response() -> None:
    client, _ = client_on(
        ok(operation(done=True, response={"places": ["gs://b/1", "gs://b/2"], "total": "2"}))
    )
    with client:
        results = client.get(NAME).load()
    assert list(results) == ["response"]
    assert "gs://b/1" in results["response"].to_string()


def test_load_of_an_export_that_this_machine_did_not_start_asks_for_the_place() -> None:
    metadata = {"apiMethodName": "google.cloud.healthcare.v1.fhir.FhirService.ExportResources"}
    client, _ = client_on(ok(operation(done=True, metadata=metadata, response={})))
    with client, pytest.raises(lro.ConfigError, match="Give the place"):
        client.get(NAME).load()


def test_failures_of_another_service_point_to_its_log() -> None:
    metadata = {"logsUrl": "https://console.cloud.google.com/logs/query/x"}
    client, _ = client_on(ok(operation(done=True, metadata=metadata)))
    with client, pytest.raises(lro.ConfigError, match=r"console\.cloud\.google\.com"):
        client.get(NAME).failures()


def test_a_token_goes_to_googles_storage_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from lro_notebook.results import load_operation

    class Owner:
        token = "t"  # noqa: S105 - no real one

        def before_request(self, *_: object) -> None: ...

    seen: dict[str, object] = {}
    monkeypatch.setattr(
        load_operation, "read", lambda uri, **options: seen.update({uri: options.get("storage_options")})
    )
    with lro.Client(HOST, credentials=Owner()) as client:
        for uri in ("gs://b/x", "s3://b/x", "/tmp/x"):  # noqa: S108 - read by nobody
            load_operation.read_for(client, uri, storage_options=None)
    assert list(seen) == ["gs://b/x", "s3://b/x", "/tmp/x"]  # noqa: S108
    assert isinstance(seen["gs://b/x"], dict)
    assert set(seen["gs://b/x"]) == {"token"}
    assert seen["s3://b/x"] is None
    assert seen["/tmp/x"] is None  # noqa: S108


def test_reprs_hold_no_token() -> None:
    assert "secret-token" not in repr(lro.Client(HOST, credentials="secret-token"))
