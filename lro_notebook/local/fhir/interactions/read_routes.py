"""Routes of the FHIR interface that read single resources and their versions; and the metrics of a store.

What changes resources, and search, have routes of their own.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import json_response, not_found
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.interactions.binaries import raw_response
from lro_notebook.local.fhir.interactions.change_routes import version_in
from lro_notebook.local.fhir.interactions.responses import (
    FHIR_PATH,
    address_of,
    existing,
    resource_response,
    stamps,
)
from lro_notebook.local.http.service import service_of, store_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from lro_notebook.local.fhir.rows import Stored

_STORE = FHIR_PATH.removesuffix("/fhir")
_NOT_MODIFIED = 304


def read(request: Request) -> Response:
    """``fhir.read`` and ``fhir.Binary-read``; ``If-None-Match`` and ``If-Modified-Since`` are known."""
    with service_of(request).database.read() as connection:
        address = address_of(request, connection)
        stored = existing(rows.read(connection, address.store.key, address.type, address.id), address)
    if _is_known(request, stored):
        return Response(status_code=_NOT_MODIFIED, headers=stamps(stored))
    return raw_response(request, address.type, stored) or resource_response(stored)


def read_version(request: Request) -> Response:
    """``fhir.vread`` and ``fhir.Binary-vread``."""
    number = resource_names.whole_number(request.path_params["version"])
    with service_of(request).database.read() as connection:
        address = address_of(request, connection)
        stored = None
        if number is not None:
            stored = rows.read_version(
                connection, address.store.key, address.type, address.id, min(number, 2**62 - 1)
            )
    if stored is None:
        raise not_found(
            f"{address.type}/{address.id} has no such version; list them with GET {address.url}/_history"
        )
    stored = existing(stored, address)
    return raw_response(request, address.type, stored) or resource_response(stored)


def _is_known(request: Request, stored: Stored) -> bool:
    """Tell whether a client has this version already, as its headers say."""
    etags = request.headers.get("if-none-match")
    if etags is not None:  # then the time does not count (RFC 9110, 13.1.3)
        return any(version_in(each) == stored.version for each in etags.split(","))
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return stored.updated // 1_000_000 <= moment.timestamp()


def metrics(request: Request) -> Response:
    """``getFHIRStoreMetrics``: number and bytes of the resources of each type."""
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        sizes = rows.sizes(connection, store.key)
    shown = [
        {
            "resourceType": size.type,
            "count": str(size.number),
            "structuredStorageSizeBytes": str(size.current),
            "versionedStorageSizeBytes": str(size.earlier),
        }
        for size in sizes
    ]
    return json_response({"name": store.name, "metrics": shown})


ROUTES = [
    Route(f"{_STORE}:getFHIRStoreMetrics", metrics, methods=["GET"]),
    Route(FHIR_PATH + "/{type}/{id}", read, methods=["GET"]),
    Route(FHIR_PATH + "/{type}/{id}/_history/{version}", read_version, methods=["GET"]),
]
