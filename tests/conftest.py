"""Every test has its own state directory; none touches the user's journal or service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lro_notebook import local
from lro_notebook.api import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook.healthcare.dataset import Dataset


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("LRO_NOTEBOOK_STATE_DIR", str(folder))
    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LRO_NOTEBOOK_PROGRESS", "0")
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The embedded service with a folder of its own; the value is that folder."""
    folder = tmp_path_factory.mktemp("service")
    local.ensure(folder)
    yield folder
    local.stop(folder)


@pytest.fixture
def dataset(service: Path) -> Dataset:
    """The demo dataset of the embedded service."""
    return connect(data_dir=service)
