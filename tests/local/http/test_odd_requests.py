"""Requests that no client of Google sends: each is answered with a sentence, and the service goes on."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from local.conftest import DATASET, Program
from services import start_warm

from lro_notebook import local
from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from warm import Warm

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One service, whose log may tell of requests that are none, but of no mistake."""
    program = Program(tmp_path_factory.mktemp("odd") / "data")
    yield program
    code, errors = program.end()
    assert code == 0
    assert "Traceback" not in errors


def answer_to(service: Program, request: bytes, *, timeout: float = 20) -> bytes:
    """Return what the service answers to bytes on a connection; empty where it only closes it."""
    address = ("127.0.0.1", int(service.endpoint.rpartition(":")[2]))
    with socket.create_connection(address, timeout=timeout) as connection:
        try:
            connection.sendall(request)
            with suppress(OSError):  # the service may have closed the connection by now
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except (ConnectionResetError, BrokenPipeError):
            return b""


def head(service: Program, *lines: str, target: str = f"/v1/{DATASET}/operations") -> bytes:
    port = service.endpoint.rpartition(":")[2]
    base = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {service.token}"]
    return "\r\n".join([*base, "Connection: close", *lines, "", ""]).encode("latin-1")


def is_clean(answer: bytes) -> bool:
    return not answer or (
        answer.startswith(b"HTTP/1.1 ") and answer[9:10] in b"24" and b" 500 " not in answer
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5",),
        ("Content-Length: 99999999999999999999",),
        ("Content-Length: -1",),
        ("Content-Length: x",),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Transfer-Encoding: gzip",),
        ("Expect: 100-continue", "Content-Length: 5"),
        ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"),
        ("X-Long: " + "x" * 200_000,),
        *[tuple(f"X-{number}: y" for number in range(5_000))] * 1,
        ("Prefer: \xe9\xff", "If-Match: \xe9", "Origin: \xe9"),
        ("Origin: http://[::1",),
        ("Host: [::1",),
        ("Host: [",),
        ("Host: \xe9",),
        ("Cookie: " + "a=b;" * 1000,),
        ("Range: bytes=99999999999999999999-", "Accept-Encoding: \x01"),
    ],
    ids=lambda lines: lines[0][:24],
)
def test_odd_headers(service: Program, lines: tuple[str, ...]) -> None:
    answer = answer_to(service, head(service, *lines))
    assert is_clean(answer), answer[:300]
    assert service.client.get("operations").status_code == 200


@pytest.mark.parametrize(
    "host", ["[::1", "[", "[]", "a:b:c", "\xe9", "", "127.0.0.1:99999999", "[::1]:x", " "]
)
def test_odd_hosts_are_not_let_in(service: Program, host: str) -> None:
    for path in (f"/v1/{DATASET}", "//v1//", "/..", "/%00", "/%ff%fe", "//[", "/" + "a" * 5_000):
        lines = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answer = answer_to(service, lines.encode("latin-1"))
        assert answer[9:12] in (b"400", b"403"), (path, answer[:200])


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/{DATASET}/operations?filter=" + "x" * 100_000,
        f"/v1/{DATASET}/operations?" + "a=1&" * 25_000,
        f"/v1/{DATASET}/operations?" + "%" * 1_000,
        f"/v1/{DATASET}/operations?pageSize=%00",
        f"/v1/{DATASET}/operations?pageToken=%ED%A0%80",
        f"/v1/{DATASET}/operations/" + "9" * 5_000,
        f"/v1/{DATASET}/operations/%00",
        f"/v1/{DATASET}/fhirStores/%00",
        f"/v1/{DATASET}/fhirStores/%ED%A0%80/fhir/Patient/%00",
        f"/v1/{DATASET}/fhirStores/" + "s" * 5_000,
        "/v1/projects/%00/locations/%FF/datasets/%ED%A0%80",
        "/storage/v1/b/demo-out/o/%00",
        "/storage/v1/b/demo-out/o/%ED%A0%80?alt=media",
        "/storage/v1/b/demo-out/o/" + "x" * 300 + "?alt=media",
        "/storage/v1/b/demo-out/o/" + "x/" * 3_000 + "y",
        "/storage/v1/b/demo-out/o?prefix=%00",
        "/storage/v1/b/demo-out/o?prefix=%FF",
        "/storage/v1/b/demo-out/o?prefix=" + "x" * 5_000,
        "/storage/v1/b/%ED%A0%80/o",
        "/storage/v1/b/" + "b" * 5_000,
    ],
    ids=lambda target: target[:60],
)
def test_odd_addresses(service: Program, target: str) -> None:
    answer = answer_to(service, head(service, target=target))
    assert is_clean(answer), answer[:300]
    assert service.client.get("operations").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"labels":{"a":"\\ud800"}}',
        b'{"labels":{"\\udfff":"a"}}',
        b'{"labels":{"a":"\xed\xa0\x80"}}',
        b'{"labels":{"a":"\\u0000"}}',
        b'{"labels":{"\\u0000":"a"}}',
        b'{"a":9223372036854775808,"b":-9223372036854775809,"c":1e400}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":NaN}',
        b'{"version":"R4","version":"\\u0000"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{" + b'"a":1,' * 100_000 + b'"a":1}',
        b"null",
        b"[]",
        b'"x"',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_odd_texts_are_kept_or_refused(service: Program, body: bytes) -> None:
    for kind in ("fhirStores", "hl7V2Stores", "consentStores", "dicomStores"):
        fields = {"version": "R4"} if kind == "fhirStores" else {}
        service.client.post(kind, params={f"{kind[:-1]}Id": "odd"}, json=fields)
    for method, path in [
        ("POST", f"fhirStores?fhirStoreId=o{hash(body) % 10**9}"),
        ("PATCH", "fhirStores/odd?updateMask=labels"),
        ("PATCH", "hl7V2Stores/odd?updateMask=labels,rejectDuplicateMessage"),
        ("POST", "hl7V2Stores/odd/messages"),
        ("POST", "consentStores/odd/attributeDefinitions?attributeDefinitionId=a"),
        ("POST", "consentStores/odd:checkDataAccess"),
        ("POST", "fhirStores/odd/fhir/Patient"),
        ("POST", "fhirStores/odd:import"),
        ("POST", f"{service.endpoint}/v1/{DATASET}:deidentify"),
        ("POST", f"{service.endpoint}/v2/entries:list"),
        ("PATCH", f"{service.endpoint}/.lro-local"),
    ]:
        answer = service.client.request(method, path, content=body)
        assert answer.status_code < 500, (method, path, answer.text[:200])
    assert service.client.get("fhirStores").status_code == 200


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30, "9" * 5_000, 1e30, "1e3", True])
def test_numbers_that_sqlite_cannot_hold_are_refused(service: Program, number: object) -> None:
    if service.client.get("fhirStores/odd").status_code == 404:
        service.store("odd")
    beta = f"{service.endpoint}/v1beta1/{DATASET}/fhirStores/odd"
    out = {"gcsDestination": {"uriPrefix": "gs://demo-out/x"}}
    source = {"gcsSource": {"uri": "gs://demo-out/x"}}
    rollback = {"rollbackTime": "2026-01-01T00:00:00Z", "resultGcsBucket": "demo-out"}
    for url, body in [
        (f"{beta}:exportHistory", {**out, "maxResourceVersions": "N"}),
        (f"{beta}:importHistory", {**source, "maxErrorCount": "N"}),
        ("fhirStores/odd:rollback", {**rollback, "filteringFields": {"operationIds": ["N"]}}),
    ]:
        answer = service.client.post(url, content=json.dumps(body).replace('"N"', json.dumps(number)))
        assert answer.status_code == 400, (url, answer.text[:200])
    for version in (str(number), "9" * 5_000):
        answer = service.client.get(f"fhirStores/odd/fhir/Patient/p/_history/{version}")
        assert answer.status_code in (400, 404)
        headers = {"If-Match": f'W/"{version}"'}
        answer = service.client.put(
            "fhirStores/odd/fhir/Patient/nobody",
            json={"resourceType": "Patient", "id": "nobody"},
            headers=headers,
        )
        assert answer.status_code == 412


def test_a_body_of_two_gigabytes_is_refused_before_it_is_here(service: Program) -> None:
    port = int(service.endpoint.rpartition(":")[2])
    begun = head(service, f"Content-Length: {2 << 30}", target=f"/v1/{DATASET}/fhirStores?fhirStoreId=x")
    begun = begun.replace(b"GET", b"POST", 1)
    sent, answer = 0, b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(begun)
        connection.settimeout(60)
        try:
            while sent < 2 << 30:
                sent += connection.send(b" " * (1 << 20))
        except (ConnectionResetError, BrokenPipeError):
            pass
        else:
            answer = connection.recv(4096)
    assert sent < 600 << 20
    assert answer == b"" or b" 413 " in answer
    assert service.client.get("operations").status_code == 200


def test_a_body_over_the_limit_gets_its_answer(service: Program) -> None:
    answer = service.client.post("fhirStores", params={"fhirStoreId": "big"}, content=b" " * (33 << 20))
    assert answer.status_code == 413
    assert "larger than 33554432 bytes" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", "ключ".encode(), b"", b"\0" * 1_000_000, b"a b\r\nc", b"\n"]
)
def test_a_token_file_that_is_none_never_hangs_or_leaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None, content: bytes
) -> None:
    start_warm(monkeypatch, warm, "--sample-patients", "3")
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    (directory / "token").write_bytes(content)
    (directory / "token").chmod(0o600)
    begun = time.monotonic()
    try:
        running = local.ensure(directory, timeout=25)
    except ConfigError as error:
        assert "did not answer" not in str(error)  # noqa: PT017 - refused at once is as good
    else:
        assert running.token.isascii()
    finally:
        local.stop(directory)
    assert time.monotonic() - begun < 25
    assert not (directory / "service.json").exists()
