"""The routes of FHIR search: of a type and of all types, with GET and with POST.

Bundle and links are as Google's service makes them: the parameters in the order of their names, and no
previous page. The total of a page that is not the last is an estimate there; here it is right up to 10,000,
and stays there beyond.
"""

from __future__ import annotations

import heapq
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import nesting, resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.search import execution, index, query
from lro_notebook.local.fhir.search.conditional_search import fetched, vocabulary_of
from lro_notebook.local.fhir.search.conditions import Place
from lro_notebook.local.fhir.search.include import INCLUDED_MAX, Resource, included
from lro_notebook.local.fhir.search.summary_and_elements import subset
from lro_notebook.local.http.paging import text_after, token_of
from lro_notebook.local.http.service import DATASET_PATH, api_version, read_body, service_of, store_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request

    from lro_notebook.local.datasets.stores import Store

_FHIR = f"{DATASET_PATH}/fhirStores/{{store}}/fhir"
_INT64 = 2**63
_MEDIA_TYPE = "application/fhir+json; charset=UTF-8"


class _Found(NamedTuple):
    """What a request has found: matches with their keys, and what was added to them."""

    matches: list[Resource]
    added: list[Resource]
    total: int | None
    following: Sequence[Any] | None


def search(request: Request) -> Response:
    """``fhir.search-type`` and ``fhir.search``."""
    return _respond(request)


async def post_search(request: Request) -> Response:
    """``fhir.search-type`` and ``fhir.search`` with POST, whose parameters are in the address."""
    body = await read_body(request)
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form and parse_qsl(body.decode(errors="replace"), keep_blank_values=True):
        raise invalid_argument(
            "parameters in the body of a search are not supported, as in Google's service; "
            "put them into the address: POST …/_search?name=value"
        )
    if body and not form:
        _take_type(request, body)
    return await run_in_threadpool(_respond, request)


def _take_type(request: Request, body: bytes) -> None:
    """Search the type that a ``SearchResourcesRequest`` names, unless the address has one."""
    try:
        document = nesting.loads(body)
    except nesting.Unreadable as error:
        raise invalid_argument(f"the body of the search is no JSON: {error}") from error
    named = document.get("resourceType", "") if isinstance(document, dict) else None
    if not isinstance(named, str):
        raise invalid_argument("the body of a search has a resourceType, or nothing")
    if named and request.path_params.setdefault("type", named) != named:
        raise invalid_argument("resourceType: the address is of another type")


def _respond(request: Request) -> Response:
    service = service_of(request)
    while True:
        with service.database.read() as connection:
            store = store_of(request, connection, "fhirStores")
            searches = _read(request, connection, store)
            keys = index.keys(connection, store.key, _needed(searches))
            if keys is not None:
                found = _find(request, connection, store, searches, keys)
                break
        execution.build(service.database, store, partial(_needed_of, request, store))
    base = f"{service.endpoint}/{api_version(request)}/{store.name}/fhir"
    return _bundle(request, base, searches, found)


def _needed(searches: Iterable[query.Search]) -> list[index.Indexed]:
    return list(index.distinct(each for one in searches for each in one.needs()))


def _needed_of(request: Request, store: Store, connection: sqlite3.Connection) -> list[index.Indexed]:
    return _needed(_read(request, connection, store))


def _read(request: Request, connection: sqlite3.Connection, store: Store) -> list[query.Search]:
    """Read the search, once for each resource type that is searched."""
    vocabulary, strict = vocabulary_of(connection, store)
    handling = request.headers.get("prefer", "").replace(" ", "").lower()
    strict = "handling=strict" in handling or (strict and "handling=lenient" not in handling)
    pairs = list(request.query_params.multi_items())
    if "type" in request.path_params:
        type_ = resource_names.resource_type(request.path_params["type"])
        return [query.read(type_, pairs, vocabulary, strict=strict)]
    return of_types(pairs, vocabulary, rows.counts(connection, store.key, since=None), strict=strict)


def of_types(
    pairs: Sequence[tuple[str, str]], vocabulary: query.Vocabulary, present: Iterable[str], *, strict: bool
) -> list[query.Search]:
    """Read a search of the types in ``_type``, or of all; they share the parameters that all of them have."""
    wanted = [part for name, value in pairs if name == "_type" for part in value.split(",") if part]
    types = (
        [resource_names.resource_type(part) for part in dict.fromkeys(wanted)] or [*present] or ["Resource"]
    )
    rest = [pair for pair in pairs if pair[0] != "_type"]
    ignored: list[str] = []
    while True:
        searches = [query.read(type_, rest, vocabulary, strict=strict) for type_ in types]
        lacking = {name for each in searches for name in each.ignored}
        if not lacking:
            break
        ignored += [name for name, _ in rest if name in lacking]
        rest = [pair for pair in rest if pair[0] not in lacking]
    searches[0].ignored = ignored
    orders = {(each.name, each.descending) for each in searches[0].order}
    if len(searches) > 1 and not orders <= {("_lastUpdated", True)}:
        raise invalid_argument("_sort: a search of several types is in the order of -_lastUpdated only")
    return searches


def _find(
    request: Request,
    connection: sqlite3.Connection,
    store: Store,
    searches: Sequence[query.Search],
    keys: index.Keys,
) -> _Found:
    first, after = searches[0], _after(request, searches[0])
    pages = [
        execution.run(connection, each, Place(store.key, each.type, keys), after=after) for each in searches
    ]
    hits = [hit for page in pages for hit in page.hits]
    if len(pages) > 1:
        hits = heapq.nlargest(first.count, hits, key=lambda hit: hit.keys)
    more = any(page.more for page in pages) or len(hits) < sum(len(page.hits) for page in pages)
    totals = [page.total for page in pages if page.total is not None]
    matches = [Resource(*pair) for pair in fetched(connection, hits)]
    place = Place(store.key, first.type, keys)
    includes = [include for each in searches for include in each.includes]
    added = included(connection, place, matches, includes, store=store.name) if includes else []
    return _Found(matches, added, sum(totals) if totals else None, hits[-1].keys if more and hits else None)


def _after(request: Request, search: query.Search) -> Sequence[Any] | None:
    """Return the keys in the token of a page; None for the first page."""
    text = text_after(request, "_page_token")
    if not text:
        return None
    try:
        after = orjson.loads(text)
    except orjson.JSONDecodeError:
        after = None
    keys = after if isinstance(after, list) else []
    whole = all(type(key) is int and abs(key) < _INT64 for key in keys[-2:])
    plain = all(key is None or isinstance(key, str | float | int) for key in keys)
    if not (whole and plain and len(keys) == len(search.order) + 2):
        raise invalid_argument("_page_token is not a token of this search; start again without it")
    return keys


def _bundle(request: Request, base: str, searches: Sequence[query.Search], found: _Found) -> Response:
    """Return the Bundle; its entries keep the bytes of their rows."""
    first = searches[0]
    entries = [_entry(base, each, "match", first) for each in found.matches]
    entries += [_entry(base, each, "include", first) for each in found.added[:INCLUDED_MAX]]
    warning = _warning(first, found)
    if warning is not None:
        entries.append(warning)
    type_ = request.path_params.get("type")
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": _links(request, f"{base}/{type_}/" if type_ else f"{base}/", first, found),
    }
    if found.total is not None:
        head["total"] = found.total
    joined = b",".join(entries)
    body = orjson.dumps(head)[:-1] + (b',"entry":[' + joined + b"]}" if joined else b"}")
    return Response(body, media_type=_MEDIA_TYPE)


def _entry(base: str, resource: Resource, mode: str, search: query.Search) -> bytes:
    url = f"{base}/{resource.type}/{resource.stored.id}"
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (
        orjson.dumps(url),
        subset(resource.stored.body or b"null", search),
        mode.encode(),
    )


def _links(request: Request, url: str, search: query.Search, found: _Found) -> list[dict[str, str]]:
    pairs = sorted([*search.pairs, *((k, v) for k, v in request.query_params.multi_items() if k == "_type")])
    start = f"{url}?{urlencode(pairs)}"
    links = [{"relation": "search", "url": start}]
    if found.following is not None:
        token = token_of(request, orjson.dumps(found.following).decode())
        links.append({"relation": "next", "url": f"{url}?{urlencode([*pairs, ('_page_token', token)])}"})
    here = f"{url}?{urlencode([*pairs, ('_page_token', search.page_token)])}" if search.page_token else start
    return [*links, {"relation": "first", "url": start}, {"relation": "self", "url": here}]


def _warning(search: query.Search, found: _Found) -> bytes | None:
    """Return the entry that says what was left out, None if nothing was."""
    issues = [
        ("not-supported", f"{search.type} has no search parameter {name[:80]!r}; it was ignored")
        for name in dict.fromkeys(search.ignored)
    ]
    if len(found.added) > INCLUDED_MAX:
        issues.append(
            ("incomplete", f"only {INCLUDED_MAX} of the resources to include are here; ask for less")
        )
    if not issues:
        return None
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": code, "diagnostics": message} for code, message in issues],
    }
    return orjson.dumps({"resource": outcome, "search": {"mode": "outcome"}})


ROUTES = [
    Route(_FHIR, search, methods=["GET"]),
    Route(_FHIR + "/", search, methods=["GET"]),
    Route(_FHIR + "/_search", post_search, methods=["POST"]),
    Route(_FHIR + "/{type}", search, methods=["GET"]),
    Route(_FHIR + "/{type}/", search, methods=["GET"]),
    Route(_FHIR + "/{type}/_search", post_search, methods=["POST"]),
]
