"""Routes of consent stores: their items, and checks of access.

Only the latest revision of a consent is kept.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.consent import rows, rules
from lro_notebook.local.consent.query_accessible_data import attributes
from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response, not_found
from lro_notebook.local.discovery import masks
from lro_notebook.local.http.paging import limit_of, number_after, page_response
from lro_notebook.local.http.service import DATASET_PATH, mask_of, read_json, service_of, store_of
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.records import microseconds, timestamp
from lro_notebook.operations.resource import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.consent.rows import Collection, Item
    from lro_notebook.local.datasets.stores import Store

_STORE = f"{DATASET_PATH}/consentStores/{{store}}"
_COLLECTIONS: tuple[Collection, ...] = (
    "attributeDefinitions",
    "consentArtifacts",
    "consents",
    "userDataMappings",
)
#: Custom verb of a consent -> the new state, and the states that it can be applied to.
_TRANSITIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "activate": ("ACTIVE", ("ACTIVE", "DRAFT")),
    "reject": ("REJECTED", ("REJECTED", "DRAFT")),
    "revoke": ("REVOKED", ("REVOKED", "ACTIVE")),
}


async def create(request: Request, collection: Collection) -> Response:
    """Create an item; the request names attribute definitions, the service all others."""
    body = await read_json(request)
    if collection == "attributeDefinitions":
        parameter = "attributeDefinitionId"
        identifier = resource_names.new_id(parameter, request.query_params.get(parameter, ""))
    else:
        identifier = str(uuid.uuid4())

    def insert(connection: sqlite3.Connection, store: Store) -> Item:
        checked = _checked(connection, store, collection, body)
        return rows.add(connection, store, collection, identifier, checked)

    return await run_in_threadpool(_written, request, insert)


async def patch(request: Request, collection: Collection) -> Response:
    """Replace the fields that ``updateMask`` names."""
    body, paths = await read_json(request), mask_of(request)

    def update(connection: sqlite3.Connection, store: Store) -> Item:
        item = rows.get(connection, store, collection, request.path_params["item"])
        if item.get("state") in ("REJECTED", "REVOKED"):
            raise ServiceError(
                Code.FAILED_PRECONDITION, f"{item['name']} is {item['state']} and cannot change"
            )
        changed = _checked(connection, store, collection, masks.apply(item, body, paths))
        return rows.replace(connection, store, collection, {"name": item["name"], **changed})

    return await run_in_threadpool(_written, request, update)


def get(request: Request, collection: Collection) -> Response:
    """Return an item."""
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "consentStores")
        return json_response(rows.get(connection, store, collection, request.path_params["item"]))


def list_items(request: Request, collection: Collection) -> Response:
    """List the items of a collection, in the order of their creation."""
    if request.query_params.get("filter"):
        raise invalid_argument("filter: the local service does not filter lists of consent stores")
    limit, after = limit_of(request), number_after(request, default=0)
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "consentStores")
        page = rows.page(connection, store.key, collection, after=after, limit=limit + 1)
    return page_response(
        request, collection, [item for _, item in page], [number for number, _ in page], limit
    )


def delete(request: Request, collection: Collection) -> Response:
    """Delete an item."""
    with service_of(request).database.write() as connection:
        store = store_of(request, connection, "consentStores")
        rows.delete(connection, store, collection, request.path_params["item"])
    return json_response({})


async def change_state(request: Request) -> Response:
    """``consents.activate``, ``reject`` and ``revoke``: a new revision in another state."""
    verb, body = request.path_params["verb"], await read_json(request)
    if verb not in _TRANSITIONS:
        raise not_found(f"consents.{verb[:80]} is not a method of the local service")
    state, origins = _TRANSITIONS[verb]

    def change(connection: sqlite3.Connection, store: Store) -> Item:
        item = rows.get(connection, store, "consents", request.path_params["item"])
        if item["state"] not in origins:
            raise ServiceError(
                Code.FAILED_PRECONDITION, f"{item['name']} is {item['state']}; it cannot be {state} now"
            )
        if item["state"] == state:
            return item
        artifact = {"consentArtifact": body["consentArtifact"]} if body.get("consentArtifact") else {}
        return rows.replace(
            connection,
            store,
            "consents",
            {**item, **artifact, **_expiry(body), **_revision(), "state": state},
        )

    return await run_in_threadpool(_written, request, change)


async def archive(request: Request) -> Response:
    """``userDataMappings.archive``: evaluations ignore it from now on."""
    await read_json(request)

    def change(connection: sqlite3.Connection, store: Store) -> Item:
        item = rows.get(connection, store, "userDataMappings", request.path_params["item"])
        archived = {**item, "archived": True, "archiveTime": timestamp(microseconds())}
        rows.replace(connection, store, "userDataMappings", archived)
        return {}

    return await run_in_threadpool(_written, request, change)


async def check_data_access(request: Request) -> Response:
    """``checkDataAccess``: whether one data item is accessible."""
    body = await read_json(request)
    values = attributes(body, "requestAttributes")
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "consentStores")
        mappings = [item for item in rows.mappings(connection, store.key) if item.data == body.get("dataId")]
        if not mappings:
            raise not_found(f"{store.name} has no user data mapping with this dataId")
        consents, drafts = _consents(connection, store, body)
    verdict = rules.evaluate(mappings[0], consents, values, now=datetime.now(UTC), drafts=drafts)
    return json_response(_shown(verdict, body))


async def evaluate_user_consents(request: Request) -> Response:
    """``evaluateUserConsents``: which data of a user is accessible."""
    body = await read_json(request)
    values, wanted = attributes(body, "requestAttributes"), attributes(body, "resourceAttributes")
    if body.get("pageToken"):
        raise invalid_argument("pageToken: the local service responds in one page, without tokens")
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "consentStores")
        mappings = rows.mappings(connection, store.key)
        consents, drafts = _consents(connection, store, body)
    now = datetime.now(UTC)
    results = [
        {
            "dataId": item.data,
            **_shown(rules.evaluate(item, consents, values, now=now, drafts=drafts), body),
        }
        for item in mappings
        if item.user == body.get("userId") and rules.matches(item.attributes, wanted)
    ]
    return json_response({"results": results} if results else {})


def _written(request: Request, change: Callable[[sqlite3.Connection, Store], Item]) -> Response:
    with service_of(request).database.write() as connection:
        return json_response(change(connection, store_of(request, connection, "consentStores")))


def _consents(
    connection: sqlite3.Connection, store: Store, body: Mapping[str, Any]
) -> tuple[list[Item], bool]:
    """Return the consents to evaluate, and whether the request names them, so that drafts count."""
    consents = rows.consents(connection, store.key)
    chosen = body.get("consentList") or {}
    named = chosen.get("consents") if isinstance(chosen, dict) else chosen
    if not named:
        return consents, False
    if not isinstance(named, list):
        raise invalid_argument('consentList: expected {"consents": ["projects/…/consents/…"]}')
    return [item for item in consents if item["name"] in named], True


def _shown(verdict: rules.Verdict, body: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"consented": verdict.consented} if verdict.consented else {}
    if body.get("responseView") == "FULL":
        shown["consentDetails"] = {
            name: {"evaluationResult": result} for name, result in verdict.results.items()
        }
    return shown


def _checked(
    connection: sqlite3.Connection, store: Store, collection: Collection, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the checked fields of an item, with those that the service adds."""
    fields = {key: value for key, value in body.items() if key != "name"}
    if collection == "attributeDefinitions":
        if fields.get("category") not in ("RESOURCE", "REQUEST"):
            raise invalid_argument("category: expected RESOURCE or REQUEST")
        if not isinstance(fields.get("allowedValues"), list) or not fields["allowedValues"]:
            raise invalid_argument("allowedValues: expected a list of at least one value")
        return fields
    if not isinstance(fields.get("userId"), str) or not fields["userId"]:
        raise invalid_argument("userId: expected the id of a user")
    if collection == "userDataMappings":
        if not isinstance(fields.get("dataId"), str) or not fields["dataId"]:
            raise invalid_argument("dataId: expected the id of the data")
        _check_attributes(connection, store, fields, single=True)
    elif collection == "consents":
        _check_consent(connection, store, fields)
        fields.update(_expiry(fields), **_revision())
        fields.pop("ttl", None)
    return fields


def _check_consent(connection: sqlite3.Connection, store: Store, fields: dict[str, Any]) -> None:
    state = fields.get("state", "STATE_UNSPECIFIED")
    fields["state"] = "ACTIVE" if state == "STATE_UNSPECIFIED" else state
    if fields["state"] not in ("ACTIVE", "DRAFT"):
        raise invalid_argument("state: a new consent must be ACTIVE or DRAFT")
    artifact = fields.get("consentArtifact")
    prefix, _, identifier = str(artifact).rpartition("/")
    if prefix != f"{store.name}/consentArtifacts":
        raise invalid_argument(
            f"consentArtifact: expected the name of an existing {store.name}/consentArtifacts/…"
        )
    rows.get(connection, store, "consentArtifacts", identifier)
    for policy in request_fields.json_objects(fields, "policies"):
        rule = policy.get("authorizationRule")
        rules.parse_rule(rule.get("expression") if isinstance(rule, dict) else None)
        _check_attributes(connection, store, policy, single=False)


def _check_attributes(
    connection: sqlite3.Connection, store: Store, holder: Mapping[str, Any], *, single: bool
) -> None:
    """Raise on attributes that are not defined, or with values that their definitions do not allow."""
    for item in holder.get("resourceAttributes") or ():
        values = item.get("values") if isinstance(item, dict) else None
        if not isinstance(values, list) or not values or (single and len(values) != 1):
            raise invalid_argument(
                "resourceAttributes: expected attributeDefinitionId and values, one value in a mapping"
            )
        definition = rows.get(
            connection, store, "attributeDefinitions", str(item.get("attributeDefinitionId"))
        )
        if not set(map(str, values)) <= set(definition["allowedValues"]):
            raise invalid_argument(f"resourceAttributes: a value is not allowed by {definition['name']}")


def _revision() -> dict[str, str]:
    return {"revisionId": secrets.token_hex(4), "revisionCreateTime": timestamp(microseconds())}


def _expiry(body: Mapping[str, Any]) -> dict[str, str]:
    """Return when a consent ends: at ``expireTime``, or ``ttl`` from now."""
    if ttl := body.get("ttl"):
        seconds = str(ttl).removesuffix("s")
        if not seconds.isdigit():
            raise invalid_argument("ttl: expected seconds such as 86400s")
        return {"expireTime": format_timestamp(datetime.now(UTC) + timedelta(seconds=int(seconds)))}
    if body.get("expireTime") is None:
        return {}
    if parse_timestamp(body["expireTime"]) is None:
        raise invalid_argument("expireTime: expected a time such as 2026-01-31T00:00:00Z")
    return {"expireTime": body["expireTime"]}


def _collection_routes(collection: Collection) -> list[Route]:
    path, item = f"{_STORE}/{collection}", f"{_STORE}/{collection}/{{item}}"
    routes = [
        Route(path, partial(create, collection=collection), methods=["POST"]),
        Route(path, partial(list_items, collection=collection), methods=["GET"]),
        Route(item, partial(get, collection=collection), methods=["GET"]),
        Route(item, partial(delete, collection=collection), methods=["DELETE"]),
    ]
    if collection != "consentArtifacts":
        routes.append(Route(item, partial(patch, collection=collection), methods=["PATCH"]))
    return routes


#: Custom methods first: their paths also match the pattern of an item id.
ROUTES = [
    Route(f"{_STORE}:checkDataAccess", check_data_access, methods=["POST"]),
    Route(f"{_STORE}:evaluateUserConsents", evaluate_user_consents, methods=["POST"]),
    Route(f"{_STORE}/consents/{{item}}:{{verb}}", change_state, methods=["POST"]),
    Route(f"{_STORE}/userDataMappings/{{item}}:archive", archive, methods=["POST"]),
    *(route for collection in _COLLECTIONS for route in _collection_routes(collection)),
]
