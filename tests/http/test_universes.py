"""Who may get which credentials: a token its one origin, Google credentials the hosts of their universe."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import google.auth
import httpx
import pytest
from fakes import NAME, Renewable, Scripted, ok, operation
from google.auth.credentials import AnonymousCredentials

import lro_notebook as lro
from lro_notebook import Client, ConfigError
from lro_notebook.http import auth
from lro_notebook.http.session import Session
from lro_notebook.reports.failures import failures
from lro_notebook.results import load_operation
from lro_notebook.results.sources.bigquery import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "other.goog"


def of_universe(domain: str) -> Renewable:
    credentials = Renewable()
    credentials._universe_domain = domain
    return credentials


@pytest.mark.parametrize(
    ("universe", "endpoint", "sent"),
    [
        ("googleapis.com", "https://healthcare.googleapis.com", True),
        ("googleapis.com", "https://healthcare.us-central1.rep.googleapis.com", True),
        ("googleapis.com", "https://healthcare.mtls.googleapis.com/v1", True),
        ("googleapis.com", "http://127.0.0.1:9", True),
        ("googleapis.com", "https://healthcare.other.goog", False),
        ("googleapis.com", "https://evilgoogleapis.com", False),
        ("googleapis.com", "https://googleapis.com.evil.example", False),
        ("googleapis.com", "https://api.example.com", False),
        (OTHER, "https://healthcare.other.goog", True),
        (OTHER, "https://healthcare.googleapis.com", False),
        (OTHER, "https://healthcare.another.goog", False),
    ],
)
def test_given_credentials_go_to_hosts_of_their_universe_alone(
    *,
    universe: str,
    endpoint: str,
    sent: bool,
) -> None:
    transport, credentials = Scripted(ok({})), of_universe(universe)
    session = Session(endpoint, credentials=credentials, transport=transport)
    if sent:
        session.call("GET", "x", role="read")
        assert transport.authorizations == ["Bearer t1"]
        return
    with pytest.raises(ConfigError, match=rf"hosts of {universe}.*https://healthcare\.{universe}") as caught:
        session.call("GET", "x", role="read")
    assert transport.requests == []
    assert credentials.refreshed == 0
    assert "t1" not in str(caught.value)


def test_credentials_that_hold_no_token_go_anywhere() -> None:
    transport = Scripted(ok({}))
    Session("https://api.example.com", credentials=AnonymousCredentials(), transport=transport).call(
        "GET", "x", role="read"
    )
    assert transport.authorizations == [None]


@pytest.mark.parametrize("universe", ["googleapis.com", OTHER])
@pytest.mark.parametrize("found", ["given", "default"])
def test_failures_are_read_in_the_universe_of_the_credentials(
    universe: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = of_universe(universe)
    monkeypatch.setattr(google.auth, "default", lambda **_: (credentials, "p"))
    monkeypatch.setenv(auth.UNIVERSE, universe)
    client = Client(
        f"https://healthcare.{universe}",
        credentials=credentials if found == "given" else None,
        transport=Scripted(ok(operation(done=True))),
    )
    transport = Scripted(ok({}))
    failures(client.get(NAME), transport=transport)
    assert [str(request.url) for request in transport.requests] == [
        f"https://logging.{universe}/v2/entries:list"
    ]
    assert transport.authorizations == ["Bearer t1"]


def test_default_credentials_of_another_universe_never_reach_googles_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials = of_universe(OTHER)
    monkeypatch.setattr(google.auth, "default", lambda **_: (credentials, "p"))
    service = Scripted(ok(operation(done=True)))
    client = Client("https://healthcare.googleapis.com", transport=service)
    transport = Scripted(ok({}))
    failures(client.get(NAME), transport=transport)
    assert service.authorizations == [None]
    assert [request.url.host for request in transport.requests] == ["logging.other.goog"]


def test_a_universe_that_is_no_domain_makes_no_address() -> None:
    credentials = of_universe("evil.example/x?y=.googleapis.com")
    client = Client(
        "http://127.0.0.1:9", credentials=credentials, transport=Scripted(ok(operation(done=True)))
    )
    transport = Scripted(ok({}))
    with pytest.raises(ConfigError):
        failures(client.get(NAME), transport=transport)
    assert transport.requests == []


PASSWORDS = [
    "https://user:pa55word@api.example.com",
    "https://pa55word@api.example.com/v1",
    "http://user:pa55word@127.0.0.1:9",
    "https://user:pa55word\\@api.example.com",
    "https://user:pa55word@",
    "ftp://user:pa55word@api.example.com",
    "user:pa55word@api.example.com",
    "//user:pa55word@api.example.com",
    "https://user:pa55word@api.example.com\n",
    "https://api.example.com?key=pa55word",
    "https://api.example.com/v1?key=pa55word#x",
    "https://api.example.com#pa55word",
    "https://api.example.com/?pa55word",
]


@pytest.mark.parametrize("endpoint", PASSWORDS)
def test_a_password_in_an_endpoint_is_refused_and_shown_nowhere(
    endpoint: str, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = "projects/p/locations/l/datasets/d"
    with caplog.at_level(logging.DEBUG):
        for make in (
            lambda: Client(endpoint),
            lambda: Client(endpoint, credentials="token"),
            lambda: lro.connect(name, endpoint=endpoint),
            lambda: Session(endpoint),
        ):
            with pytest.raises(ConfigError, match="endpoint") as caught:
                make()
            assert "pa55word" not in str(caught.value)
            assert "pa55word" not in repr(caught.value)
            assert caught.value.__cause__ is None
    assert "pa55word" not in caplog.text
    assert not state_dir.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example\\.googleapis.com",
        "https://evil.example%2f.googleapis.com",
        "https://a b.googleapis.com",
        "https://h/../v1",
        "https://h/%2e%2e/v1",
        "https://h//v1",
        "https://h:99999",
        "https://h:",
        "https://[::1",
        "https:///x",
        "https:/h",
        "h",
        "",
        None,
        7,
    ],
)
def test_an_endpoint_is_an_address_and_no_more(endpoint: Any) -> None:
    with pytest.raises(ConfigError, match="endpoint"):
        Client(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://h",
        "HTTPS://Healthcare.GoogleAPIs.com/",
        "http://[::1]:80/v1/",
        "https://h.example:8443/a/v2beta1",
    ],
)
def test_an_endpoint_may_have_a_port_and_a_path(endpoint: str) -> None:
    assert Client(endpoint).endpoint.startswith("http")


def test_a_service_that_comes_back_is_held_to_the_same() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    session = Session(
        "http://127.0.0.1:9",
        credentials="t",
        transport=httpx.MockTransport(refuse),
        revive=lambda: ("http://user:pa55word@127.0.0.1:9", "t"),
    )
    with pytest.raises(ConfigError) as caught:
        session.call("GET", "x", role="read")
    assert "pa55word" not in str(caught.value)


def test_the_journal_names_a_service_by_its_bare_address(state_dir: Path) -> None:
    client = Client(
        "https://api.example.com/v1", credentials="t0ken", transport=Scripted(ok(operation(done=True)))
    )
    client.start("POST", "projects/p:go", {}, show=False)
    with closing(sqlite3.connect(next(state_dir.glob("*.sqlite3")))) as connection:
        rows = connection.execute("SELECT * FROM started").fetchall()
    assert rows[0][1] == "https://api.example.com"
    assert "t0ken" not in str(rows)


def test_storage_is_read_in_the_universe_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        load_operation, "read", lambda _uri, **options: seen.append(options.get("storage_options"))
    )
    for universe in ("googleapis.com", OTHER):
        credentials = of_universe(universe)
        with Client(f"https://healthcare.{universe}", credentials=credentials) as client:
            load_operation.read_for(client, "gs://b/x")
            load_operation.read_for(client, "s3://b/x", storage_options=None)
    assert [options and set(options) for options in seen] == [
        {"token"},
        None,
        {"token", "endpoint_url"},
        None,
    ]
    assert seen[2]["endpoint_url"] == "https://storage.other.goog"


@pytest.mark.parametrize(
    ("place", "trusted"),
    [
        ("http://127.0.0.1:4443", True),
        ("localhost:4443", True),
        ("default", True),
        ("", True),
        ("https://storage.googleapis.com", True),
        ("http://storage.googleapis.com", False),
        ("https://evil.example", False),
        ("evil.example:80", False),
        ("http://[", False),
    ],
)
def test_the_environment_leads_no_credentials_elsewhere(
    *,
    place: str,
    trusted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials = of_universe("googleapis.com")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", place)
    assert auth.storage_options(credentials) == {"token": credentials if trusted else "anon"}
    assert auth.storage_options(None) == {}


def test_bigquery_is_read_in_the_universe_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    client = Warehouse("p", of_universe(OTHER)).client()
    assert client._connection.API_BASE_URL == "https://bigquery.other.goog"
    assert (
        Warehouse("p", of_universe("googleapis.com"))
        .client()
        ._connection.API_BASE_URL.endswith("bigquery.googleapis.com")
    )


@pytest.mark.parametrize(("place", "own"), [("http://127.0.0.1:9", True), ("http://evil.example", False)])
def test_an_emulator_of_bigquery_elsewhere_gets_no_credentials(
    *,
    place: str,
    own: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", place)
    credentials = of_universe("googleapis.com")
    used = Warehouse("p", credentials).client()._credentials
    assert (used is credentials) == own
    assert isinstance(used, AnonymousCredentials) != own
