"""`lro.watch` on jobs: of BigQuery, of api_core, as JSON, by name, and what can refresh itself."""

from __future__ import annotations

import queue
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from fakes import Scripted, ok
from google.api_core.extended_operation import ExtendedOperation
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from job_bodies import BIGQUERY, BUILD, COMPUTE, DATAPROC, LINK, RUN, VERTEX, Json, ended
from operations.speech_client import SPEECH

import lro_notebook as lro
from lro_notebook.operations.rest_requests import LocalService

HOST = "https://api.example.com"

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


def test_the_name_of_a_job_that_no_client_can_read_says_which_client_can() -> None:
    with pytest.raises(lro.ConfigError, match=r"client=lro\.Client\(\"https://compute\.googleapis\.com"):
        lro.watch(COMPUTE)


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
