"""Routes of datasets, stores and operations: the management side of the Healthcare API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local import catalogue, names, operations, stores
from lro_notebook.local.refusal import Refusal, invalid, json_response, missing
from lro_notebook.local.service import (
    api_version,
    dataset_name,
    limit_of,
    page_token,
    read_json,
    service_of,
    token_number,
    token_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.work import Kind

_LOCATION = "/projects/{project}/locations/{location}"
_DATASET = _LOCATION + "/datasets/{dataset}"
_STORE = _DATASET + "/fhirStores/{store}"
_OPERATION = _DATASET + "/operations/{operation}"


async def create_dataset(request: Request) -> Response:
    """``datasets.create``: an operation."""
    body = await read_json(request)
    identifier = names.new_id("datasetId", request.query_params.get("datasetId", ""))
    parts = request.path_params
    name = f"{names.location_name(parts['project'], parts['location'])}/datasets/{identifier}"
    with service_of(request).database.read() as connection:
        if stores.has_dataset(connection, name):
            raise stores.taken(name)
    return await _start(request, catalogue.CREATE_DATASET, name, body, dataset=name)


async def list_datasets(request: Request) -> Response:
    """``datasets.list``."""
    parts, limit = request.path_params, limit_of(request)
    parent = names.location_name(parts["project"], parts["location"])
    with service_of(request).database.read() as connection:
        rows = stores.list_datasets(connection, parent, after=token_text(request), limit=limit + 1)
    return _page("datasets", rows, [row["name"] for row in rows], limit)


async def get_dataset(request: Request) -> Response:
    """``datasets.get``."""
    with service_of(request).database.read() as connection:
        return json_response(stores.get_dataset(connection, dataset_name(request)))


def delete_dataset(request: Request) -> Response:
    """``datasets.delete``; its operations go with it."""
    service = service_of(request)
    with service.database.write() as connection:
        active = stores.delete_dataset(connection, dataset_name(request))
    for number in active:
        service.worker.cancel(number)
    return json_response({})


async def create_fhir_store(request: Request) -> Response:
    """``fhirStores.create``."""
    body = await read_json(request)
    identifier = names.new_id("fhirStoreId", request.query_params.get("fhirStoreId", ""))
    stores.check_fhir_store(body)
    dataset = dataset_name(request)
    database = service_of(request).database

    def insert() -> dict[str, Any]:
        with database.write() as connection:
            return stores.add_store(connection, dataset, identifier, body, kind="fhir")

    return json_response(await run_in_threadpool(insert))


async def list_fhir_stores(request: Request) -> Response:
    """``fhirStores.list``."""
    if request.query_params.get("filter"):
        raise invalid("filter: the local service lists stores without a filter only")
    limit, dataset = limit_of(request), dataset_name(request)
    with service_of(request).database.read() as connection:
        after = token_text(request)
        rows = stores.list_stores(connection, dataset, kind="fhir", after=after, limit=limit + 1)
    return _page("fhirStores", rows, [row["name"].rpartition("/")[2] for row in rows], limit)


async def get_fhir_store(request: Request) -> Response:
    """``fhirStores.get``."""
    with service_of(request).database.read() as connection:
        store = request.path_params["store"]
        return json_response(stores.get_store(connection, dataset_name(request), store, kind="fhir"))


def delete_fhir_store(request: Request) -> Response:
    """``fhirStores.delete``."""
    with service_of(request).database.write() as connection:
        stores.delete_store(connection, dataset_name(request), request.path_params["store"], kind="fhir")
    return json_response({})


async def start_on_fhir_store(request: Request) -> Response:
    """Start the operation of a custom method of a FHIR store."""
    verb = request.path_params["verb"]
    kind = catalogue.FHIR_STORE_KINDS.get(verb)
    if kind is None and verb in catalogue.NOT_BUILT:
        raise Refusal(Code.UNIMPLEMENTED, f"fhirStores.{verb} is not part of the local service yet")
    if kind is None:
        raise missing(f"fhirStores.{verb[:80]} is no method of the Healthcare API")
    body, dataset = await read_json(request), dataset_name(request)
    with service_of(request).database.read() as connection:
        store = stores.find_store(connection, dataset, request.path_params["store"], kind="fhir")
    return await _start(request, kind, store, body, dataset=dataset)


async def get_operation(request: Request) -> Response:
    """``operations.get``."""
    service = service_of(request)
    with service.database.read() as connection:
        identifier = request.path_params["operation"]
        return json_response(
            operations.get(connection, dataset_name(request), identifier, endpoint=service.endpoint)
        )


async def list_operations(request: Request) -> Response:
    """``operations.list``, newest first."""
    service, limit, dataset = service_of(request), limit_of(request), dataset_name(request)
    done = operations.parse_filter(request.query_params.get("filter", ""))
    with service.database.read() as connection:
        stores.get_dataset(connection, dataset)
        rows = operations.page(
            connection,
            dataset,
            before=token_number(request, default=2**63 - 1),
            limit=limit + 1,
            done=done,
            endpoint=service.endpoint,
        )
    return _page("operations", [row for _, row in rows], [key for key, _ in rows], limit)


def cancel_operation(request: Request) -> Response:
    """``operations.cancel``; nothing changes for one that has ended."""
    service = service_of(request)
    with service.database.write() as connection:
        number = operations.request_cancel(
            connection, dataset_name(request), request.path_params["operation"]
        )
    if number is not None:
        service.worker.cancel(number)
    return json_response({})


async def list_failures(request: Request) -> Response:
    """Return the failure log of an operation, in its order; a route of this service alone."""
    limit, after = limit_of(request), token_number(request, default=0)
    with service_of(request).database.read() as connection:
        identifier = request.path_params["operation"]
        rows = operations.failures_page(
            connection, dataset_name(request), identifier, after=after, limit=limit + 1
        )
    return _page("failures", [row for _, row in rows], [key for key, _ in rows], limit)


async def _start(
    request: Request,
    kind: Kind,
    target: Any,  # noqa: ANN401 - what the kind works on
    body: dict[str, Any],
    *,
    dataset: str,
) -> Response:
    """Check a start request and start its operation; the answer holds the name alone."""
    service = service_of(request)
    checked = kind.parse(service.buckets, target, body)
    start = operations.Start(dataset, api_version(request), kind.method)
    number = await run_in_threadpool(service.worker.start, kind, start, checked)
    return json_response({"name": f"{dataset}/operations/{number}"})


def _page(field: str, rows: list[dict[str, Any]], keys: Sequence[object], limit: int) -> Response:
    """Return a page of `limit` rows; one row more says that another page follows."""
    page: dict[str, Any] = {field: rows[:limit]} if rows else {}
    if len(rows) > limit:
        page["nextPageToken"] = page_token(keys[limit - 1])
    return json_response(page)


#: Custom methods come before the resources whose ids they would look like.
ROUTES = [
    Route(f"{_LOCATION}/datasets", create_dataset, methods=["POST"]),
    Route(f"{_LOCATION}/datasets", list_datasets, methods=["GET"]),
    Route(_DATASET, get_dataset, methods=["GET"]),
    Route(_DATASET, delete_dataset, methods=["DELETE"]),
    Route(f"{_DATASET}/fhirStores", create_fhir_store, methods=["POST"]),
    Route(f"{_DATASET}/fhirStores", list_fhir_stores, methods=["GET"]),
    Route(_STORE + ":{verb}", start_on_fhir_store, methods=["POST"]),
    Route(_STORE, get_fhir_store, methods=["GET"]),
    Route(_STORE, delete_fhir_store, methods=["DELETE"]),
    Route(f"{_DATASET}/operations", list_operations, methods=["GET"]),
    Route(f"{_OPERATION}:cancel", cancel_operation, methods=["POST"]),
    Route(f"{_OPERATION}:failures", list_failures, methods=["GET"]),
    Route(_OPERATION, get_operation, methods=["GET"]),
]
