"""The launcher and a `service.json` that belongs to another directory: only the right service obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from services import start_warm

import lro_notebook as lro
from lro_notebook import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from warm import Warm

    from lro_notebook.local import Running


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None) -> Iterator[Running]:
    """The service of another directory, whose `service.json` lies in `mine` as well."""
    start_warm(monkeypatch, warm, "--sample-patients", "3")
    running = local.ensure(tmp_path / "other")
    yield running
    local.stop(running.data_dir)


@pytest.fixture
def mine(tmp_path: Path, other: Running) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)
    (folder / "service.json").write_bytes((other.data_dir / "service.json").read_bytes())
    (folder / "service.json").chmod(0o600)
    return folder


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """HTTP method and path of every request that the launcher sends."""
    requests: list[tuple[str, str]] = []
    send: Callable[..., httpx.Response] = httpx.Client.request

    def record(client: httpx.Client, method: str, url: str, **more: object) -> httpx.Response:
        requests.append((method, httpx.URL(url).path))
        return send(client, method, url, **more)

    monkeypatch.setattr(httpx.Client, "request", record)
    return requests


def test_stop_tells_nothing_to_the_service_of_another_directory(
    mine: Path, sent: list[tuple[str, str]]
) -> None:
    assert local.stop(mine) is False
    assert sent == [("GET", "/.lro-local")]


def test_set_pace_tells_nothing_to_the_service_of_another_directory(
    mine: Path, sent: list[tuple[str, str]]
) -> None:
    with pytest.raises(lro.ConfigError, match="no local service runs"):
        local.set_pace(5, mine)
    assert sent == [("GET", "/.lro-local")]


def test_stop_and_set_pace_reach_the_service_of_their_own_directory(
    other: Running, sent: list[tuple[str, str]]
) -> None:
    local.set_pace(5, other.data_dir)
    assert local.stop(other.data_dir) is True
    changes = [request for request in sent if request[0] != "GET"]
    assert changes == [("PATCH", "/.lro-local"), ("POST", "/.lro-local/stop")]
