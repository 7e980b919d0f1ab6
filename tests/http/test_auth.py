from __future__ import annotations

import google.auth
import google.auth.exceptions
import httpx
import pytest
from fakes import Renewable, Scripted, failed, ok
from google.auth.credentials import AnonymousCredentials

from lro_notebook import AuthError, ConfigError
from lro_notebook.http import auth
from lro_notebook.http.responses import NoResponse
from lro_notebook.http.retry_policy import RetryPolicy
from lro_notebook.http.session import Session

GOOGLE = "https://healthcare.googleapis.com"


def call(transport: Scripted, endpoint: str, credentials: object = None) -> None:
    retry = RetryPolicy(attempts=1)
    Session(endpoint, credentials=credentials, transport=transport, retry=retry).call("GET", "x", role="read")


def test_a_token_string_goes_to_its_endpoint() -> None:
    transport = Scripted(ok({}))
    call(transport, "https://api.example.com", "secret-token")
    assert transport.authorizations == ["Bearer secret-token"]


def test_a_token_never_goes_over_plain_http_to_another_machine() -> None:
    with pytest.raises(ConfigError, match="plain http") as caught:
        Session("http://api.example.com", credentials="secret-token")
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "[::1]:9"])
def test_plain_http_is_allowed_on_loopback(host: str) -> None:
    transport = Scripted(ok({}))
    call(transport, f"http://{host}", "secret-token")
    assert transport.authorizations == ["Bearer secret-token"]


def test_a_request_to_another_origin_goes_unsigned() -> None:
    signer = auth.StaticToken("secret-token", httpx.URL("https://api.example.com"))
    for url in ("https://other.example.com/", "http://api.example.com/", "https://api.example.com:8443/"):
        request = httpx.Request("GET", url)
        assert not signer.sign(request)
        assert "Authorization" not in request.headers


@pytest.mark.parametrize("token", ["", "  ", "two\nlines", "naïve"])
def test_what_cannot_be_a_token_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="token"):
        Session("https://api.example.com", credentials=token)


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="not dict"):
        Session("https://api.example.com", credentials={})


def test_without_credentials_only_google_hosts_get_application_default_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials = Renewable()
    monkeypatch.setattr(google.auth, "default", lambda **_: (credentials, "p"))
    asked = {}
    for endpoint in (GOOGLE, "https://api.example.com", "https://evilgoogleapis.com", "http://127.0.0.1:9"):
        transport = Scripted(ok({}))
        call(transport, endpoint)
        asked[endpoint] = transport.authorizations[0]
    assert asked == {
        GOOGLE: "Bearer t1",
        "https://api.example.com": None,
        "https://evilgoogleapis.com": None,
        "http://127.0.0.1:9": None,
    }


def test_application_default_credentials_stay_in_their_universe(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Renewable()
    credentials._universe_domain = "other.goog"
    monkeypatch.setattr(google.auth, "default", lambda **_: (credentials, "p"))
    transport = Scripted(ok({}))
    call(transport, GOOGLE)
    assert transport.authorizations == [None]


def test_no_credentials_at_all_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_: object) -> None:
        raise google.auth.exceptions.DefaultCredentialsError

    monkeypatch.setattr(google.auth, "default", nothing)
    with pytest.raises(AuthError, match="gcloud auth application-default login"):
        call(Scripted(ok({})), GOOGLE)


def test_an_expired_token_is_refreshed_once_after_a_401() -> None:
    credentials = Renewable()
    transport = Scripted(failed(401), ok({}))
    call(transport, GOOGLE, credentials)
    assert transport.authorizations == ["Bearer t1", "Bearer t2"]


def test_a_refused_token_is_not_refreshed_in_a_loop() -> None:
    credentials = Renewable()
    transport = Scripted(failed(401))
    with pytest.raises(AuthError):
        call(transport, GOOGLE, credentials)
    assert transport.authorizations == ["Bearer t1", "Bearer t2"]


def test_a_refresh_that_is_refused_names_the_command() -> None:
    with pytest.raises(AuthError, match="gcloud auth application-default login"):
        call(Scripted(ok({})), GOOGLE, Renewable(google.auth.exceptions.RefreshError("invalid_grant")))


def test_a_token_server_out_of_reach_counts_as_a_lost_connection() -> None:
    with pytest.raises(NoResponse):
        call(Scripted(ok({})), GOOGLE, Renewable(google.auth.exceptions.TransportError("no route")))


def test_anonymous_credentials_send_no_token() -> None:
    transport = Scripted(failed(401))
    with pytest.raises(AuthError):
        call(transport, "http://127.0.0.1:9", AnonymousCredentials())
    assert transport.authorizations == [None, None]


def test_the_quota_project_goes_along() -> None:
    credentials = Renewable()
    credentials._quota_project_id = "payer"
    transport = Scripted(ok({}))
    call(transport, GOOGLE, credentials)
    assert transport.requests[0].headers["x-goog-user-project"] == "payer"


def test_reprs_hold_no_token() -> None:
    url = httpx.URL("https://api.example.com")
    assert "secret-token" not in repr(auth.StaticToken("secret-token", url))
