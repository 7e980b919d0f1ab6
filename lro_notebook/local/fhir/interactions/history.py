"""The history of a resource, page by page, and the purge of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core.service_errors import invalid_argument, json_response
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.interactions.responses import (
    FHIR_PATH,
    MEDIA_TYPE,
    SYSTEM_PARAMETERS,
    address_of,
    bundle,
    page_links,
    resource_not_found,
)
from lro_notebook.local.fhir.search import date_ranges
from lro_notebook.local.http.paging import limit_of, number_after
from lro_notebook.local.http.service import service_of
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    from starlette.requests import Request

    from lro_notebook.local.fhir.interactions.responses import Address
    from lro_notebook.local.fhir.rows import Stored

_PARAMETERS = frozenset({"_count", "_page_token", "_since", "_at"})
#: Versions that are read at once.
_CHUNK = 1000


def history(request: Request) -> Response:
    """``fhir.history``: a Bundle of the versions, newest first; with `_since` and `_at`, some of them."""
    unknown = set(request.query_params) - _PARAMETERS - SYSTEM_PARAMETERS
    if unknown:
        raise invalid_argument(
            f"parameter {min(unknown)[:80]!r}: a history has _count, _since, _at and _page_token"
        )
    limit = 0 if request.query_params.get("_count") == "0" else limit_of(request, "_count")
    since, within = _since(request), _at(request)
    before = min(number_after(request, default=2**62, parameter="_page_token"), 2**62)
    with service_of(request).database.read() as connection:
        address = address_of(request, connection)
        key = (address.store.key, address.type, address.id)
        if rows.read(connection, *key) is None:
            raise resource_not_found(address)
        replaced: int | None = None
        versions: list[Stored] = []
        while len(versions) <= limit:
            chunk = rows.versions(connection, *key, before=before, limit=_CHUNK)
            for each in chunk:
                if (since is None or each.updated >= since) and _was_current(each, replaced, within):
                    versions.append(each)
                replaced = each.updated
            if len(chunk) < _CHUNK:
                break
            before = chunk[-1].version
    following = versions[limit - 1].version if len(versions) > limit > 0 else None
    links = page_links(request, f"{address.url}/_history", following)
    entries = [history_entry(each, address) for each in versions[:limit]]
    return Response(bundle("history", entries, links=links), media_type=MEDIA_TYPE)


def _since(request: Request) -> int | None:
    """Return the earliest time, which counts too."""
    return request_fields.moment(request.query_params, "_since")


def _at(request: Request) -> date_ranges.Span | None:
    """Return the time in which a version must have been current."""
    text = request.query_params.get("_at")
    if not text:
        return None
    found = date_ranges.span(text)
    if found is None:
        raise invalid_argument("_at: expected a date or a time, such as 2026-03-01T09:00:00Z")
    return found


def _was_current(stored: Stored, replaced: int | None, within: date_ranges.Span | None) -> bool:
    """Tell whether a version, which another replaced at a time, was current at some point of a span."""
    return within is None or (stored.updated < within.high and (replaced is None or replaced > within.low))


def history_entry(stored: Stored, address: Address) -> bytes:
    """Return the entry of a version in a Bundle of the type history."""
    http_method, status = ("DELETE", "204") if stored.body is None else ("PUT", "200")
    entry: dict[str, Any] = {
        "fullUrl": address.url,
        "request": {"method": http_method, "url": f"{address.type}/{address.id}"},
        "response": {
            "status": status,
            "etag": f'W/"{stored.version}"',
            "lastModified": timestamp(stored.updated),
        },
    }
    text = orjson.dumps(entry)
    return text if stored.body is None else text[:-1] + b',"resource":' + stored.body + b"}"


def purge(request: Request) -> Response:
    """``fhir.Resource-purge``: delete the versions before the current one for good."""
    with service_of(request).database.write() as connection:
        address = address_of(request, connection)
        key = (address.type, address.id)
        rows.purge(connection, address.store.key, key, until=None, current=False)
    return json_response({})


ROUTES = [
    Route(FHIR_PATH + "/{type}/{id}/_history", history, methods=["GET"]),
    Route(FHIR_PATH + "/{type}/{id}/$purge", purge, methods=["DELETE"]),
]
