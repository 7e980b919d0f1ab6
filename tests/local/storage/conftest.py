"""Real gcsfs on the buckets of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.conftest import Program


@pytest.fixture
def gcs(service: Program) -> Iterator[Any]:
    """Return real gcsfs on the service; its newer class would ask for the kind of bucket over gRPC first."""
    gcsfs = pytest.importorskip("gcsfs.core", reason="gcsfs is not installed")
    credentials = pytest.importorskip("google.oauth2.credentials").Credentials(token=service.token)
    system = gcsfs.GCSFileSystem(
        project="local", token=credentials, endpoint_url=service.endpoint, skip_instance_cache=True
    )
    yield system
    system.invalidate_cache()
