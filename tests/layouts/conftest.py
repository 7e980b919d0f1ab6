from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def alone(no_other_clients: None) -> None:
    """Hide other clients: jobs and messages are read by the only one that is open."""
