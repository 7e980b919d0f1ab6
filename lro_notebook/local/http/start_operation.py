"""Starting an operation from a route, and cancelling one."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from lro_notebook.local.core.service_errors import json_response, not_found
from lro_notebook.local.http.faults import method_of, with_fault
from lro_notebook.local.http.service import api_version, service_of
from lro_notebook.local.operations import records
from lro_notebook.local.operations.method import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.http.service import Service
    from lro_notebook.local.operations.method import Method

logger = logging.getLogger(__name__)


async def start_operation(
    request: Request,
    method: Method,
    target: Any,
    body: Mapping[str, Any],
    *,
    dataset: str,
    resource: str,
) -> Response:
    """Check a start request and start its operation; respond with its name alone.

    Parameters
    ----------
    request : Request
        The HTTP request.
    method : Method
        The method to start.
    target, body : object
        Arguments for `Method.parse`.
    dataset : str
        Name of the dataset that the operation belongs to.
    resource : str
        Name of the store or dataset that it runs on.
    """
    number = await run_in_threadpool(
        start_operation_now, request, method, target, body, parent=dataset, resource=resource
    )
    return json_response({"name": f"{dataset}/operations/{number}"})


def start_operation_now(
    request: Request,
    method: Method,
    target: Any,
    body: Mapping[str, Any],
    *,
    parent: str,
    resource: str,
) -> int:
    """Check a start request and start its operation below `parent`; return its number. Blocks."""
    service, version = service_of(request), api_version(request)
    if version not in method.versions:
        raise not_found(
            f"{method.name.rpartition('.')[2]} is not a method of {version}; use {method.versions[0]}"
        )
    with service.database.read() as connection:
        checked = method.parse(Context(service.buckets, connection), target, body)
    fault = service.faults.on_operation(method_of(request.method, request.scope["path"]))
    start = records.Start(parent, version, method.name, resource, method.log)
    return service.worker.start(method if fault is None else with_fault(method, fault), start, checked)


def cancel_operation_now(service: Service, parent: str, identifier: str) -> bool:
    """Cancel an operation below `parent`; return False if it had already ended. Blocks.

    On a full disk it is cancelled too, although its row cannot record the request.
    """
    try:
        with service.database.write() as connection:
            number = records.request_cancel(connection, parent, identifier)
    except sqlite3.OperationalError as error:
        logger.warning("operation %s is cancelled, but its record cannot say so: %s", identifier[:80], error)
        with service.database.read() as connection:
            number = records.active_number(connection, parent, identifier)
    if number is None or number in service.worker.ends:
        return False
    service.worker.cancel(number)
    return True
