"""The service's own routes: about, proof of identity, stop, pace, faults and reset."""

from __future__ import annotations

import os
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any

import orjson
from starlette.routing import Route

from lro_notebook import platforms
from lro_notebook.local.core import objects
from lro_notebook.local.core.buckets import SAMPLE_BUCKET
from lro_notebook.local.core.resource_names import DEMO_DATASET
from lro_notebook.local.core.service_errors import invalid_argument, json_response
from lro_notebook.local.datasets import stores
from lro_notebook.local.http import faults
from lro_notebook.local.http.service import NOTIFICATIONS_FILE, Service, read_json, service_of
from lro_notebook.local.identity import data_directory
from lro_notebook.local.identity.proof import PROOF_PATH, is_nonce

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

#: The ``service`` that ``GET /.lro-local`` responds with.
SERVICE_NAME = "lro-notebook-local"
#: Where a client asks which service this is.
ABOUT_PATH = "/.lro-local"


async def about(request: Request) -> Response:
    """Say which service this is and where its data lives."""
    return json_response(_about(service_of(request)))


async def prove(request: Request) -> Response:
    """Answer a challenge, as only the service of this data directory can; needs no token."""
    nonce = request.query_params.get("nonce", "")
    if not is_nonce(nonce):
        raise invalid_argument("nonce: expected 64 hexadecimal digits in lower case")
    return json_response({"proof": service_of(request).identity.proof(nonce)})


async def stop(request: Request) -> Response:
    """Stop the service, as SIGTERM does."""
    service = service_of(request)
    service.is_told_to_stop = True
    return json_response(_about(service))


async def change(request: Request) -> Response:
    """Change the pace: ``{"pace": resources per second}``, null for full speed."""
    body = await read_json(request)
    pace = body.get("pace")
    number = isinstance(pace, int | float) and not isinstance(pace, bool) and pace > 0
    if set(body) != {"pace"} or not (pace is None or number):
        raise invalid_argument('expected {"pace": N} with N resources per second, or null for full speed')
    service = service_of(request)
    service.throttle.rate = pace
    return json_response(_about(service))


async def script(request: Request) -> Response:
    """Add a fault to the script."""
    service_of(request).faults.add(faults.parse(await read_json(request)))
    return scripted(request)


def scripted(request: Request) -> Response:
    """Return the faults still to come, and how often each method was called."""
    script = service_of(request).faults
    return json_response({"faults": script.to_come(), "calls": dict(script.calls)})


def notifications(request: Request) -> Response:
    """Return the notifications that stores have asked for, oldest first."""
    try:
        text = data_directory.read_private(service_of(request).data_dir / NOTIFICATIONS_FILE)
    except FileNotFoundError:
        text = b""
    return json_response({"notifications": [orjson.loads(line) for line in text.splitlines()]})


def reset(request: Request) -> Response:
    """Cancel every operation, then delete data, operations, faults, notifications and pace.

    The sample bucket stays.
    """
    service = service_of(request)
    service.faults.clear()
    service.throttle.rate = None
    service.worker.drain()
    with service.database.write() as connection:
        stores.delete_all(connection)
        stores.add_dataset(connection, DEMO_DATASET, {"timeZone": "UTC"})
    (service.data_dir / NOTIFICATIONS_FILE).unlink(missing_ok=True)
    for name in service.buckets.names():
        if name != SAMPLE_BUCKET:
            objects.remove(service.buckets.root / name)
    service.buckets.make()
    return json_response(_about(service))


def _about(service: Service) -> dict[str, Any]:
    return {
        "service": SERVICE_NAME,
        "version": package_version("lro-notebook"),
        "pid": os.getpid(),
        "dataDir": str(service.data_dir),
        "buckets": platforms.shown(str(service.buckets.root)),
        "dataset": DEMO_DATASET,
        "pace": service.throttle.rate,
    }


ROUTES = [
    Route(ABOUT_PATH, about, methods=["GET"]),
    Route(ABOUT_PATH, change, methods=["PATCH"]),
    Route(PROOF_PATH, prove, methods=["GET"], include_in_schema=False),
    Route(f"{ABOUT_PATH}/stop", stop, methods=["POST"], include_in_schema=False),
    # Only tests need these, so the OpenAPI description leaves them out.
    Route(f"{ABOUT_PATH}/notifications", notifications, methods=["GET"], include_in_schema=False),
    Route(f"{ABOUT_PATH}/faults", scripted, methods=["GET"], include_in_schema=False),
    Route(f"{ABOUT_PATH}/faults", script, methods=["POST"], include_in_schema=False),
    Route(f"{ABOUT_PATH}/reset", reset, methods=["POST"], include_in_schema=False),
]
