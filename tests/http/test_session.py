from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from fakes import Clock, Scripted, failed, ok

from lro_notebook import ApiError, AuthError, Code, ConfigError
from lro_notebook.http.responses import NoResponse, ResponseLost, is_transient
from lro_notebook.http.retry_policy import RetryPolicy
from lro_notebook.http.session import Session

HOST = "https://api.example.com"


def session_on(transport: Scripted, endpoint: str = HOST, **options: Any) -> tuple[Session, Clock]:
    clock = Clock()
    options = {"sleep": clock.sleep, "clock": clock, "draw": lambda: 0.5, **options}
    return Session(endpoint, transport=transport, **options), clock


@pytest.mark.parametrize(
    ("endpoint", "path", "url"),
    [
        (HOST, "projects/p", f"{HOST}/v1/projects/p"),
        (f"{HOST}/", "/projects/p", f"{HOST}/v1/projects/p"),
        (f"{HOST}/v1beta1", "projects/p", f"{HOST}/v1beta1/projects/p"),
        (f"{HOST}/v1", "v1beta1/projects/p", f"{HOST}/v1beta1/projects/p"),
        (f"{HOST}/v1p1beta1/", "operations/x", f"{HOST}/v1p1beta1/operations/x"),
        (f"{HOST}/proxy/v2", "x:go", f"{HOST}/proxy/v2/x:go"),
        (HOST, ".lro-local", f"{HOST}/.lro-local"),
    ],
)
def test_the_version_comes_from_the_path_else_from_the_endpoint(endpoint: str, path: str, url: str) -> None:
    session, _ = session_on(Scripted(ok({})), endpoint)
    assert str(session.url(path)) == url


@pytest.mark.parametrize("endpoint", ["", "healthcare.googleapis.com", "ftp://x", "https://"])
def test_an_endpoint_that_is_no_http_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="http"):
        Session(endpoint)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_reads_are_tried_again_through_passing_failures(status: int) -> None:
    transport = Scripted(failed(status), failed(status), ok({"a": 1}))
    session, clock = session_on(transport)
    assert session.call("GET", "x", role="read") == {"a": 1}
    assert len(transport.requests) == 3
    assert clock.slept == sorted(clock.slept)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]
)
def test_reads_are_tried_again_when_the_connection_breaks(error: Exception) -> None:
    transport = Scripted(error, ok({}))
    session_on(transport)[0].call("GET", "x", role="read")
    assert len(transport.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 413, 501])
def test_reads_are_not_tried_again_when_it_cannot_help(status: int) -> None:
    transport = Scripted(failed(status, "because"))
    with pytest.raises(ApiError, match="because") as caught:
        session_on(transport)[0].call("GET", "x", role="read")
    assert caught.value.status == status
    assert len(transport.requests) == 1


def test_the_pause_honours_retry_after_as_seconds_and_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    session, clock = session_on(
        Scripted(failed(429, **{"Retry-After": "7"}), failed(503, **{"Retry-After": later}), ok({}))
    )
    session.call("GET", "x", role="read")
    assert clock.slept[0] == 7.0
    assert 6.0 < clock.slept[1] <= 9.0


def test_retries_end_with_the_budget() -> None:
    transport = Scripted(failed(503, "still down", **{"Retry-After": "60"}))
    with pytest.raises(ApiError, match="still down"):
        session_on(transport)[0].call("GET", "x", role="read")
    assert len(transport.requests) == 2


def test_the_retry_policy_gives_up_after_its_attempts() -> None:
    policy = RetryPolicy(attempts=3)
    delays = [policy.delay(n, retry_after=None, spent=0.0, draw=1.0) for n in (1, 2, 3)]
    assert delays == [0.5, 1.0, None]


def test_a_poll_is_one_single_request() -> None:
    transport = Scripted(failed(503))
    with pytest.raises(ApiError) as caught:
        session_on(transport)[0].call("GET", "x", role="poll")
    assert is_transient(caught.value)
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"),
        failed(408),
        failed(500),
        failed(502),
        failed(503),
        failed(504),
        httpx.Response(200, content=b"{trunc"),
        httpx.Response(200, content=b"[]"),
    ],
)
def test_a_start_that_may_have_been_accepted_is_never_sent_again(answer: httpx.Response | Exception) -> None:
    transport = Scripted(answer)
    with pytest.raises(ResponseLost):
        session_on(transport)[0].call("POST", "x:go", role="start", json={})
    assert len(transport.requests) == 1


@pytest.mark.parametrize("answer", [failed(429), httpx.ConnectError("x"), httpx.ConnectTimeout("x")])
def test_a_start_that_was_certainly_not_accepted_is_sent_again(answer: httpx.Response | Exception) -> None:
    transport = Scripted(answer, ok({"name": "operations/1"}))
    session_on(transport)[0].call("POST", "x:go", role="start", json={})
    assert len(transport.requests) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
def test_a_start_that_is_refused_is_an_api_error(status: int) -> None:
    with pytest.raises(ApiError):
        session_on(Scripted(failed(status)))[0].call("POST", "x:go", role="start", json={})


def test_the_error_carries_what_the_service_said() -> None:
    body = {
        "error": {
            "code": 409,
            "message": "taken",
            "status": "ALREADY_EXISTS",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}, "junk"],
        }
    }
    transport = Scripted(httpx.Response(409, json=body))
    with pytest.raises(ApiError) as caught:
        session_on(transport)[0].call("POST", "x?key=private", role="write")
    error = caught.value
    assert (error.status, error.code, error.message) == (409, Code.ALREADY_EXISTS, "taken")
    assert error.details == ({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"},)
    assert error.url == f"{HOST}/v1/x"
    assert "private" not in str(error)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>", "HTTP 400"),
        (b"", "HTTP 400"),
        (b'{"error": "text"}', "HTTP 400"),
        (b'[{"error": {"message": "in a list"}}]', "in a list"),
        (b"\xff\xfe\x00", "HTTP 400"),
    ],
)
def test_error_bodies_of_any_kind_give_a_clear_error(content: bytes, says: str) -> None:
    with pytest.raises(ApiError, match=says) as caught:
        session_on(Scripted(httpx.Response(400, content=content)))[0].call("GET", "x", role="read")
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_401_is_an_auth_error_with_the_command_that_helps() -> None:
    with pytest.raises(AuthError, match="gcloud auth application-default login"):
        session_on(Scripted(failed(401)))[0].call("GET", "x", role="read")


def test_404_says_what_to_do_next() -> None:
    with pytest.raises(ApiError, match="make it first"):
        session_on(Scripted(failed(404)))[0].call("GET", "x", role="read", not_found_hint="make it first")


def test_a_missing_quota_project_gets_the_command_that_sets_one() -> None:
    answer = failed(403, "The API requires a quota project, which is not set by default.")
    with pytest.raises(ApiError, match="set-quota-project"):
        session_on(Scripted(answer))[0].call("GET", "x", role="read")


def test_redirects_are_not_followed() -> None:
    transport = Scripted(httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}))
    with pytest.raises(ApiError, match="final address"):
        session_on(transport)[0].call("GET", "x", role="read")
    assert len(transport.requests) == 1


def test_an_answer_that_is_no_json_object_is_no_answer() -> None:
    with pytest.raises(NoResponse, match="no JSON object"):
        session_on(Scripted(httpx.Response(200, content=b"<html>")))[0].call("GET", "x", role="poll")


def test_a_service_that_is_gone_is_brought_back_once() -> None:
    transport = Scripted(httpx.ConnectError("refused"), ok({"back": True}))
    calls: list[int] = []

    def revive() -> tuple[str, str]:
        calls.append(1)
        return "http://127.0.0.1:2", "new-token"

    session, _ = session_on(transport, "http://127.0.0.1:1", credentials="old-token", revive=revive)
    assert session.call("POST", "x:go", role="start", json={}) == {"back": True}
    assert calls == [1]
    assert str(transport.requests[1].url) == "http://127.0.0.1:2/v1/x:go"
    assert transport.requests[1].headers["Authorization"] == "Bearer new-token"


def test_a_stale_token_is_read_again_once_not_in_a_loop() -> None:
    transport = Scripted(failed(401))
    session, _ = session_on(
        transport, "http://127.0.0.1:1", credentials="t", revive=lambda: ("http://127.0.0.1:1", "t")
    )
    with pytest.raises(AuthError):
        session.call("GET", "x", role="read")
    assert len(transport.requests) == 2


def test_queries_of_ours_are_not_logged_and_those_of_others_are(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session_on(Scripted(ok({})))[0].call("GET", "v1/studies", role="read", params={"PatientID": "secret"})
    with httpx.Client(transport=Scripted(ok({}))) as client:
        client.get("https://example.org/theirs", params={"PatientID": "known"})
    assert "v1/studies" in caplog.text
    assert "secret" not in caplog.text
    assert "theirs?PatientID=known" in caplog.text
