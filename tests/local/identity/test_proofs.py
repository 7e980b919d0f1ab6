"""A proof holds for one service, one address and one challenge; a new start has all of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from services import start_warm
from systems import has_mode

from lro_notebook import local
from lro_notebook.local.identity.proof import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.conftest import Program
    from warm import Warm

pytestmark = [pytest.mark.service, pytest.mark.spread]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None) -> Iterator[Path]:
    """The data directory of services that start at once, with a small sample."""
    start_warm(monkeypatch, warm, "--sample-patients", "3")
    folder = tmp_path / "data"
    yield folder
    local.stop(folder)


def test_each_start_has_a_token_and_a_secret_of_its_own(launch: Callable[..., Program]) -> None:
    seen = set[str]()
    for how in ("end", "kill", "end"):
        program = launch()
        about = json.loads((program.data_dir / "service.json").read_bytes())
        seen |= {program.token, about["secret"]}
        assert len(program.token) > 40
        assert program.client.get("fhirStores").status_code == 200
        for name in ("token", "service.json"):
            assert has_mode(program.data_dir / name, 0o600)
        getattr(program, how)()
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
