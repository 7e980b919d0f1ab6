"""The transports of a session, one by one: what retries, what brings the service back, what signs."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from fakes import Answer, Clock, Renewable, Scripted, failed, ok

from lro_notebook.http.endpoint import Endpoint
from lro_notebook.http.response_limits import TooLarge
from lro_notebook.http.restart import ReviveTransport
from lro_notebook.http.retry_policy import ROLE, RetryPolicy, Role
from lro_notebook.http.retry_transport import RetryTransport
from lro_notebook.http.session import Session
from lro_notebook.http.signing import SigningTransport

if TYPE_CHECKING:
    from collections.abc import Callable

HERE, THERE = "http://127.0.0.1:1", "http://127.0.0.1:2"


def request(role: Role = "read", url: str = f"{HERE}/v1/x?PatientID=secret") -> httpx.Request:
    return httpx.Request("POST", url, content=b'{"a":1}', extensions={ROLE: role})


def retrying(*answers: Answer, **policy: float) -> tuple[RetryTransport, Scripted, Clock]:
    inner, clock = Scripted(*answers), Clock()
    transport = RetryTransport(
        inner,
        RetryPolicy(**policy),  # type: ignore[arg-type]  # numbers of a test
        sleep=clock.sleep,
        clock=clock,
        draw=lambda: 1.0,
    )
    return transport, inner, clock


NOT_SENT = (httpx.ConnectError("x"), httpx.ConnectTimeout("x"))
LOST = (httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.PoolTimeout("x"), httpx.DecodingError("x"))
AGAIN: dict[Role, tuple[Answer, ...]] = {
    "start": (failed(429), *NOT_SENT),
    "write": (failed(429), *NOT_SENT),
    "read": (*map(failed, (408, 429, 500, 502, 503, 504)), httpx.Response(200, text="{"), *NOT_SENT, *LOST),
    "poll": (),
}
ONCE: dict[Role, tuple[Answer, ...]] = {
    "start": (*map(failed, (401, 408, 500, 503)), httpx.Response(200, text="{"), *LOST, TooLarge("x")),
    "write": (*map(failed, (401, 408, 500, 503)), httpx.Response(200, text="{"), *LOST, TooLarge("x")),
    "read": (*map(failed, (302, 400, 401, 404, 501)), TooLarge("x")),
    "poll": (*map(failed, (408, 429, 500, 503)), *NOT_SENT, *LOST),
}


@pytest.mark.parametrize(("role", "answer"), [(role, each) for role, of in AGAIN.items() for each in of])
def test_the_role_of_a_request_says_what_is_tried_again(role: Role, answer: Answer) -> None:
    transport, inner, clock = retrying(answer, ok({}))
    assert transport.handle_request(request(role)).status_code == 200
    assert [sent.content for sent in inner.requests] == [b'{"a":1}'] * 2
    assert clock.slept == [0.5]


@pytest.mark.parametrize(("role", "answer"), [(role, each) for role, of in ONCE.items() for each in of])
def test_the_role_of_a_request_says_what_is_tried_once(role: Role, answer: Answer) -> None:
    transport, inner, _ = retrying(answer, ok({}))
    try:
        response = transport.handle_request(request(role))
    except httpx.RequestError as error:
        assert error is answer  # noqa: PT017 - answers of both sorts go through here
    else:
        assert isinstance(answer, httpx.Response)
        assert response.status_code == answer.status_code
    assert len(inner.requests) == 1


def test_the_last_outcome_is_what_the_caller_gets() -> None:
    transport, inner, _ = retrying(failed(503), httpx.ReadError("x"), failed(500), attempts=3)
    assert transport.handle_request(request()).status_code == 500
    assert len(inner.requests) == 3


def test_retry_after_is_honoured_within_the_budget() -> None:
    transport, _, clock = retrying(failed(429, **{"Retry-After": "40"}), budget=90.0)
    assert transport.handle_request(request("start")).status_code == 429
    assert clock.slept == [40.0, 40.0]


def test_a_retry_is_logged_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    retrying(failed(503), ok({}))[0].handle_request(request())
    assert "POST /v1/x: attempt 1 failed, next in 0.5 s" in caplog.text
    assert "secret" not in caplog.text


def reviving(
    *answers: Answer, revive: Callable[[], tuple[str, str]] = lambda: (THERE, "new")
) -> tuple[ReviveTransport, Scripted]:
    inner, endpoint = Scripted(*answers), Endpoint(HERE, "old")
    return ReviveTransport(SigningTransport(inner, endpoint), endpoint, revive), inner


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), failed(401)])
@pytest.mark.parametrize("role", ["start", "write", "read", "poll"])
def test_a_service_that_is_back_gets_the_whole_request_at_its_new_address(role: Role, answer: Answer) -> None:
    transport, inner = reviving(answer, ok({}))
    assert transport.handle_request(request(role)).status_code == 200
    again = inner.requests[1]
    assert (str(again.url), again.headers["Host"]) == (f"{THERE}/v1/x?PatientID=secret", "127.0.0.1:2")
    assert again.content == b'{"a":1}'
    assert inner.authorizations == ["Bearer old", "Bearer new"]


def test_a_request_brings_the_service_back_once_over_all_its_attempts() -> None:
    calls: list[int] = []

    def revive() -> tuple[str, str]:
        calls.append(1)
        return THERE, "new"

    transport, inner = reviving(httpx.ConnectError("refused"), revive=revive)
    asked = request()
    for _ in range(3):
        with pytest.raises(httpx.ConnectError):
            transport.handle_request(asked)
    assert (len(calls), len(inner.requests)) == (1, 4)


@pytest.mark.parametrize(
    "answer", [httpx.ReadError("x"), httpx.ConnectTimeout("x"), failed(503), failed(403)]
)
def test_what_is_no_sign_of_an_end_brings_nothing_back(answer: Answer) -> None:
    def revive() -> tuple[str, str]:
        raise AssertionError("it was there")

    transport, _ = reviving(answer, revive=revive)
    try:
        assert transport.handle_request(request()).status_code in (403, 503)
    except httpx.RequestError as error:
        assert error is answer  # noqa: PT017 - as above


def test_one_of_many_threads_brings_the_service_back() -> None:
    calls: list[int] = []
    gone = threading.Barrier(4)

    def answer(sent: httpx.Request) -> httpx.Response:
        if sent.url.port == 1:
            gone.wait(10)  # all four find it gone before one brings it back
            raise httpx.ConnectError("refused")
        return ok({})

    def revive() -> tuple[str, str]:
        calls.append(1)
        return THERE, "new"

    transport, inner = reviving(answer, revive=revive)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(transport.handle_request(request()).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (calls, statuses) == ([1], [200] * 4)
    transport.handle_request(request())  # it was made with the old address
    assert inner.requests[-1].url.port == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_the_lock_of_a_revival_is_free_in_a_forked_child() -> None:
    transport, _ = reviving(failed(401), ok({}))
    with transport._lock:
        transport.after_fork_in_child()
        assert transport.handle_request(request()).status_code == 200


def test_each_attempt_is_signed_anew_and_the_callers_request_holds_no_token() -> None:
    credentials = Renewable()
    inner, endpoint = Scripted(ok({})), Endpoint("https://healthcare.googleapis.com", credentials)
    transport = SigningTransport(inner, endpoint)
    asked = request(url="https://healthcare.googleapis.com/v1/x")
    transport.handle_request(asked)
    credentials.refresh(None)
    transport.handle_request(asked)
    assert inner.authorizations == ["Bearer t1", "Bearer t2"]
    assert "Authorization" not in asked.headers
    transport.handle_request(request(url="https://evil.example/v1/x"))
    assert inner.authorizations[-1] is None


def test_an_endpoint_moves_as_a_whole() -> None:
    endpoint = Endpoint(f"{HERE}/v1beta1", "old")
    assert (str(endpoint), endpoint.version, endpoint.revision) == (HERE, "v1beta1", 0)
    endpoint.move(THERE, None)
    assert (str(endpoint), endpoint.version, endpoint.revision) == (THERE, "v1", 1)
    assert endpoint.signer is None


def test_the_log_of_httpx_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Session(HERE, transport=Scripted(ok({}))).call("GET", "x", role="read", params={"PatientID": "secret"})
    assert not [record for record in caplog.records if record.name == "httpx"]
    code = "import logging, lro_notebook.http.session; print(logging.getLogger('httpx').filters)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
