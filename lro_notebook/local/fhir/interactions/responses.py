"""The responses of single interactions and of Bundles: resources, their stamps, and lists of them."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from lro_notebook.errors import Code
from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, not_found
from lro_notebook.local.discovery.document import document
from lro_notebook.local.http.paging import token_of
from lro_notebook.local.http.service import DATASET_PATH, api_version, service_of, store_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.requests import Request

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.fhir.rows import Stored

FHIR_PATH = f"{DATASET_PATH}/fhirStores/{{store}}/fhir"
MEDIA_TYPE = "application/fhir+json; charset=UTF-8"
#: Query parameters that Google's clients may add to any call, and what FHIR allows in every query.
SYSTEM_PARAMETERS = frozenset(
    {"alt", "fields", "key", "prettyPrint", "quotaUser", "$.xgafv", "_format", "_pretty", "access_token"}
)


class Address(NamedTuple):
    """The resource that a request is about."""

    store: Store
    type: str
    id: str
    url: str


def check_version(request: Request, method: str) -> None:
    """Raise unless the version of the API that a request is for has a method of FHIR stores."""
    version = api_version(request)
    if f"locations.datasets.fhirStores.{method}" not in document(version).methods:
        raise not_found(f"{method} is not a method of {version}; use v1beta1")


def base_of(request: Request, store: Store) -> str:
    """Return the address of a store's FHIR interface, as a request has reached it."""
    return f"{service_of(request).endpoint}/{api_version(request)}/{store.name}/fhir"


def address_of(request: Request, connection: sqlite3.Connection, identifier: str | None = None) -> Address:
    """Return the resource in a request's path; `identifier` is its id, where the path has none."""
    parts = request.path_params
    type_ = resource_names.resource_type(parts["type"])
    identifier = resource_names.fhir_id(parts["id"] if identifier is None else identifier)
    store = store_of(request, connection, "fhirStores")
    return Address(store, type_, identifier, f"{base_of(request, store)}/{type_}/{identifier}")


def existing(stored: Stored | None, address: Address) -> Stored:
    """Return a resource that must exist, and must not have been deleted."""
    if stored is None:
        raise resource_not_found(address)
    if stored.body is None:
        raise ServiceError(
            Code.NOT_FOUND,
            f"{address.type}/{address.id} was deleted; its versions are at GET {address.url}/_history",
            status=410,
        )
    return stored


def resource_not_found(address: Address) -> ServiceError:
    """Return the error for a resource that never existed."""
    return not_found(
        f"{address.type}/{address.id} does not exist in {address.store.name}; "
        f"list the type with GET {address.url.rpartition('/')[0]}"
    )


def stamps(stored: Stored) -> dict[str, str]:
    """Return the headers that say which version this is."""
    return {
        "ETag": f'W/"{stored.version}"',
        "Last-Modified": formatdate(stored.updated / 1_000_000, usegmt=True),
    }


def resource_response(
    stored: Stored, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response that is a resource."""
    return Response(stored.body, status, {**stamps(stored), **(headers or {})}, media_type=MEDIA_TYPE)


def bundle(
    type_: str,
    entries: Iterable[bytes],
    *,
    links: Sequence[Mapping[str, str]] = (),
    total: int | None = None,
) -> bytes:
    """Return a Bundle whose entries keep their bytes."""
    head: dict[str, Any] = {"resourceType": "Bundle", "type": type_}
    if links:
        head["link"] = list(links)
    if total is not None:
        head["total"] = total
    joined = b",".join(entries)
    return orjson.dumps(head)[:-1] + (b',"entry":[' + joined + b"]}" if joined else b"}")


def found_entry(base: str, type_: str, stored: Stored, mode: str = "match") -> bytes:
    """Return the entry of a resource in a Bundle of the type searchset."""
    url = orjson.dumps(f"{base}/{type_}/{stored.id}")
    body = stored.body or b"null"
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (url, body, mode.encode())


def page_links(request: Request, url: str, following: object = None) -> list[dict[str, str]]:
    """Return the links of a page: itself, and the next one, which comes after the key `following`."""
    links = [{"relation": "self", "url": str(request.url)}]
    if following is not None:
        pairs = [
            pair
            for pair in request.query_params.multi_items()
            if pair[0] != "_page_token" and pair[0] not in SYSTEM_PARAMETERS
        ]
        query = urlencode([*pairs, ("_page_token", token_of(request, following))])
        links.append({"relation": "next", "url": f"{url}?{query}"})
    return links
