"""Routes of the messages of an HL7v2 store, and its metrics."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response, not_found
from lro_notebook.local.datasets import stores
from lro_notebook.local.hl7v2 import message_filter, message_parser, rows
from lro_notebook.local.hl7v2.exports import view_of
from lro_notebook.local.hl7v2.imports import read_message
from lro_notebook.local.http.paging import limit_of, page_response, pair_after
from lro_notebook.local.http.service import (
    DATASET_PATH,
    api_version,
    dataset_name,
    read_json,
    service_of,
    store_of,
)
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.hl7v2.message_parser import Parser
    from lro_notebook.local.hl7v2.rows import Incoming, Stored

_STORE = f"{DATASET_PATH}/hl7V2Stores/{{store}}"
_MESSAGES = f"{_STORE}/messages"
#: Namespace of the ids of acknowledgements, which are made of their messages.
_ACKNOWLEDGED = uuid.UUID("7d0c1f6e-3d55-4a0e-9a61-7a3d2b6d3c11")
_ORDERS: Mapping[str, Literal["", "ASC", "DESC"]] = {
    "": "",
    "send_time": "ASC",
    "sendTime": "ASC",
    "send_time asc": "ASC",
    "sendTime asc": "ASC",
    "send_time desc": "DESC",
    "sendTime desc": "DESC",
}


class RefusedError(ServiceError):
    """A message is not stored; `data` are its bytes."""

    def __init__(self, code: Code, message: str, data: bytes, parser: Parser) -> None:
        super().__init__(code, message)
        self.data = data
        self.parser = parser


async def create(request: Request) -> Response:
    """``messages.create``."""
    body = await read_json(request)
    stored, parser, store, _ = await run_in_threadpool(_put, request, body)
    return json_response(rows.resource(stored, "FULL", parser, store.name))


async def ingest(request: Request) -> Response:
    """``messages.ingest``: like create, but the response also has an HL7v2 acknowledgement.

    A duplicate gets the same one again; what is refused gets a negative one in the details of the error.
    """
    body = await read_json(request)
    try:
        stored, parser, store, incoming = await run_in_threadpool(_put, request, body)
    except RefusedError as refused:
        raise _with_nack(refused, api_version(request)) from refused
    acknowledgement = message_parser.acknowledgement(
        incoming.data,
        parser,
        moment=datetime.fromtimestamp(stored.created / 1_000_000, UTC),
        identifier=str(uuid.uuid5(_ACKNOWLEDGED, f"{store.name}/{stored.id}/{stored.created}")),
    )
    return json_response(
        {
            "hl7Ack": rows.encoded(acknowledgement),
            "message": rows.resource(stored, "FULL", parser, store.name),
        }
    )


def get(request: Request) -> Response:
    """``messages.get``."""
    view = view_of(request.query_params, "view")
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        parser = rows.parser_of(connection, store)
        stored = _message(connection, store, request.path_params["message"])
    return json_response(rows.resource(stored, view, parser, store.name))


def list_messages(request: Request) -> Response:
    """``messages.list``; only names unless ``view`` asks for more."""
    query, limit = request.query_params, limit_of(request)
    view = view_of(query, "view", "BASIC")
    order = _ORDERS.get(" ".join(query.get("orderBy", "").split()))
    if order is None:
        raise invalid_argument("orderBy: expected send_time, or send_time desc")
    text = request_fields.expression(query.get("filter", ""), "filter", 'message_type = "ADT"')
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        parser = rows.parser_of(connection, store)
        clause = message_filter.compile_filter(text, parser.zone)
        messages = rows.page(
            connection, store.key, clause, order=order, after=pair_after(request), limit=limit + 1
        )
    shown = [rows.resource(row, view, parser, store.name) for row in messages]
    keys = ["{}:{}".format(*rows.place_of(row, order)) for row in messages]
    return page_response(request, "hl7V2Messages", shown, keys, limit)


def batch_get(request: Request) -> Response:
    """``messages.batchGet`` of v1beta1."""
    if api_version(request) != "v1beta1":
        raise not_found("messages.batchGet exists only in v1beta1")
    view = view_of(request.query_params, "view")
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        parser = rows.parser_of(connection, store)
        messages = [_message(connection, store, item) for item in request.query_params.getlist("ids")]
    shown = [rows.resource(row, view, parser, store.name) for row in messages]
    return json_response({"messages": shown})


async def patch(request: Request) -> Response:
    """``messages.patch``: adds and replaces labels; nothing else can be changed."""
    body = await read_json(request)
    if request.query_params.get("updateMask") != "labels":
        raise invalid_argument("updateMask: only the labels of a message can be updated")
    added = body.get("labels", {})
    if not isinstance(added, dict) or not all(isinstance(value, str) for value in added.values()):
        raise invalid_argument("labels: expected an object of strings")
    return await run_in_threadpool(_relabel, request, added)


def delete(request: Request) -> Response:
    """``messages.delete``."""
    with service_of(request).database.write() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        known = _message(connection, store, request.path_params["message"])
        rows.delete(connection, store.key, known)
    return json_response({})


def _put(request: Request, body: Mapping[str, Any]) -> tuple[Stored, Parser, Store, Incoming]:
    with service_of(request).database.write() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        settings = stores.get_store(
            connection, dataset_name(request), request.path_params["store"], collection="hl7V2Stores"
        )
        parser = rows.parser_of(connection, store)
        document = body.get("message")
        try:
            incoming = read_message(document, parser)
        except message_parser.ParseError as parse_error:
            data = document.get("data") if isinstance(document, dict) else None
            raise RefusedError(
                Code.INVALID_ARGUMENT, f"message: {parse_error}", base64.b64decode(data or ""), parser
            ) from parse_error
        known = rows.find(connection, store.key, incoming.id)
        if known is not None and settings.get("rejectDuplicateMessage"):
            raise RefusedError(
                Code.ALREADY_EXISTS,
                f"{store.name}/messages/{incoming.id} has the same bytes, and the store rejects duplicates",
                incoming.data,
                parser,
            )
        if known is None:
            rows.put_many(connection, store.key, [incoming], operation=None)
        stored = known or _message(connection, store, incoming.id)
    return stored, parser, store, incoming


def _with_nack(refused: RefusedError, version: str) -> ServiceError:
    """Return the error of `messages.ingest`, with the NACK for the system that sent the message."""
    is_duplicate = refused.code == Code.ALREADY_EXISTS
    nack = message_parser.acknowledgement(
        refused.data,
        refused.parser,
        moment=datetime.now(UTC),
        identifier=str(uuid.uuid4()),
        code="AR" if is_duplicate else "AE",
        text="duplicate message" if is_duplicate else "the message cannot be read",
    )
    detail = {
        "@type": f"type.googleapis.com/google.cloud.healthcare.{version}.hl7v2.IngestMessageErrorDetail",
        "hl7Nack": rows.encoded(nack),
    }
    return ServiceError(refused.code, refused.message, details=[detail])


def _relabel(request: Request, added: Mapping[str, str]) -> Response:
    with service_of(request).database.write() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        parser = rows.parser_of(connection, store)
        known = _message(connection, store, request.path_params["message"])
        labels = orjson.dumps({**orjson.loads(known.labels), **added}, option=orjson.OPT_SORT_KEYS)
        rows.relabel(connection, store.key, known, labels.decode())
        stored = _message(connection, store, known.id)
    return json_response(rows.resource(stored, "FULL", parser, store.name))


def _message(connection: sqlite3.Connection, store: Store, identifier: str) -> Stored:
    stored = rows.find(connection, store.key, identifier)
    if stored is None:
        raise not_found(
            f"{store.name}/messages/{identifier[:80]} does not exist; "
            f"list them with GET {store.name}/messages"
        )
    return stored


def metrics(request: Request) -> Response:
    """``getHL7v2StoreMetrics``: number and bytes of the messages of each type."""
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "hl7V2Stores")
        sizes = rows.sizes(connection, store.key)
    shown = [
        {"messageType": type_, "count": str(count), "structuredStorageSizeBytes": str(size)}
        for type_, count, size in sizes
    ]
    return json_response({"name": store.name, "metrics": shown})


#: Custom methods first: their paths also match the pattern of a message id.
ROUTES = [
    Route(f"{_STORE}:getHL7v2StoreMetrics", metrics, methods=["GET"]),
    Route(_MESSAGES, create, methods=["POST"]),
    Route(_MESSAGES, list_messages, methods=["GET"]),
    Route(f"{_MESSAGES}:ingest", ingest, methods=["POST"]),
    Route(f"{_MESSAGES}:batchGet", batch_get, methods=["GET"]),
    Route(f"{_MESSAGES}/{{message}}", get, methods=["GET"]),
    Route(f"{_MESSAGES}/{{message}}", patch, methods=["PATCH"]),
    Route(f"{_MESSAGES}/{{message}}", delete, methods=["DELETE"]),
]
