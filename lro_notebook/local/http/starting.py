"""Starting an operation from a route, and stopping one: what all kinds have in common."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from lro_notebook.local.core.service_errors import json_response, missing
from lro_notebook.local.http.faults import method_of, spoil
from lro_notebook.local.http.service import api_version, service_of
from lro_notebook.local.operations import records
from lro_notebook.local.operations.work import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.http.service import Service
    from lro_notebook.local.operations.work import Kind

logger = logging.getLogger(__name__)


async def start(
    request: Request,
    kind: Kind,
    target: Any,  # noqa: ANN401 - what the kind works on
    body: Mapping[str, Any],
    *,
    dataset: str,
    resource: str,
) -> Response:
    """Check a start request and start its operation; the answer holds the name alone.

    Parameters
    ----------
    request : Request
        The HTTP request.
    kind : Kind
        What to start.
    target, body : object
        What the kind's `parse` gets.
    dataset : str
        Name of the dataset that the operation belongs to.
    resource : str
        Name of the store or dataset that it works on.
    """
    number = await run_in_threadpool(
        start_now, request, kind, target, body, parent=dataset, resource=resource
    )
    return json_response({"name": f"{dataset}/operations/{number}"})


def start_now(
    request: Request,
    kind: Kind,
    target: Any,  # noqa: ANN401 - what the kind works on
    body: Mapping[str, Any],
    *,
    parent: str,
    resource: str,
) -> int:
    """Check a start request and start its operation below `parent`; return its number. Blocks."""
    service, version = service_of(request), api_version(request)
    if version not in kind.versions:
        raise missing(f"{kind.method.rpartition('.')[2]} is no method of {version}; use {kind.versions[0]}")
    with service.database.read() as connection:
        checked = kind.parse(Context(service.buckets, connection), target, body)
    fault = service.faults.on_operation(method_of(request.method, request.url.path))
    start = records.Start(parent, version, kind.method, resource, kind.log)
    return service.worker.start(kind if fault is None else spoil(kind, fault), start, checked)


def stop_operation(service: Service, parent: str, identifier: str) -> bool:
    """Cancel an operation below `parent`; return False if it has ended before. Blocks.

    It stops on a full disk as well, where its row cannot say that it was asked to.
    """
    try:
        with service.database.write() as connection:
            number = records.request_cancel(connection, parent, identifier)
    except sqlite3.OperationalError as error:
        logger.warning("operation %s is cancelled without a note of it: %s", identifier[:80], error)
        with service.database.read() as connection:
            number = records.active_number(connection, parent, identifier)
    if number is None or number in service.worker.ends:
        return False
    service.worker.cancel(number)
    return True
