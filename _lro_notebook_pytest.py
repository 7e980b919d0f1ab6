"""The pytest plugin of lro_notebook: the fixture ``lro_service``.

A module of its own beside the package, so that pytest, which loads it in every session, imports nothing of
the package before a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lro_notebook.testing import LroService


@pytest.fixture(scope="session")
def _lro_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the data directory of the session's service, which is stopped at the end."""
    from lro_notebook import local

    folder = tmp_path_factory.mktemp("lro-service")
    yield folder
    local.stop(folder)


@pytest.fixture
def lro_service(
    _lro_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LroService]:
    """Give a local service of the Cloud Healthcare API, for this test: empty but for its sample bucket."""
    from lro_notebook.testing import LroService

    monkeypatch.setenv("LRO_NOTEBOOK_DATA_DIR", str(_lro_folder))
    monkeypatch.setenv("LRO_NOTEBOOK_STATE_DIR", str(tmp_path_factory.mktemp("lro-state")))
    with LroService(_lro_folder) as service:
        yield service
