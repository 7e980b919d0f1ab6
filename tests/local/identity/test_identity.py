"""Nobody but the service of a data directory gets a token or a body, and nobody else is stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from places import TESTS

import lro_notebook as lro
from lro_notebook import local
from lro_notebook.local.identity.proof import Identity
from lro_notebook.testing import LroService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.conftest import Program

pytestmark = [pytest.mark.service, pytest.mark.spread]

THIEF = TESTS / "thief.py"
NOBODY = 65534
KEY = "a-key-that-nobody-else-may-see"
DATASET = "projects/local/locations/local/datasets"
#: What the service could say, all in one.
CLAIMS = {
    "service": "lro-notebook-local",
    "dataset": f"{DATASET}/demo",
    "name": f"{DATASET}/demo/operations/1",
    "proof": "0" * 64,
}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    local.stop(folder)


class Thief:
    """A program, of another user where the test may start one, that takes over a port."""

    def __init__(self, user: int, record: Path) -> None:
        self.user, self.record = user, record
        record.touch()
        self._process: subprocess.Popen[str] | None = None

    def take(self, endpoint: str, *, answer: str = "") -> None:
        """Listen where a service did."""
        port = endpoint.rpartition(":")[2]
        command = [sys.executable, "-I", str(THIEF), port, str(self.user), str(self.record), answer]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == str(self.user)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=20)

    def heard_nothing_but_challenges(self) -> bool:
        """Tell whether it was asked for proof, and for nothing else."""
        heard = self.record.read_bytes()
        challenge = rb"GET /\.lro-local/proof\?nonce=[0-9a-f]{64} HTTP/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n\r\n"
        return re.fullmatch(rb"(?:%b)+" % challenge, heard) is not None


@pytest.fixture(params=["another user", "the same user"])
def thief(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Thief]:
    user = os.getuid()
    if request.param == "another user":
        if user != 0:
            pytest.skip("only root can start a program of another user")
        user = NOBODY
    program = Thief(user, tmp_path / "heard")
    yield program
    program.end()


def kill(data: Path) -> None:
    process = psutil.Process(json.loads((data / "service.json").read_bytes())["pid"])
    process.kill()
    process.wait(20)


ENDS: list[Callable[[Path], object]] = [kill, local.stop]


def claims(data: Path) -> str:
    """Return what a thief says who knows all but the secret."""
    return json.dumps({**CLAIMS, "pid": os.getpid(), "dataDir": str(data), "buckets": str(data / "buckets")})


def test_connect_gives_no_token_to_who_listens_where_a_killed_service_did(data: Path, thief: Thief) -> None:
    before = local.ensure(data)
    kill(data)
    thief.take(before.endpoint, answer=claims(data))
    dataset = lro.connect(data_dir=data)
    assert dataset.exists()
    assert dataset.client.endpoint != before.endpoint
    assert thief.heard_nothing_but_challenges()


@pytest.mark.parametrize("end", ENDS, ids=["killed", "stopped"])
def test_looks_at_an_operation_give_no_token_to_who_took_the_port(
    data: Path, thief: Thief, end: Callable[[Path], object]
) -> None:
    dataset = lro.connect(data_dir=data)
    store = dataset.fhir_store("s").create()
    local.set_pace(1, data)
    running = local.ensure(data)
    answer = httpx.post(
        f"{running.endpoint}/v1/{store.name}:import",
        headers={"Authorization": f"Bearer {running.token}"},
        json={"contentStructure": "RESOURCE", "gcsSource": {"uri": "gs://lro-sample/fhir/*.ndjson"}},
    )
    snapshot = lro.OperationResource.from_dict(answer.raise_for_status().json())
    end(data)
    thief.take(running.endpoint, answer=claims(data))
    op = dataset.client.snapshot(snapshot).wait(60)  # its first look meets the thief
    assert (op.state, op.error and op.error.name) == ("FAILED", "ABORTED")
    assert dataset.client.endpoint != running.endpoint
    assert thief.heard_nothing_but_challenges()


@pytest.mark.parametrize("end", ENDS, ids=["killed", "stopped"])
def test_a_body_with_a_key_does_not_go_to_who_took_the_port(
    data: Path, thief: Thief, end: Callable[[Path], object]
) -> None:
    dataset = lro.connect(data_dir=data)
    before = dataset.client.endpoint
    end(data)
    thief.take(before, answer=claims(data))
    config = {"fhir": {"fieldMetadataList": []}, "text": {"transformations": [{"cryptoHash": {}}]}}
    op = dataset.deidentify("safe", config={**config, "annotation": {"annotationStoreName": KEY}})
    assert op.wait(60).done()
    assert thief.heard_nothing_but_challenges()
    assert lro.connect(f"{DATASET}/made", data_dir=data).create(time_zone="Europe/Vienna").wait(60).done()
    assert thief.heard_nothing_but_challenges()


def test_who_listens_and_says_nothing_gets_nothing_either(data: Path, thief: Thief) -> None:
    dataset = lro.connect(data_dir=data)
    before = local.ensure(data)
    kill(data)
    thief.take(before.endpoint)
    assert local.stop(data, timeout=0.1) is False
    assert thief.heard_nothing_but_challenges()
    thief.end()
    assert dataset.exists()


def test_who_passes_the_challenge_on_to_the_service_gets_nothing(data: Path) -> None:
    dataset = lro.connect(data_dir=data)
    old = local.ensure(data)
    kill(data)
    new = local.ensure(data)
    heard = bytearray()
    host, port = "127.0.0.1", int(old.endpoint.rpartition(":")[2])
    with socket.create_server((host, port)) as between:

        def pass_on(source: socket.socket, target: socket.socket, note: bytearray) -> None:
            while content := source.recv(65536):
                note += content
                # As the service expects it, so that it answers.
                target.sendall(content.replace(old.endpoint[7:].encode(), new.endpoint[7:].encode()))
            target.close()

        def serve() -> None:
            client, _ = between.accept()
            service = socket.create_connection((host, int(new.endpoint.rpartition(":")[2])))
            back = threading.Thread(target=pass_on, args=(service, client, answered), daemon=True)
            back.start()
            pass_on(client, service, heard)

        answered = bytearray()
        threading.Thread(target=serve, daemon=True).start()
        assert dataset.exists()
    assert dataset.client.endpoint == new.endpoint
    assert b'"proof"' in answered
    assert heard.startswith(b"GET /.lro-local/proof?nonce=")
    assert heard.count(b"\r\n") == 3
    assert b"uthorization" not in heard


def test_stop_signals_no_process_that_a_file_or_an_answer_names(tmp_path: Path, thief: Thief) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        with socket.create_server(("127.0.0.1", 0)) as free:
            endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
        left = {"endpoint": endpoint, "secret": "5" * 64, "pid": bystander.pid}
        (data / "service.json").write_text(json.dumps(left))
        (data / "token").write_text("t")
        said = {**json.loads(claims(data)), "pid": bystander.pid}
        thief.take(endpoint, answer=json.dumps(said))
        assert local.stop(data) is False
        assert thief.heard_nothing_but_challenges()
        assert bystander.poll() is None
        bystander.communicate(b"\n", timeout=20)
    assert bystander.returncode == 0


def test_stop_needs_no_signal(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local.ensure(data)
    service = psutil.Process(json.loads((data / "service.json").read_bytes())["pid"])
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))
    assert local.stop(data) is True
    assert not service.is_running()
    assert not (data / "service.json").exists()


def test_each_start_has_a_token_and_a_secret_of_its_own(launch: Callable[..., Program]) -> None:
    seen = set[str]()
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        program = launch()
        about = json.loads((program.data_dir / "service.json").read_bytes())
        seen |= {program.token, about["secret"]}
        assert len(program.token) > 40
        assert program.client.get("fhirStores").status_code == 200
        for name in ("token", "service.json"):
            assert (program.data_dir / name).stat().st_mode & 0o777 == 0o600
        program.end(number)
    assert len(seen) == 6


def test_the_token_of_the_start_before_is_refused(launch: Callable[..., Program]) -> None:
    before = launch()
    before.end()
    now = launch()
    answer = now.client.get("fhirStores", headers={"Authorization": f"Bearer {before.token}"})
    assert answer.status_code == 401


def test_a_token_file_that_is_no_text_is_replaced(data: Path) -> None:
    data.mkdir()
    (data / "token").write_bytes("naïve".encode("latin-1"))
    running = local.ensure(data)
    assert (data / "token").read_text("ascii") == running.token


def test_the_services_of_two_directories_are_not_mixed_up(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    try:
        here, there = local.ensure(data), local.ensure(other)
        left = (data / "service.json").read_bytes()
        (data / "service.json").write_bytes((other / "service.json").read_bytes())
        with pytest.raises(lro.ConfigError, match="did not answer"):
            local.ensure(data, timeout=1)
        assert local.stop(data) is False
        assert local.ensure(other) == there
        (data / "service.json").write_bytes(left)
        assert local.ensure(data) == here
    finally:
        local.stop(other)


def test_a_client_finds_the_service_that_was_started_anew_on_the_same_port(
    launch: Callable[..., Program], tmp_path: Path
) -> None:
    first = launch()
    port = first.endpoint.rpartition(":")[2]
    dataset = lro.connect(data_dir=tmp_path / "data")
    assert dataset.exists()
    first.end(signal.SIGKILL)
    second = launch("--port", port)
    assert second.endpoint == first.endpoint
    assert dataset.exists()
    assert dataset.fhir_store("s").create().exists()


def test_the_fixture_of_tests_gives_nothing_away_either(data: Path, thief: Thief) -> None:
    with LroService(data) as service:
        dataset = service.connect()
        kill(data)
        thief.take(service.endpoint, answer=claims(data))
        with pytest.raises(lro.ApiError):
            dataset.client.session.call("POST", f"{dataset.name}:deidentify", role="poll", json={"key": KEY})
        with pytest.raises(httpx.ConnectError, match="does not prove to be the local service"):
            service.pace(5)
        assert thief.heard_nothing_but_challenges()


def test_a_challenge_is_answered_without_a_token_and_nothing_else_is(service: Program) -> None:
    identity = Identity.of(json.loads((service.data_dir / "service.json").read_bytes()))
    assert identity is not None
    url = f"{service.endpoint}/.lro-local/proof"
    nonce = "0123456789abcdef" * 4
    answer = httpx.get(url, params={"nonce": nonce})
    assert (answer.status_code, answer.json()) == (200, {"proof": identity.proof(nonce)})
    secrets = (service.token, identity.secret)
    assert not any(secret in answer.text for secret in secrets)
    for bad in ("", nonce[:-1], nonce.upper(), nonce + "0", "é" * 64, "\n" + nonce[1:]):
        assert httpx.get(url, params={"nonce": bad}).status_code == 400
    assert httpx.post(url, params={"nonce": nonce}).status_code in {401, 404}
    assert httpx.get(url, params={"nonce": nonce}, headers={"Host": "evil.example"}).status_code == 403
    strange = {"Origin": "https://evil.example"}
    assert httpx.get(url, params={"nonce": nonce}, headers=strange).status_code == 403
    for verb, path in (("GET", ""), ("POST", "/stop"), ("POST", "/reset"), ("GET", "/proof/")):
        answer = httpx.request(verb, f"{service.endpoint}/.lro-local{path}")
        assert answer.status_code == 401, path


def test_proofs_hold_for_one_address_one_challenge_and_one_secret() -> None:
    identity = Identity.new("http://127.0.0.1:4000")
    nonce, other = "a" * 64, "b" * 64
    answer = identity.proof(nonce)
    assert identity.is_proven(nonce, answer)
    wrong: list[Any] = [None, "", answer[:-1], answer.upper(), "é", 0, identity.token, identity.proof(other)]
    wrong.append(Identity("http://127.0.0.1:4001", identity.secret).proof(nonce))
    wrong.append(Identity.new(identity.endpoint).proof(nonce))
    assert not any(identity.is_proven(nonce, answer) for answer in wrong)
    assert identity.secret not in repr(identity)
    assert Identity.of({"endpoint": identity.endpoint, "secret": identity.secret}) == identity


@pytest.mark.parametrize(
    "about",
    [
        None,
        [],
        {},
        {"endpoint": "http://127.0.0.1:1"},
        {"endpoint": "http://127.0.0.1:1", "secret": "5" * 63},
        {"endpoint": "http://127.0.0.1:1", "secret": "x" * 64},
        {"endpoint": "http://127.0.0.1:1@evil.example", "secret": "5" * 64},
        {"endpoint": "http://evil.example", "secret": "5" * 64},
        {"endpoint": 1, "secret": "5" * 64},
    ],
)
def test_a_service_file_that_names_no_service_here_is_none(about: object) -> None:
    assert Identity.of(about) is None


FORKS = """
import os, sys
import httpx
from lro_notebook import local
from lro_notebook.local.identity.transport import ProvenTransport
running = local.ensure()
headers = {"Authorization": f"Bearer {running.token}"}
with httpx.Client(transport=ProvenTransport(running.identity), headers=headers) as client:
    def ask():
        stream = client.get(f"{running.endpoint}/.lro-local").raise_for_status().extensions["network_stream"]
        return stream.get_extra_info("client_addr")
    ours = ask()
    assert ask() == ours
    child = os.fork()
    if child == 0:
        os._exit(0 if ask() != ours else 1)
    _, status = os.waitpid(child, 0)
    assert ask() == ours
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_after_a_fork_has_connections_of_its_own(data: Path) -> None:
    local.ensure(data)
    environment = {**os.environ, "LRO_NOTEBOOK_DATA_DIR": str(data)}
    assert (
        subprocess.run([sys.executable, "-c", FORKS], env=environment, timeout=60, check=False).returncode
        == 0
    )


def test_a_slow_proof_ends_in_time(data: Path) -> None:
    """One byte at a time is no way to hold a caller."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000:
                    try:
                        client.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.02)

        threading.Thread(target=drip, daemon=True).start()
        data.mkdir()
        left = {"endpoint": f"http://127.0.0.1:{listener.getsockname()[1]}", "secret": "5" * 64}
        (data / "service.json").write_text(json.dumps(left))
        began = time.monotonic()
        assert local.stop(data, timeout=0.5) is False
        assert time.monotonic() - began < 15
