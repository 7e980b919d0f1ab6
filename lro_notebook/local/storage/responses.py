"""What the routes of the storage share: their state, and JSON responses cut to ``fields``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response
from lro_notebook.local.discovery import partial_response
from lro_notebook.local.http.service import service_of
from lro_notebook.local.storage.object_resource import resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.storage.object_resource import Storage, Stored


def storage_of(request: Request) -> Storage:
    """Return what the routes share."""
    storage: Storage = request.app.state.storage
    return storage


def answer(request: Request, data: Mapping[str, Any]) -> Response:
    """Return a JSON response, or the part of it that ``fields`` selects."""
    text = request.query_params.get("fields")
    if text:
        try:
            data = partial_response.select(data, partial_response.parse(text))
        except partial_response.SelectionError as error:
            raise invalid_argument(f"fields: {error}") from error
    return json_response(data)


def answer_object(request: Request, stored: Stored) -> Response:
    """Return the response that describes an object."""
    return answer(request, resource(service_of(request).endpoint, stored))


def refuse_keys(request: Request) -> None:
    """Raise if a request brings an encryption key: the local service encrypts nothing."""
    for name in ("x-goog-encryption-key", "x-goog-copy-source-encryption-key"):
        if name in request.headers:
            raise ServiceError(
                Code.UNIMPLEMENTED, f"{name}: the local service encrypts nothing; leave it out"
            )
