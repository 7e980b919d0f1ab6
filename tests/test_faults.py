"""Operations end in their true state whatever the network and the service do meanwhile."""

from __future__ import annotations

import random
import socket
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from fakes import Renewable, rounds
from misbehaving import PARENT, PASSING, Misbehaving

import lro_notebook as lro
from lro_notebook import PollPolicy
from lro_notebook.errors import LOGIN
from lro_notebook.http.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.service

START = f"{PARENT}/fhirStores/s:import"
OUTCOMES: list[tuple[str, dict[str, Any]]] = [
    ("SUCCEEDED", {"response": {"ok": True}}),
    ("SUCCEEDED", {}),
    ("FAILED", {"error": {"code": 3, "message": "bad input"}}),
    ("CANCELLED", {"error": {"code": 1, "message": "cancelled"}}),
]


@pytest.fixture
def service() -> Iterator[Misbehaving]:
    with Misbehaving() as running:
        yield running


def client_of(service: Misbehaving, **policy: Any) -> lro.Client:
    fast: dict[str, Any] = {"first": 0.02, "floor": 0.01, "failure_floor": 0.02, "failure_cap": 0.1}
    return lro.Client(service.endpoint, timeout=1.0, policy=PollPolicy(**(fast | policy)))


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_changes_nothing_but_the_card(service: Misbehaving, fault: str) -> None:
    service.faults = [fault, fault]
    with client_of(service) as client:
        op = client.start("POST", START, {})
        troubles = set()
        while not op.done():
            troubles.add(op.trouble)
            threading.Event().wait(0.01)
        assert op.state == "SUCCEEDED"
        assert op.result() == {"ok": True}
    assert service.requests["start"] == 1
    told = " ".join(troubles)
    expected = "HTTP " if fault[:3].isdigit() else "no answer for "
    assert expected in told
    assert "retrying" in told


def test_a_service_that_is_away_for_a_while_is_waited_for(service: Misbehaving) -> None:
    with client_of(service) as client:
        service.seconds = 0.6
        op = client.start("POST", START, {})
        service.__exit__()
        while not op.trouble:
            threading.Event().wait(0.01)
        assert not op.done()
        with Misbehaving(service.port) as back:
            back.operations = service.operations
            assert op.wait(20).state == "SUCCEEDED"


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("403", lro.ApiError, "told to fail"),
        ("404", lro.ApiError, "about 30 days"),
        ("401", lro.AuthError, LOGIN),
        ("redirect", lro.ApiError, "Redirects are not followed"),
        ("501", lro.ApiError, "told to fail"),
    ],
)
def test_a_fault_that_stays_ends_the_waiting_with_a_sentence_and_not_the_operation(
    service: Misbehaving, fault: str, error: type[Exception], says: str
) -> None:
    service.faults = [fault]
    with client_of(service) as client:
        op = client.start("POST", START, {})
        with pytest.raises(error, match=says):
            op.result(20)
        assert service.requests["GET"] == 1
        assert op.wait(20).state == "SUCCEEDED"


def test_polling_is_lost_only_after_the_budget_and_can_be_taken_up_again(service: Misbehaving) -> None:
    service.always = "503"
    with client_of(service, failure_budget=0.2, failure_least=4) as client:
        op = client.start("POST", START, {})
        with pytest.raises(lro.PollingLost, match=r"it may still run. op.wait\(\) tries again"):
            op.result(20)
        assert service.requests["GET"] >= 4
        service.always = ""
        assert op.wait(20).state == "SUCCEEDED"
    assert service.requests["start"] == 1


def test_an_end_that_was_seen_stays_although_the_service_takes_it_back(service: Misbehaving) -> None:
    with client_of(service) as client:
        op = client.start("POST", START, {}).wait(20)
        service.always = "goes back"
        assert op.refresh().done()
        assert op.state == "SUCCEEDED"
        assert client.get(op.name).done()


def test_progress_that_goes_backwards_is_shown_as_it_is_and_the_end_is_seen(service: Misbehaving) -> None:
    for seconds in (
        service.seconds,
        3.0,
        12.0,
    ):  # a busy machine may look too seldom
        service.seconds, service.faults = seconds, ["", "", "", "goes back", ""]
        with client_of(service, ahead=0.1) as client:
            op = client.start("POST", START, {})
            assert op.wait(60).state == "SUCCEEDED"
            counts = list(op.history["completed"].dropna())
        if counts != sorted(counts):
            break
    assert counts != sorted(counts)


@pytest.mark.parametrize("seed", range(rounds(3, 200)))
def test_many_operations_among_random_faults_end_in_their_true_states(
    service: Misbehaving, seed: int
) -> None:
    choice = random.Random(seed)  # noqa: S311 - the same faults in each run
    with client_of(service) as client:
        started = []
        for state, outcome in OUTCOMES * 3:
            service.seconds, service.outcome = choice.uniform(0.1, 0.5), outcome
            started.append((state, client.start("POST", START, {})))
            service.faults.append(choice.choice(PASSING))
        service.faults += choice.choices((*PASSING, "", "", "goes back"), k=30)
        with pytest.warns(lro.OperationFailedWarning, match="ended without success"):
            lro.wait((op for _, op in started), timeout=60)
        assert [op.state for _, op in started] == [state for state, _ in started]
    assert service.requests["start"] == len(started)


@pytest.mark.parametrize("fault", [fault for fault in PASSING if fault[:3] != "429"])
def test_a_start_whose_answer_was_lost_is_sent_once_and_its_operation_is_a_candidate(
    service: Misbehaving, fault: str
) -> None:
    service.start_faults = [f"lost: {fault}"]
    with (
        client_of(service) as client,
        pytest.raises(lro.StartUnknown, match="It was not sent again") as caught,
    ):
        client.start("POST", START, {})
    assert service.requests["start"] == 1
    assert caught.value.candidates == tuple(service.operations)
    assert list(lro.started()["state"]) == ["UNKNOWN"]


def test_a_start_that_was_lost_before_it_was_accepted_has_no_candidate(service: Misbehaving) -> None:
    service.start_faults = ["reset before the answer"]
    with (
        client_of(service) as client,
        pytest.raises(lro.StartUnknown, match="no operation was created") as caught,
    ):
        client.start("POST", START, {})
    assert caught.value.candidates == ()
    assert service.requests["start"] == 1


def test_a_colleagues_operation_is_named_and_not_adopted(service: Misbehaving) -> None:
    colleagues = service.begin()
    service.start_faults = ["reset before the answer"]
    with client_of(service) as client, pytest.raises(lro.StartUnknown, match="may be yours") as caught:
        client.start("POST", START, {})
    assert caught.value.candidates == (colleagues.name,)
    assert list(lro.started()["name"].isna()) == [True]


def test_no_token_follows_a_redirect_to_another_host(service: Misbehaving) -> None:
    with Misbehaving() as elsewhere:
        service.always = "redirect"
        with lro.Client(service.endpoint, credentials="secret") as client, pytest.raises(lro.ApiError):
            client.get(f"{PARENT}/operations/1")
        assert service.authorizations == ["Bearer secret"]
        assert elsewhere.authorizations == []


def test_rounds_of_faults_leave_no_thread_and_no_socket_behind(service: Misbehaving) -> None:
    me = psutil.Process()

    def held() -> tuple[int, int]:
        mine = [thread for thread in threading.enumerate() if thread.name.startswith("lro-")]
        peers = [each.raddr for each in me.net_connections("tcp") if each.status != psutil.CONN_TIME_WAIT]
        sockets = [peer for peer in peers if getattr(peer, "port", None) == service.port]
        return len(mine), len(sockets)

    def once() -> None:
        service.faults = ["503", "reset after the headers", "truncated", "no JSON"]
        service.seconds = 0.05
        with client_of(service) as client:
            client.start("POST", START, {}).wait(20)

    once()
    before = held()
    for _ in range(rounds(15, 200)):
        once()
    assert held() == before


def test_a_token_that_expires_while_an_operation_runs_is_refreshed_once(service: Misbehaving) -> None:
    credentials = Renewable()
    with lro.Client(service.endpoint, credentials=credentials) as client:
        op = client.start("POST", START, {})
        service.faults = ["401"]
        assert op.wait(20).state == "SUCCEEDED"
    assert credentials.refreshed == 2  # for the first request, and after the 401
    assert service.authorizations[:3] == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_token_that_stays_refused_ends_the_waiting_and_is_refreshed_once(service: Misbehaving) -> None:
    credentials = Renewable()
    with lro.Client(service.endpoint, credentials=credentials) as client:
        op = client.start("POST", START, {})
        service.always = "401"
        with pytest.raises(lro.AuthError, match="gcloud auth"):
            op.result(20)
        assert credentials.refreshed == 2
        service.always = ""
        assert op.wait(20).state == "SUCCEEDED"


def test_nothing_listens_is_said_by_a_start_and_leaves_no_trace() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = lro.Client(f"http://127.0.0.1:{port}", timeout=0.3)
    client.session._transport.policy = RetryPolicy(attempts=1)
    with client, pytest.raises(lro.ApiError, match="nothing listens there"):
        client.start("POST", START, {})
    assert len(lro.started()) == 0
