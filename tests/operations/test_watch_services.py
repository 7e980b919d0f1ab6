"""`lro.watch` with the services of google-api-python-client."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from job_bodies import COMPUTE, LINK, Json, ended
from operations.speech_client import SPEECH

import lro_notebook as lro

pytestmark = pytest.mark.usefixtures("no_other_clients")


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
