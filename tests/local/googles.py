"""Google's own Python client, pointed to a service that a test has started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local.conftest import Program

discovery = pytest.importorskip(
    "googleapiclient.discovery", reason="google-api-python-client is not installed"
)
httplib2 = pytest.importorskip("httplib2", reason="httplib2 is not installed")


class _Bearer:
    """httplib2 with the token of the service on every request."""

    def __init__(self, token: str) -> None:
        self._http = httplib2.Http(proxy_info=None)
        self._token = token

    def request(self, uri: str, method: str, body: object, headers: dict[str, str], **more: object) -> object:
        bearer = {**headers, "authorization": f"Bearer {self._token}"}
        return self._http.request(uri, method, body=body, headers=bearer, **more)

    def close(self) -> None:
        self._http.close()


def bearer(service: Program) -> Any:
    """Return what sends the requests of Google's client, with the token of the service."""
    return _Bearer(service.token)


def client(service: Program, name: str, version: str, path: str = "") -> Any:
    """Return Google's client of an API, from the discovery document that it ships with."""
    return discovery.build(
        name,
        version,
        http=bearer(service),
        static_discovery=True,
        client_options={"api_endpoint": service.endpoint + path},
    )
