"""Routes of datasets, stores and operations: the management side of the Healthcare API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local import location_routes, registry
from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, json_response, not_found
from lro_notebook.local.datasets import stores
from lro_notebook.local.http import policy_routes
from lro_notebook.local.http.paging import limit_of, number_after, page_response, text_after
from lro_notebook.local.http.service import (
    DATASET_PATH,
    LOCATION_PATH,
    dataset_name,
    mask_of,
    read_json,
    service_of,
)
from lro_notebook.local.http.start_operation import cancel_operation_now, start_operation
from lro_notebook.local.http.store_routes import routes_of
from lro_notebook.local.operations import records

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.discovery import masks

_OPERATION = DATASET_PATH + "/operations/{operation}"


async def create_dataset(request: Request) -> Response:
    """``datasets.create``: an operation."""
    body = await read_json(request)
    identifier = resource_names.new_id("datasetId", request.query_params.get("datasetId", ""))
    parts = request.path_params
    name = f"{resource_names.location_name(parts['project'], parts['location'])}/datasets/{identifier}"
    with service_of(request).database.read() as connection:
        if stores.has_dataset(connection, name):
            raise stores.already_exists(name)
    return await start_operation(request, registry.CREATE_DATASET, name, body, dataset=name, resource=name)


async def list_datasets(request: Request) -> Response:
    """``datasets.list``."""
    parts, limit = request.path_params, limit_of(request)
    parent = resource_names.location_name(parts["project"], parts["location"])
    with service_of(request).database.read() as connection:
        rows = stores.list_datasets(connection, parent, after=text_after(request), limit=limit + 1)
    return page_response(request, "datasets", rows, [row["name"] for row in rows], limit)


async def get_dataset(request: Request) -> Response:
    """``datasets.get``."""
    with service_of(request).database.read() as connection:
        return json_response(stores.get_dataset(connection, dataset_name(request)))


async def patch_dataset(request: Request) -> Response:
    """``datasets.patch``."""
    body, paths = await read_json(request), mask_of(request)
    return await run_in_threadpool(_change_dataset, request, body, paths)


def _change_dataset(request: Request, body: dict[str, Any], paths: list[masks.Path]) -> Response:
    with service_of(request).database.write() as connection:
        return json_response(stores.patch_dataset(connection, dataset_name(request), body, paths))


def delete_dataset(request: Request) -> Response:
    """``datasets.delete``; its operations go with it."""
    service = service_of(request)
    with service.database.write() as connection:
        active = stores.delete_dataset(connection, dataset_name(request))
    for number in active:
        service.worker.cancel(number)
    return json_response({})


async def start_on_dataset(request: Request) -> Response:
    """Start the operation of a custom method of a dataset."""
    verb = request.path_params["verb"]
    method = registry.DATASET_METHODS.get(verb)
    if method is None:
        raise not_found(f"datasets.{verb[:80]} is not a method of the local service")
    body, dataset = await read_json(request), dataset_name(request)
    with service_of(request).database.read() as connection:
        stores.get_dataset(connection, dataset)
    return await start_operation(request, method, dataset, body, dataset=dataset, resource=dataset)


async def get_operation(request: Request) -> Response:
    """``operations.get``."""
    service = service_of(request)
    with service.database.read() as connection:
        identifier = request.path_params["operation"]
        return json_response(
            records.get(
                connection,
                dataset_name(request),
                identifier,
                endpoint=service.endpoint,
                ends=service.worker.ends,
            )
        )


async def list_operations(request: Request) -> Response:
    """``operations.list``, newest first."""
    if request.query_params.get("returnPartialSuccess") == "true":
        raise ServiceError(Code.UNIMPLEMENTED, "returnPartialSuccess: the local service always lists all")
    service, limit, dataset = service_of(request), limit_of(request), dataset_name(request)
    done = records.parse_filter(request.query_params.get("filter", ""))
    with service.database.read() as connection:
        stores.get_dataset(connection, dataset)
        rows = records.page(
            connection,
            dataset,
            before=number_after(request, default=2**63 - 1),
            limit=limit + 1,
            done=done,
            endpoint=service.endpoint,
            ends=service.worker.ends,
        )
    return page_response(request, "operations", [row for _, row in rows], [key for key, _ in rows], limit)


def cancel_operation(request: Request) -> Response:
    """``operations.cancel``; does nothing if the operation has ended."""
    cancel_operation_now(service_of(request), dataset_name(request), request.path_params["operation"])
    return json_response({})


async def list_failures(request: Request) -> Response:
    """Return the failure log of an operation, oldest first; only the local service has this route."""
    limit, after = limit_of(request), number_after(request, default=0)
    with service_of(request).database.read() as connection:
        identifier = request.path_params["operation"]
        rows = records.failures_page(
            connection, dataset_name(request), identifier, after=after, limit=limit + 1
        )
    return page_response(request, "failures", [row for _, row in rows], [key for key, _ in rows], limit)


ROUTES = [
    Route(f"{LOCATION_PATH}/datasets", create_dataset, methods=["POST"]),
    Route(f"{LOCATION_PATH}/datasets", list_datasets, methods=["GET"]),
    *location_routes.ROUTES,
    # Custom methods first: their paths also match the pattern of a resource id.
    *policy_routes.routes_of(DATASET_PATH),
    Route(f"{DATASET_PATH}:{{verb}}", start_on_dataset, methods=["POST"]),
    Route(DATASET_PATH, get_dataset, methods=["GET"]),
    Route(DATASET_PATH, patch_dataset, methods=["PATCH"]),
    Route(DATASET_PATH, delete_dataset, methods=["DELETE"]),
    *(route for kind in registry.STORE_KINDS for route in routes_of(kind)),
    Route(f"{DATASET_PATH}/operations", list_operations, methods=["GET"]),
    Route(f"{_OPERATION}:cancel", cancel_operation, methods=["POST"]),
    Route(f"{_OPERATION}:failures", list_failures, methods=["GET"]),
    Route(_OPERATION, get_operation, methods=["GET"]),
]
