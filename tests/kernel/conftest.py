from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernel.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package", autouse=True)
def _warm(fast_kernels: None) -> None:
    """Let the kernels of these tests come from a Python that is warm."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, service: Path) -> Iterator[Session]:
    """A kernel with a journal of its own, for a module."""
    state = tmp_path_factory.mktemp("kernel") / "state"
    env = {"LRO_NOTEBOOK_DATA_DIR": str(service), "LRO_NOTEBOOK_STATE_DIR": str(state)}
    kernel = Session({**env, "LRO_NOTEBOOK_PROGRESS": ""})
    yield kernel
    kernel.close()
