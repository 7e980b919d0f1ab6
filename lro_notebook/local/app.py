"""The HTTP application: its routes, who may call them, and how every error reads."""

from __future__ import annotations

import hmac
import logging
import re
import sqlite3
import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Mount, Router

from lro_notebook.errors import Code
from lro_notebook.local import log_routes, management, openapi
from lro_notebook.local.core.service_errors import (
    MISTAKE,
    ServiceError,
    error_response,
    file_refusal,
    missing,
    write_error,
)
from lro_notebook.local.http import control_routes, storage_routes
from lro_notebook.local.http.faults import FaultyAnswers
from lro_notebook.local.http.service import API_VERSIONS, Service
from lro_notebook.local.identity.proof import PROOF_PATH

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

_LOOPBACK_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII)
_LOOPBACK_ORIGIN = re.compile(
    r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII
)


def build_app(service: Service) -> Starlette:
    """Return the application that serves `service`."""
    app = Starlette(
        routes=[
            *control_routes.ROUTES,
            *openapi.ROUTES,
            *log_routes.ROUTES,
            *storage_routes.ROUTES,
            *(
                Mount(f"/{version}", app=Router(management.ROUTES, redirect_slashes=False))
                for version in API_VERSIONS
            ),
        ],
        middleware=[
            Middleware(Guard, service=service),
            Middleware(FaultyAnswers, faults=service.faults),
        ],
        exception_handlers={
            ServiceError: _refused,
            HTTPException: _no_route,
            sqlite3.DatabaseError: _not_written,
            OSError: _file_trouble,
            Exception: _mistake,
        },
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return app


class Guard:
    """Let only the owner's programs on this machine in, and note when the last request came."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is turned down, pass on the others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        service = self._service
        service.open_requests += 1
        try:
            # Who asks for a proof does not trust the service with the token yet.
            service_error = refusal_of(request, None if request.url.path == PROOF_PATH else service.token)
            if service_error is None:
                await self._app(scope, receive, send)
            else:
                await error_response(service_error, request.url.path)(scope, receive, send)
        finally:
            service.open_requests -= 1
            service.last_request = time.monotonic()


def refusal_of(request: Request, token: str | None) -> ServiceError | None:
    """Return why a request is not let in, or None; a `token` of None is not asked for.

    A web page that a browser runs can make the browser send requests to 127.0.0.1, under a name of its
    own (DNS rebinding): ``Host`` and ``Origin`` give that away.
    """
    if _LOOPBACK_HOST.fullmatch(request.headers.get("host", "")) is None:
        return ServiceError(
            Code.PERMISSION_DENIED, "the Host header does not name this machine; use 127.0.0.1"
        )
    origin = request.headers.get("origin")
    if origin is not None and _LOOPBACK_ORIGIN.fullmatch(origin) is None:
        return ServiceError(Code.PERMISSION_DENIED, "requests of web pages of other origins are not let in")
    if token is None:
        return None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        return ServiceError(
            Code.UNAUTHENTICATED,
            "the request bears no valid token; send 'Authorization: Bearer …' with the content of the "
            "file named token in the data directory",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return None


async def _refused(request: Request, error: Exception) -> Response:
    service_error = error if isinstance(error, ServiceError) else ServiceError(Code.INTERNAL, "")
    return error_response(service_error, request.url.path)


async def _not_written(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    service_error = (
        write_error(error)
        if isinstance(error, sqlite3.DatabaseError)
        else ServiceError(Code.INTERNAL, MISTAKE)
    )
    return error_response(service_error, request.url.path)


async def _file_trouble(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    service_error = (
        file_refusal(error) if isinstance(error, OSError) else ServiceError(Code.INTERNAL, MISTAKE)
    )
    return error_response(service_error, request.url.path)


async def _no_route(request: Request, _: Exception) -> Response:
    """Answer a path or a verb that no route has; the real service answers both with 404."""
    service_error = missing(
        f"no method of the local service has the address {request.method} {request.url.path[:300]}; "
        "the documentation of lro_notebook.local lists them"
    )
    return error_response(service_error, request.url.path)


async def _mistake(request: Request, _: Exception) -> Response:
    return error_response(ServiceError(Code.INTERNAL, MISTAKE), request.url.path)
