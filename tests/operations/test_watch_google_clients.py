"""`lro.watch` with the clients of Google's libraries, and with what is none."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from job_bodies import BUILD, DATAPROC, GKE, Json, ended
from operations.speech_client import SPEECH, SpeechClient, message

import lro_notebook as lro

pytestmark = pytest.mark.usefixtures("no_other_clients")


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
