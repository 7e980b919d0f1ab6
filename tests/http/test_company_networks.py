"""Networks of companies: certificates signed by the company, and proxies, over real TLS on loopback."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
import types
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
import requests
from google.api_core.exceptions import ServiceUnavailable
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials
from tls import Authority, ConnectProxy, TlsServer, serving

from lro_notebook import ApiError, Client, ConfigError
from lro_notebook.http import auth, certificates
from lro_notebook.http.proxies import is_exempt, proxy_for
from lro_notebook.http.responses import NoConnection, is_transient
from lro_notebook.http.session import Session
from lro_notebook.jupyter.card_model import card_of
from lro_notebook.operations.adapters.api_core import told
from lro_notebook.results.location import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNNING = {"name": "projects/p/locations/l/datasets/d/operations/7", "done": False}
NAME = str(RUNNING["name"])
FAR = "https://healthcare.example.org"
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(company: Authority) -> Iterator[TlsServer]:
    with serving(TlsServer(RUNNING, company.issue())) as server:
        yield server


def read(endpoint: str, **options: Any) -> dict[str, Any]:
    with closing(Session(endpoint, **options)) as session:
        return session.call("GET", NAME, role="read")


def refused(endpoint: str, **options: Any) -> NoConnection:
    """Return the error of a read; no pause is made, since none may be needed."""

    def sleep(seconds: float) -> None:
        pytest.fail(f"it was tried again after {seconds} s")

    with pytest.raises(NoConnection) as caught:
        read(endpoint, sleep=sleep, **options)
    return caught.value


def test_an_untrusted_certificate_is_called_that_at_once_with_the_variables_that_mend_it(
    server: TlsServer,
) -> None:
    error = refused(server.endpoint)
    assert "the certificate of 127.0.0.1 is not trusted" in str(error)
    assert "SSL_CERT_FILE" in error.hint
    assert "REQUESTS_CA_BUNDLE" in error.hint
    assert server.connections == 1
    assert not is_transient(error)


def test_a_start_over_an_untrusted_certificate_is_surely_not_sent(server: TlsServer) -> None:
    with (
        closing(Session(server.endpoint)) as session,
        pytest.raises(NoConnection, match="Nothing was sent"),
    ):
        session.call("POST", f"{NAME}:go", role="start", json={})
    assert (server.connections, server.paths) == (1, [])


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_that_names_certificates_is_honoured(
    server: TlsServer, company: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    place = company.pem
    if variable == "SSL_CERT_DIR":
        context = ssl.create_default_context(cafile=str(company.pem))
        assert context.get_ca_certs()
        place = hashed(company.pem, tmp_path)
    monkeypatch.setenv(variable, str(place))
    with Client(server.endpoint) as client:
        assert client.get(NAME).name == NAME


def hashed(pem: Path, folder: Path) -> Path:
    """Return a folder with a certificate under the name that OpenSSL looks for."""
    openssl = shutil.which("openssl")  # it alone knows that name
    if openssl is None:
        pytest.skip("openssl is not installed")
    command = [openssl, "x509", "-hash", "-noout", "-in", str(pem)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (folder / f"{name}.0").write_bytes(pem.read_bytes())
    return folder


def test_two_variables_that_name_different_authorities_are_both_trusted(
    server: TlsServer, company: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "Another").pem))
    assert "SSL_CERT_FILE" in str(refused(server.endpoint))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(company.pem))
    assert read(server.endpoint) == RUNNING


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_names_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match=rf"{variable} names .*none\.pem"):
        Client(FAR)


def test_a_file_without_certificates_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "notes.txt"))
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE .*holds no certificates in PEM"):
        Client(FAR)
    Client("http://127.0.0.1:1").close()  # the local service has no need of any


def test_truststore_is_used_where_it_is_installed(
    server: TlsServer, company: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfTheSystem(ssl.SSLContext):
        def __init__(self, _protocol: int) -> None:
            self.load_verify_locations(str(company.pem))

    installed = types.ModuleType("truststore")
    installed.SSLContext = OfTheSystem  # type: ignore[attr-defined]  # a module of the test
    monkeypatch.setitem(sys.modules, "truststore", installed)
    assert read(server.endpoint) == RUNNING


def test_the_authorities_of_the_system_and_of_certifi_are_trusted_where_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch, company: Authority
) -> None:
    monkeypatch.setitem(sys.modules, "truststore", None)
    monkeypatch.setattr(
        ssl.SSLContext, "load_default_certs", lambda self: self.load_verify_locations(str(company.pem))
    )
    known = certificates.context().get_ca_certs()
    assert "A company" in str([each["subject"] for each in known])
    assert len(known) > 50


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("127.0.0.1", -1.0, ("has expired", "clock")),
        ("other.example.org", 30.0, ("is that of another host", "Check the address")),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(
    company: Authority, monkeypatch: pytest.MonkeyPatch, name: str, days: float, words: tuple[str, str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(company.pem))
    with serving(TlsServer(RUNNING, company.issue((name,), days=days))) as server:
        error = refused(server.endpoint)
    assert all(word in str(error) for word in words)


def test_a_server_without_tls_is_called_that() -> None:
    with serving(TlsServer(RUNNING, None)) as server:
        assert "does not speak TLS" in str(refused(server.endpoint))


def of_user(server: TlsServer) -> Credentials:
    return Credentials(
        None,
        refresh_token="r",  # noqa: S106 - of a test
        token_uri=f"https://localhost:{server.port}/token",
        client_id="c",
        client_secret="s",  # noqa: S106 - of a test
    )


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_google_auth_trusts_whom_the_session_trusts(
    company: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(company.pem))
    with (
        serving(TlsServer({"access_token": "t", "expires_in": 3600}, company.issue())) as tokens,
        serving(TlsServer(RUNNING, company.issue())) as server,
    ):
        assert read(server.endpoint, credentials=of_user(tokens)) == RUNNING
    assert tokens.paths == ["/token"]


def test_an_untrusted_token_server_is_named_at_once(
    company: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "Another").pem))
    with serving(TlsServer({}, company.issue())) as tokens:
        error = refused("https://127.0.0.1:1", credentials=of_user(tokens))
        assert "the certificate of localhost is not trusted" in str(error)
        assert tokens.connections == 1


def test_a_certificate_that_is_not_trusted_any_more_is_trouble_at_once(
    server: TlsServer, company: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(company.pem))
    with Client(server.endpoint) as client:
        op = client.get(NAME)
        server.take(Authority(tmp_path, "Another").issue())
        server.close_connections()
        with pytest.raises(NoConnection, match="not trusted"):
            op.result(timeout=60)
        op.done()
        assert op._poller.released.wait(60)
        assert "the certificate of 127.0.0.1 is not trusted" in card_of(op, datetime.now(UTC)).trouble


def test_requests_go_through_the_proxy_that_is_named(
    server: TlsServer, company: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(company.pem))
    with serving(ConnectProxy(server.port)) as proxy:
        for value in (proxy.url, f" {proxy.url}/ ", proxy.url.removeprefix("http:"), proxy.url[7:]):
            monkeypatch.setenv("HTTPS_PROXY", value)
            assert read(FAR) == RUNNING
    assert proxy.asked == ["healthcare.example.org:443"] * 4


def test_an_untrusted_certificate_behind_a_proxy_is_called_that(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(ConnectProxy(server.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert "the certificate of healthcare.example.org is not trusted" in str(refused(FAR))


@pytest.mark.parametrize(("status", "hint"), [(407, "user:password"), (403, "NO_PROXY=healthcare")])
def test_a_proxy_that_refuses_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, status: int, hint: str
) -> None:
    with serving(ConnectProxy(1, status=status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = refused(FAR)
        assert len(proxy.asked) == 1
    assert f"the proxy that HTTPS_PROXY names refuses the connection (HTTP {status})" in str(error)
    assert hint in error.hint


def test_a_proxy_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:1")
    with pytest.raises(ApiError, match="by the proxy that HTTPS_PROXY names") as caught:
        read(FAR, sleep=lambda _: None)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "SOCKS"),
        ("all_proxy", "socks5h://u:secret@127.0.0.1:1080", "SOCKS"),
        ("ALL_PROXY", "socks://127.0.0.1:1080/", "SOCKS"),
        ("HTTPS_PROXY", "socks4://127.0.0.1:1080", "socks4"),
        ("HTTPS_PROXY", "ftp://127.0.0.1", "ftp"),
        ("HTTPS_PROXY", "http://", "names no address"),
        ("HTTPS_PROXY", "http://proxy:secret", "names no address"),
        ("HTTPS_PROXY", "http://my proxy:3128", "names no address"),
        ("https_proxy", "http://proxy:99999999", "names no address"),
        ("https_proxy", "http://[::1:3128", "names no address"),
        ("https_proxy", "http://u:sec\x01ret@proxy:1", "names no address"),
        ("https_proxy", '"http://proxy:3128"', "names no address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=words) as caught:
        Client(FAR)
    assert variable in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("no_proxy", "url", "exempt"),
    [
        ("*", FAR, True),
        (" * ", FAR, True),
        ("example.org", FAR, True),
        (".example.org", FAR, True),
        ("*.example.org", FAR, True),
        ("ample.org", FAR, False),
        ("a.example , healthcare.example.org", FAR, True),
        ("a.example healthcare.example.org", FAR, True),
        ("HEALTHCARE.Example.org.", FAR, True),
        ("healthcare.example.org:443", FAR, True),
        ("healthcare.example.org:8443", FAR, False),
        ("https://healthcare.example.org/", FAR, True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3:444", True),
        ("10.1.2.3:444", "https://10.1.2.3:444", True),
        ("10.1.2.3:444", "https://10.1.2.3", False),
        ("fd00::/8", "https://[fd00::1]", True),
        ("[fd00::1]", "https://[fd00::1]", True),
        ("[fd00::1]:443", "https://[fd00::1]", True),
        ("fd00::2", "https://[fd00::1]", False),
        ("10.0.0.0/99,,;:,[,::ffff", FAR, False),
        ("", FAR, False),
    ],
)
def test_what_no_proxy_exempts(no_proxy: str, url: str, *, exempt: bool) -> None:
    assert is_exempt(httpx.URL(url), no_proxy) is exempt


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "http://low:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://up:1"}, None),
        ({"HTTPS_PROXY": " ", "ALL_PROXY": "http://all:1"}, "http://all:1"),
        ({"HTTP_PROXY": "http://other:1"}, None),
        ({"HTTPS_PROXY": "http://u:p%40@up:1"}, "http://u:p%40@up:1"),
        ({"HTTPS_PROXY": "HTTP://up"}, "http://up"),
        ({"HTTPS_PROXY": "http://up:1", "NO_PROXY": "example.org"}, None),
        ({"HTTPS_PROXY": "socks4://bad", "NO_PROXY": "example.org"}, None),
    ],
)
def test_which_proxy_the_environment_names(environment: dict[str, str], expected: str | None) -> None:
    proxy = proxy_for(httpx.URL(FAR), environment)
    assert (proxy and proxy.url) == expected
    assert "http://" not in repr(proxy)


def test_in_a_cgi_script_a_header_of_the_request_names_no_proxy() -> None:
    environment = {"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}
    assert proxy_for(httpx.URL("http://service.example.org"), environment) is None


def test_gcsfs_takes_the_proxy_that_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = AnonymousCredentials()
    assert "session_kwargs" not in auth.storage_options(credentials)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert auth.storage_options(credentials)["session_kwargs"] == {"trust_env": True}
    monkeypatch.setenv("NO_PROXY", ".googleapis.com")
    assert "session_kwargs" not in auth.storage_options(credentials)


def test_an_untrusted_certificate_of_a_storage_is_called_that(server: TlsServer) -> None:
    async def fetch() -> None:
        async with aiohttp.ClientSession() as session, session.get(server.endpoint):
            pass

    with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
        asyncio.run(fetch())
    words = kind_of(caught.value)
    assert "the certificate of 127.0.0.1 is not trusted" in words
    assert "SSL_CERT_FILE" in words


def test_googles_clients_hear_of_an_untrusted_certificate_too(server: TlsServer) -> None:
    with requests.Session() as googles:
        googles.trust_env = False
        with pytest.raises(requests.exceptions.SSLError) as caught:
            googles.get(server.endpoint, timeout=30)
    over_grpc = ServiceUnavailable(
        "Ssl handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED: unable to"
    )
    for error, variable in ((caught.value, "REQUESTS_CA_BUNDLE"), (over_grpc, "GRPC_DEFAULT_SSL_ROOTS")):
        told_as = told(error, NAME)
        assert isinstance(told_as, NoConnection)
        assert "the certificate of its service is not trusted" in str(told_as)
        assert variable in told_as.hint
