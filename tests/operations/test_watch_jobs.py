"""`lro.watch` on jobs, and with clients of other libraries: real BigQuery, api_core, googleapiclient."""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from fakes import Scripted, failed, ok
from google.api_core import exceptions
from google.api_core.extended_operation import ExtendedOperation
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.longrunning import operations_pb2
from google.oauth2.credentials import Credentials
from google.protobuf import empty_pb2
from googleapiclient.discovery import build
from job_bodies import BIGQUERY, BUILD, COMPUTE, DATAPROC, GKE, RUN, VERTEX

import lro_notebook as lro
from lro_notebook.operations.adapters import journaling
from lro_notebook.operations.journal import COLUMNS, Journal, StartRecord, default_path
from lro_notebook.operations.rest_requests import LocalService

HOST, LINK = "https://api.example.com", "projects/p/zones/z/operations/operation-1"
SPEECH = "6780123456789012345"
Json = dict[str, Any]


pytestmark = pytest.mark.usefixtures("no_other_clients")


class Requests:
    """The connection of a BigQuery client: jobs in turn, the last one again and again."""

    API_BASE_URL = "https://bigquery.googleapis.com"

    def __init__(self, *answers: Json) -> None:
        self.answers, self.sent = list(answers), list[str]()

    def api_request(self, *, method: str, path: str, **_: Any) -> Json:
        self.sent.append(f"{method} {path}")
        if path.endswith("/cancel"):
            return {"job": self.answers[0]}
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def query_job(*answers: Json) -> tuple[Any, Requests]:
    client = bigquery.Client(project="p", credentials=AnonymousCredentials())
    requests = Requests(*answers)
    client._connection = requests  # type: ignore[assignment]  # as much of one as a job uses
    return bigquery.QueryJob.from_api_repr(BIGQUERY, client), requests


def ended(data: Json, **fields: Any) -> Json:
    return {**data, **fields}


DONE = ended(BIGQUERY, status={"state": "DONE"})


def test_a_bigquery_job_is_followed_by_its_reload_and_its_result_is_never_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError

    for name in ("result", "__iter__", "exception"):
        monkeypatch.setattr(bigquery.QueryJob, name, refuse)
    job, requests = query_job(BIGQUERY, DONE)
    op = lro.watch(job)
    assert isinstance(op, lro.Operation)
    assert requests.sent == []
    assert op.wait(20).state == "SUCCEEDED"
    assert requests.sent == ["GET /projects/p/jobs/j"] * 2
    assert (op.name, op.method, op.progress.created_from) == ("projects/p/jobs/j", "QueryJob", "service")


def test_why_a_bigquery_job_failed_is_told_and_several_are_one_table() -> None:
    wrong = ended(
        BIGQUERY, status={"state": "DONE", "errorResult": {"reason": "invalidQuery", "message": "Syntax"}}
    )
    several = lro.watch([query_job(wrong)[0], query_job(DONE)[0]])
    with pytest.raises(lro.OperationFailed, match=r"INVALID_ARGUMENT \(3\): Syntax"):
        several[0].result(20)
    assert [op.wait(20).state for op in several] == ["FAILED", "SUCCEEDED"]


def test_cancel_through_its_own_client_shows_cancelling_at_once() -> None:
    job, requests = query_job(BIGQUERY)
    op = lro.watch(job)
    assert op.cancel()
    assert "POST /projects/p/jobs/j/cancel" in requests.sent
    assert op.state == "CANCELLING"
    op.refresh()
    assert op.state == "CANCELLING"  # the service's own words still say RUNNING
    requests.answers = [ended(BIGQUERY, status={"state": "DONE", "errorResult": {"reason": "stopped"}})]
    assert op.wait(20).state == "CANCELLED"


class Message:
    """What Compute answers with, as its library has it: a message with a status and a ``done``."""

    def __init__(self, status: str, **fields: Any) -> None:
        self.name, self.status, self.done = "operation-1", status, status == "DONE"
        self.error_code, self.error_message = fields.get("code"), fields.get("message")


def extended(*answers: Message) -> ExtendedOperation:
    left = list(answers)

    def refresh(**_: Any) -> Message:
        return left.pop(0) if len(left) > 1 else left[0]

    return ExtendedOperation.make(  # type: ignore[no-any-return]  # it is annotated nowhere
        refresh, lambda: None, Message("RUNNING")
    )


def test_an_extended_operation_is_followed() -> None:
    held = extended(Message("RUNNING"), Message("DONE"))
    op = lro.watch(held)
    assert op.wait(20).state == "SUCCEEDED"
    assert held.done()  # its own future knows, too


def test_an_extended_operation_that_fails_or_cannot_be_cancelled_says_so() -> None:
    op = lro.watch(extended(Message("DONE", code=404, message="no such image")))
    with pytest.raises(lro.ConfigError, match="cannot be cancelled"):
        op.cancel()
    with pytest.raises(lro.OperationFailed, match=r"NOT_FOUND \(5\): no such image"):
        op.result(20)


@pytest.mark.parametrize(
    ("first", "last", "path", "state"),
    [
        (COMPUTE, {"status": "DONE"}, f"/compute/v1/{LINK}", "SUCCEEDED"),
        (BIGQUERY, {"status": {"state": "DONE"}}, "/bigquery/v2/projects/p/jobs/j", "SUCCEEDED"),
        (VERTEX, {"state": "JOB_STATE_CANCELLED"}, f"/v1/{VERTEX['name']}", "CANCELLED"),
        (BUILD, {"status": "FAILURE"}, "/v1/projects/p/builds/b", "FAILED"),
        (
            RUN,
            {"conditions": [{"type": "Completed", "state": "CONDITION_SUCCEEDED"}]},
            f"/v2/{RUN['name']}",
            "SUCCEEDED",
        ),
    ],
)
def test_the_json_of_a_job_is_followed_with_a_client(first: Json, last: Json, path: str, state: str) -> None:
    transport = Scripted(ok(first), ok(ended(first, **last)))
    with lro.Client(HOST, transport=transport) as client:
        op = lro.watch(first, client=client)
        assert op.state == "RUNNING"
        with nullcontext() if state == "SUCCEEDED" else pytest.warns(lro.OperationFailedWarning):
            assert op.wait(20).state == state
    assert set(transport.sent) == {f"GET {path}"}


def test_a_name_of_a_job_is_enough() -> None:
    job = {**DATAPROC, "status": {"state": "RUNNING"}}
    transport = Scripted(ok(job), ok(ended(job, status={"state": "DONE"}, done=True)))
    with lro.Client(HOST, transport=transport) as client:
        op = lro.watch("projects/p/regions/r/jobs/j", client=client)
        assert op.wait(20).state == "SUCCEEDED"
        assert (op.method, op.target) == ("DataprocJob", "projects/p/regions/r")
    assert transport.sent[0] == "GET /v1/projects/p/regions/r/jobs/j"


def test_what_nobody_can_be_asked_about_says_what_it_is_and_how_to_follow_it() -> None:
    with pytest.raises(lro.ConfigError, match=r"a Compute Engine operation.*compute\.googleapis\.com"):
        lro.watch(COMPUTE)
    with pytest.raises(lro.ConfigError, match="a Dataproc job that has not ended"):
        lro.watch(DATAPROC)
    with (
        lro.Client(
            "https://healthcare.googleapis.com", credentials="t", transport=Scripted(ok({}))
        ) as client,
        pytest.raises(lro.ConfigError, match=r"a Vertex AI job, and this client asks healthcare"),
    ):
        lro.watch(VERTEX, client=client)
    local = LocalService(Path("d"), Path("b"))
    with (
        lro.Client("http://127.0.0.1:9", transport=Scripted(ok({})), local=local),
        pytest.raises(lro.ConfigError, match="of the local service"),
    ):
        lro.watch(COMPUTE)
    assert lro.watch(ended(COMPUTE, status="DONE")).state == "SUCCEEDED"


class Http:
    """The ``http`` of a service: answers in turn, and what was asked."""

    def __init__(self, *answers: tuple[int, Json]) -> None:
        self.answers, self.sent, self.threads = list(answers), list[str](), set[str]()

    def request(self, uri: str, method: str = "GET", **_: Any) -> tuple[Any, bytes]:
        self.sent.append(f"{method} {uri}")
        self.threads.add(threading.current_thread().name)
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

        class Response(dict[str, str]):
            pass

        response = Response({"content-type": "application/json"})
        response.status = status  # type: ignore[attr-defined]  # as httplib2's
        return response, json.dumps(answer).encode()

    def close(self) -> None: ...


def service(api: str, version: str, http: Http) -> Any:
    return build(api, version, http=http, static_discovery=True)


def test_what_a_service_of_google_api_python_client_gave_is_followed_with_it() -> None:
    http = Http((200, COMPUTE), (200, ended(COMPUTE, status="DONE")))
    op = lro.watch(COMPUTE, client=service("compute", "v1", http))
    assert op.wait(20).state == "SUCCEEDED"
    assert set(http.sent) == {f"GET https://compute.googleapis.com/compute/v1/{LINK}"}
    assert lro.Client.only_open() is None


def test_the_name_of_a_job_that_no_client_can_read_says_which_client_can() -> None:
    with pytest.raises(lro.ConfigError, match=r"client=lro\.Client\(\"https://compute\.googleapis\.com"):
        lro.watch(COMPUTE)


def test_a_request_of_a_service_that_was_not_sent_says_so() -> None:
    compute = service("compute", "v1", Http())
    request = compute.zoneOperations().get(project="p", zone="z", operation="o")
    with pytest.raises(lro.ConfigError, match=r"is sent by its execute\(\)"):
        lro.watch(request, client=compute)


def test_an_operation_of_a_service_is_followed_with_its_version_and_cancelled_with_it() -> None:
    name = "projects/p/locations/l/operations/1"
    http = Http((200, {"name": name, "metadata": {"@type": "x.ExportAssetsRequest"}}))
    op = lro.watch({"name": name}, client=service("healthcare", "v1beta1", http)).refresh()
    assert op.method == "ExportAssets"
    assert http.sent[-1] == f"GET https://healthcare.googleapis.com/v1beta1/{name}"
    assert op.cancel()
    assert f"POST https://healthcare.googleapis.com/v1beta1/{name}:cancel" in http.sent
    assert op.state == "CANCELLING"
    op.client.close()


def test_errors_of_a_service_are_ours() -> None:
    http = Http((403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "not yours"}}))
    with pytest.raises(lro.ApiError, match="not yours"):
        lro.watch(SPEECH, client=service("speech", "v1", http))


def test_credentials_of_a_service_go_only_where_they_may() -> None:
    held = service("speech", "v1", Http((200, {})))
    held._http.credentials = credentials = Credentials("token")
    credentials._universe_domain = "example.cloud"
    with pytest.raises(lro.ConfigError, match="may not go"):
        lro.watch(SPEECH, client=held)


class Transport:
    host = "speech.googleapis.com:443"

    def __init__(self, *answers: Any) -> None:
        self.answers, self.sent = list(answers), list[str]()
        self.operations_client = self

    def get_operation(self, name: str, retry: Any = 1, timeout: Any = None, compression: Any = None) -> Any:
        assert (retry, timeout, compression) == (None, 8.0, None)
        self.sent.append(f"get {name}")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel_operation(self, name: str) -> None:
        self.sent.append(f"cancel {name}")


class SpeechClient:
    """A client as Google's generator writes them."""

    def __init__(self, *answers: Any) -> None:
        self.transport = Transport(*answers)


def message(*, done: bool = False) -> operations_pb2.Operation:
    found = operations_pb2.Operation(name=SPEECH, done=done)
    if done:
        found.response.Pack(empty_pb2.Empty())
    return found


def test_a_name_is_followed_with_a_client_of_googles_libraries() -> None:
    client = SpeechClient(message(), message(), message(done=True))
    op = lro.watch(SPEECH, client=client)
    assert op.cancel()
    assert op.wait(20).state == "SUCCEEDED"
    assert {*client.transport.sent} == {f"get {SPEECH}", f"cancel {SPEECH}"}


def test_a_client_that_is_none_or_asynchronous_gets_one_sentence() -> None:
    class SpeechAsyncClient(SpeechClient):
        pass

    with pytest.raises(lro.ConfigError, match="asynchronous"):
        lro.watch(SPEECH, client=SpeechAsyncClient())
    with pytest.raises(lro.ConfigError, match=r"class SpeechClient: make a client of it, SpeechClient\("):
        lro.watch(SPEECH, client=SpeechClient)
    with pytest.raises(lro.ConfigError, match="cannot be asked"):
        lro.watch(SPEECH, client=7)


def test_the_hint_of_an_operation_that_is_gone_names_no_client_that_is_not_there() -> None:
    with pytest.raises(lro.ApiError, match="about 30 days") as caught:
        lro.watch(SPEECH, client=SpeechClient(exceptions.NotFound("gone")))
    assert "client.list" not in str(caught.value)


def test_a_number_alone_is_a_name_of_speech() -> None:
    transport = Scripted(ok({"name": SPEECH}), ok({"name": SPEECH, "done": True, "response": {}}))
    with lro.Client(HOST, transport=transport) as client:
        assert lro.watch(SPEECH, client=client).wait(20).state == "SUCCEEDED"
    assert set(transport.sent) == {f"GET /v1/operations/{SPEECH}"}


def test_a_job_behind_the_name_of_an_operation_is_read_as_what_it_is() -> None:
    """GKE's and Compute's operations have names like any, and tell no ``done``."""
    name = "projects/1/locations/z/operations/operation-9"
    first = {"name": "operation-9", "status": "RUNNING", "operationType": "CREATE_CLUSTER"}
    transport = Scripted(ok(first), ok({**first, "status": "DONE"}))
    with lro.Client(HOST, transport=transport) as client:
        assert lro.watch(name, client=client).state == "RUNNING"
        assert client.get(name).refresh().state == "SUCCEEDED"


def test_whoever_watches_is_told_when_each_has_ended() -> None:
    told: queue.Queue[lro.Operation] = queue.Queue()
    ended = [{"name": f"operations/{number}", "done": True} for number in range(2)]
    several = lro.watch(ended, notify=told.put)
    assert [told.get(timeout=20) for _ in several] == several
    alone = lro.watch(ended[0], notify=told.put)
    assert told.get(timeout=20) is alone


def test_what_is_watched_is_noted_and_found_again_by_its_name() -> None:
    client = SpeechClient(message())
    client.transport.host = "127.0.0.1:1"
    op = lro.watch(SPEECH, client=client)
    row = lro.started().iloc[-1]
    assert (row["name"], row["origin"], row["state"]) == (SPEECH, "watched", "PENDING")
    assert row["service"] == "https://127.0.0.1:1"
    lro.watch([SPEECH, op], client=client)
    assert len(lro.started()) == 1
    client.transport.answers = [message(done=True)]
    op.wait(20)
    for _ in range(200):  # the callback comes after the end
        if lro.started()["state"].iloc[-1] == "SUCCEEDED":
            break
        time.sleep(0.02)
    assert lro.started()["state"].iloc[-1] == "SUCCEEDED"


def test_after_a_restart_the_journal_knows_whom_to_ask() -> None:
    transport = Scripted(ok({"name": "operations/1"}))
    with lro.Client(HOST, transport=transport) as client:
        lro.watch("operations/1", client=client)
        assert lro.started()["service"].tolist() == [HOST]
        with lro.Client("https://other.example.com", transport=Scripted(failed(500))):
            lro.watch("operations/1")  # several are open: the one of its service
    assert len(transport.sent) >= 2
    asking = journaling.client_for("operations/1")  # a new one, for that service
    assert asking is not None
    assert asking.endpoint == HOST
    asking.close()
    assert journaling.client_for("operations/2") is None


def test_a_journal_of_an_older_version_is_read_and_gets_the_new_column() -> None:
    path = default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        columns = [name for name in COLUMNS if name != "origin"]
        connection.execute(f"CREATE TABLE started (id INTEGER PRIMARY KEY, {', '.join(columns)})")
        connection.execute(
            "INSERT INTO started (service, method, target, requested, state) "
            "VALUES ('s', 'm', 't', '2026', 'PENDING')"
        )
        connection.commit()
    assert lro.started()["method"].tolist() == ["m"]
    Journal().watched([StartRecord("s", "w", "t", datetime.now(UTC), name="operations/1", origin="watched")])
    assert [each.origin for each in Journal().all()] == ["started", "watched"]


class Controller:
    """Clients that take the parts of a name, in the ways of Google's generator."""

    def __init__(self, *answers: Json) -> None:
        self.answers, self.asked = list(answers), list[Json]()
        self.transport = type("Transport", (), {"host": "us-west1-dataproc.googleapis.com:443"})()

    def _next(self, **asked: str) -> Json:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def get_job(
        self, request: Any = None, *, project_id: str = "", region: str = "", job_id: str = ""
    ) -> Json:
        assert request is None
        return self._next(project_id=project_id, region=region, job_id=job_id)

    def get_build(
        self,
        request: Any = None,
        *,
        project_id: str = "",
        id: str = "",  # noqa: A002 - theirs
        name: str = "",
    ) -> Json:
        assert (request, name) == (None, "")
        return self._next(project_id=project_id, id=id)

    def get_operation(self, *, project_id: str = "", zone: str = "", name: str = "") -> Json:
        assert (project_id, zone) == ("", "")
        return self._next(name=name)


@pytest.mark.parametrize(
    ("data", "last", "asked"),
    [
        (DATAPROC, {"status": {"state": "DONE"}}, {"project_id": "p", "region": "us-west1", "job_id": "j"}),
        (BUILD, {"status": "SUCCESS"}, {"project_id": "p", "id": "b"}),
        (GKE, {"status": "DONE"}, {"name": "projects/1/locations/z/operations/operation-9"}),
    ],
)
def test_a_client_is_asked_by_the_parts_of_a_name_that_it_takes(data: Json, last: Json, asked: Json) -> None:
    client = Controller(data, ended(data, **last))
    assert lro.watch(data, client=client).wait(20).state == "SUCCEEDED"
    assert client.asked == [asked, asked]


def test_any_object_that_can_refresh_itself_and_tells_a_state_is_followed() -> None:
    class State(Enum):
        JOB_STATE_RUNNING = 3
        JOB_STATE_FAILED = 5

    class TuningJob:
        resource_name, state, error = "projects/p/tuningJobs/1", State.JOB_STATE_RUNNING, None

        def refresh(self) -> None:
            self.state, self.error = State.JOB_STATE_FAILED, {"code": 3, "message": "no data"}

        def result(self) -> None:
            raise AssertionError

    op = lro.watch(TuningJob())
    assert (op.name, op.state) == ("projects/p/tuningJobs/1", "RUNNING")
    with pytest.raises(lro.OperationFailed, match="no data"):
        op.result(20)
