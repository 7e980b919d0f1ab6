"""The HTTP application: its routes, who may call them, and how errors become responses."""

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
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Router

from lro_notebook.errors import Code
from lro_notebook.local import discovery_routes, log_routes, management_routes, openapi
from lro_notebook.local.core.current_method import CAUSE
from lro_notebook.local.core.service_errors import (
    INTERNAL_ERROR,
    ServiceError,
    database_error,
    error_response,
    file_error,
    not_found,
)
from lro_notebook.local.http import batch, control_routes
from lro_notebook.local.http.checked_requests import CheckedRequests
from lro_notebook.local.http.faults import FaultyResponses
from lro_notebook.local.http.method_override import without_tokens
from lro_notebook.local.http.service import API_VERSIONS, Service
from lro_notebook.local.identity.proof import PROOF_PATH
from lro_notebook.local.storage import routes as storage_routes
from lro_notebook.local.storage.object_resource import Storage
from lro_notebook.local.storage.resumable_uploads import Sessions

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

#: A client that asks for a proof does not trust the service with its token yet; the other is public.
_WITHOUT_TOKEN = (PROOF_PATH, discovery_routes.PATH)
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
            *discovery_routes.ROUTES,
            *storage_routes.ROUTES,
            # As many as Google's Python client puts into one.
            batch.route("/batch", *(f"/{version}" for version in API_VERSIONS), calls_max=1_000),
            *(
                Mount(f"/{version}", app=Router(management_routes.ROUTES, redirect_slashes=False))
                for version in API_VERSIONS
            ),
        ],
        middleware=[
            Middleware(Guard, service=service),
            Middleware(FaultyResponses, faults=service.faults),
            Middleware(CheckedRequests),
        ],
        exception_handlers={
            ServiceError: _service_error,
            HTTPException: _no_route,
            sqlite3.DatabaseError: _database_error,
            OSError: _file_error,
            ClientDisconnect: _hung_up,
            Exception: _internal_error,
        },
    )
    app.router.redirect_slashes = False
    app.state.service = service
    app.state.storage = Storage(Sessions())
    return app


class Guard:
    """Admits only programs of the owner on this machine, and notes the time of the last request."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with an error, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _with_token_in_header(scope)
        request = Request(scope)
        CAUSE.set(request.method)
        service = self._service
        service.open_requests += 1
        try:
            # This path is what is routed; `request.url` is made with the Host header.
            service_error = access_error(request, None if scope["path"] in _WITHOUT_TOKEN else service.token)
            if service_error is None:
                await self._app(scope, receive, send)
            else:
                await error_response(service_error, scope["path"])(scope, receive, send)
        finally:
            service.open_requests -= 1
            service.last_request = time.monotonic()


def _with_token_in_header(scope: Scope) -> Scope:
    """Move a token from the query into the header, so that no search, link or log has it."""
    query, given = without_tokens(scope["query_string"])
    if not given:
        return scope
    headers = scope["headers"]
    if not any(name == b"authorization" for name, _ in headers):
        headers = [*headers, (b"authorization", b"Bearer " + given[0])]
    return {**scope, "query_string": query, "headers": headers}


def access_error(request: Request, token: str | None) -> ServiceError | None:
    """Return the error for a request that may not enter, or None; without a `token` none is required.

    A web page can make a browser send requests to 127.0.0.1, also under a host name of its own (DNS
    rebinding); ``Host`` and ``Origin`` reveal that.
    """
    if _LOOPBACK_HOST.fullmatch(request.headers.get("host", "")) is None:
        return ServiceError(
            Code.PERMISSION_DENIED, "the Host header does not name this machine; use 127.0.0.1"
        )
    origin = request.headers.get("origin")
    if origin is not None and _LOOPBACK_ORIGIN.fullmatch(origin) is None:
        return ServiceError(
            Code.PERMISSION_DENIED, "requests from web pages of other origins are not allowed"
        )
    if token is None:
        return None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        return ServiceError(
            Code.UNAUTHENTICATED,
            "the request has no valid token; send 'Authorization: Bearer …' with the content of the "
            "file named token in the data directory",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return None


async def _service_error(request: Request, error: Exception) -> Response:
    service_error = error if isinstance(error, ServiceError) else ServiceError(Code.INTERNAL, "")
    return error_response(service_error, request.scope["path"])


async def _database_error(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.scope["path"], exc_info=error)
    service_error = (
        database_error(error)
        if isinstance(error, sqlite3.DatabaseError)
        else ServiceError(Code.INTERNAL, INTERNAL_ERROR)
    )
    return error_response(service_error, request.scope["path"])


async def _file_error(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.scope["path"], exc_info=error)
    service_error = (
        file_error(error) if isinstance(error, OSError) else ServiceError(Code.INTERNAL, INTERNAL_ERROR)
    )
    return error_response(service_error, request.scope["path"])


async def _hung_up(_: Request, __: Exception) -> Response:
    """Nobody waits for the response, and an error in the log would say nothing."""
    return Response(status_code=499)


async def _no_route(request: Request, _: Exception) -> Response:
    """Respond with 404 to an unknown path or HTTP method, as Google's service does for both."""
    path: str = request.scope["path"]
    service_error = not_found(
        f"no method of the local service has the address {request.method} {path[:300]}; "
        "the documentation of lro_notebook.local lists them"
    )
    return error_response(service_error, path)


async def _internal_error(request: Request, _: Exception) -> Response:
    return error_response(ServiceError(Code.INTERNAL, INTERNAL_ERROR), request.scope["path"])
