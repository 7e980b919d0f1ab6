"""Nobody but the service of a data directory gets a token or a body, and nobody else is stopped."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from patience import GIVE_UP
from places import TESTS
from services import start_warm
from systems import user

import lro_notebook as lro
from lro_notebook import local
from lro_notebook.testing import LroService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.conftest import Program
    from warm import Warm

pytestmark = [pytest.mark.service, pytest.mark.spread]

THIEF = TESTS / "thief.py"
NOBODY = 65534
KEY = base64.b64encode(b"nobody sees this").decode()
DATASET = "projects/local/locations/local/datasets"
#: What the service could say, all in one.
CLAIMS = {
    "service": "lro-notebook-local",
    "dataset": f"{DATASET}/demo",
    "name": f"{DATASET}/demo/operations/1",
    "proof": "0" * 64,
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None) -> Iterator[Path]:
    """The data directory of services that start at once, with a small sample."""
    start_warm(monkeypatch, warm, "--sample-patients", "3")
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
            self._process.communicate(timeout=GIVE_UP)

    def heard_nothing_but_challenges(self) -> bool:
        """Tell whether it was asked for proof, and for nothing else."""
        heard = self.record.read_bytes()
        challenge = rb"GET /\.lro-local/proof\?nonce=[0-9a-f]{64} HTTP/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n\r\n"
        return re.fullmatch(rb"(?:%b)+" % challenge, heard) is not None


@pytest.fixture(params=["another user", "the same user"])
def thief(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Thief]:
    number = user()
    if request.param == "another user":
        if number != 0:
            pytest.skip("only root can start a program of another user")
        number = NOBODY
    program = Thief(number, tmp_path / "heard")
    yield program
    program.end()


def kill(data: Path) -> None:
    process = psutil.Process(json.loads((data / "service.json").read_bytes())["pid"])
    process.kill()
    process.wait(GIVE_UP)


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
    with pytest.warns(lro.OperationFailedWarning, match="ABORTED"):
        op = dataset.client.attach(snapshot).wait(60)  # its first look meets the thief
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
    hashed = {"infoTypes": ["PERSON_NAME"], "cryptoHashConfig": {"cryptoKey": KEY}}
    config = {"fhir": {"fieldMetadataList": []}, "text": {"transformations": [hashed]}}
    op = dataset.deidentify("safe", config=config)
    assert op.wait(60).done()
    assert thief.heard_nothing_but_challenges()
    assert lro.connect(f"{DATASET}/made", data_dir=data).create(time_zone="Europe/Vienna").wait(60).done()
    assert thief.heard_nothing_but_challenges()


def test_who_listens_and_says_nothing_gets_nothing_either(data: Path, thief: Thief) -> None:
    dataset = lro.connect(data_dir=data)
    before = local.ensure(data)
    kill(data)
    thief.take(before.endpoint)
    for seconds in (0.1, 1.0, 5.0, 20.0):  # on a busy machine the first may pass before the challenge is sent
        assert local.stop(data, timeout=seconds) is False
        if thief.record.stat().st_size:
            break
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
            with target, suppress(OSError):  # the other direction may have closed both
                while content := source.recv(65536):
                    note += content
                    # As the service expects it, so that it answers.
                    target.sendall(content.replace(old.endpoint[7:].encode(), new.endpoint[7:].encode()))

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
        bystander.communicate(b"\n", timeout=GIVE_UP)
    assert bystander.returncode == 0


def test_stop_needs_no_signal(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local.ensure(data)
    service = psutil.Process(json.loads((data / "service.json").read_bytes())["pid"])
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))
    assert local.stop(data) is True
    assert not service.is_running()
    assert not (data / "service.json").exists()


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
    first.kill()
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
