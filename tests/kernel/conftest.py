from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernel.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A kernel with a local service and a journal of its own; the service stops with it."""
    folder: Path = tmp_path_factory.mktemp("kernel")
    env = {"LRO_NOTEBOOK_DATA_DIR": str(folder / "data"), "LRO_NOTEBOOK_STATE_DIR": str(folder / "state")}
    kernel = Session({**env, "LRO_NOTEBOOK_PROGRESS": ""})
    yield kernel
    kernel.run("from lro_notebook import local\nlocal.stop()")
    kernel.close()
