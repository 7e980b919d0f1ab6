"""An httpx transport that signs each request as it goes out: a retry carries the token of its moment."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from lro_notebook.http.endpoint import Endpoint


class SigningTransport(httpx.BaseTransport):
    """Carries signed copies of requests through another transport; the token is renewed once after a 401.

    The request that it was given never holds a token. May be used from any thread.

    Parameters
    ----------
    inner : httpx.BaseTransport
        What carries the requests.
    endpoint : Endpoint
        Has what signs them.
    """

    def __init__(self, inner: httpx.BaseTransport, endpoint: Endpoint) -> None:
        self._inner, self._endpoint = inner, endpoint

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sign a copy of the request and send it.

        Raises
        ------
        httpx.ConnectError
            The token server did not answer, so nothing was sent.
        httpx.TransportError
            As the inner transport.
        AuthError
            There are no credentials, or they cannot be refreshed.
        ConfigError
            The credentials are those of another universe.
        """
        signer, signed = self._endpoint.signer, _copy(request)
        if signer is None or not signer.sign(signed):
            return self._inner.handle_request(signed)
        response = self._inner.handle_request(signed)
        if response.status_code == HTTPStatus.UNAUTHORIZED and signer.renew():
            response.close()
            signed = _copy(request)
            signer.sign(signed)
            response = self._inner.handle_request(signed)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _copy(request: httpx.Request) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.read(),
        extensions=request.extensions,
    )
