"""What routes share: the running service, and reading requests."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core import lenient_json, nesting, resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.datasets import stores
from lro_notebook.local.discovery import masks
from lro_notebook.local.http.faults import Faults

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Message, Receive

    from lro_notebook.local.core.buckets import Buckets
    from lro_notebook.local.core.database import Database
    from lro_notebook.local.core.throttle import Throttle
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.identity.proof import Identity
    from lro_notebook.local.operations.worker import Worker

#: Paths of a location and of a dataset, below the version.
LOCATION_PATH = "/projects/{project}/locations/{location}"
DATASET_PATH = LOCATION_PATH + "/datasets/{dataset}"
#: Versions of the API that are served, with the same routes.
API_VERSIONS = ("v1", "v1beta1")
#: Name of the file of notifications in the data directory.
NOTIFICATIONS_FILE = "notifications.ndjson"
#: Largest request body in bytes.
BODY_LIMIT = 32 << 20

#: Where in its ASGI scope a request keeps its body once that was checked.
CHECKED_BODY = "lro_notebook.body"

#: A larger body is still read up to so many times its limit, so that the client gets to read the response.
_DRAIN_FACTOR = 8


@dataclass(slots=True)
class Service:
    """The parts of a running service.

    Attributes
    ----------
    identity : Identity
        How it proves which service it is.
    faults : Faults
        Scripted faults; only tests have any.
    last_request : float
        `time.monotonic` of the last request.
    open_requests : int
        Requests in progress.
    is_told_to_stop : bool
        Whether a request has asked it to stop.
    """

    data_dir: Path
    database: Database
    buckets: Buckets
    throttle: Throttle
    worker: Worker
    identity: Identity
    faults: Faults = field(default_factory=Faults)
    last_request: float = field(default_factory=time.monotonic)
    open_requests: int = 0
    is_told_to_stop: bool = False

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return self.identity.endpoint

    @property
    def token(self) -> str:
        """The bearer token of requests."""
        return self.identity.token


def service_of(request: Request) -> Service:
    """Return the service that a request is for."""
    service: Service = request.app.state.service
    return service


def api_version(request: Request) -> str:
    """Return the API version of a request: the first part of its path."""
    path: str = request.scope["path"]
    return path.split("/")[1]


def dataset_name(request: Request) -> str:
    """Return the name of the dataset in a request's path."""
    parts = request.path_params
    return f"{resource_names.location_name(parts['project'], parts['location'])}/datasets/{parts['dataset']}"


def store_of(request: Request, connection: sqlite3.Connection, collection: str) -> Store:
    """Return the store in a request's path, which must exist."""
    return stores.find_store(
        connection, dataset_name(request), request.path_params["store"], collection=collection
    )


async def read_body(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """Return the body of a request; raise if it has more bytes than `limit`, 32 MiB by default."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > _DRAIN_FACTOR * limit:
            break
    if size > limit:
        raise ServiceError(
            Code.INVALID_ARGUMENT,
            f"the request body is larger than {limit} bytes; import large data from a bucket",
            status=413,
        )
    return b"".join(chunks)


def received(body: bytes, receive: Receive) -> Receive:
    """Return what a request receives whose `body` is known: that, and what the client does after it.

    What waits for the client to hang up, as streams do, waits for the real one.
    """
    left = [body]

    async def next_message() -> Message:
        if not left:
            return await receive()
        return {"type": "http.request", "body": left.pop(), "more_body": False}

    return next_message


async def read_json(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request; an empty body is an empty object."""
    checked: dict[str, Any] | None = request.scope.get(CHECKED_BODY)
    if checked is not None:
        return checked
    body = await read_body(request)
    data = _loads(body or b"{}")
    if not isinstance(data, dict):
        raise invalid_argument("the request body is not a JSON object")
    return data


def _loads(body: bytes) -> Any:
    try:
        return nesting.loads(body)
    except nesting.Unreadable as error:
        try:
            return nesting.loads(lenient_json.strict(body))
        except nesting.Unreadable:
            raise invalid_argument(f"the request body cannot be read: {error}") from error


def mask_of(request: Request) -> list[masks.Path]:
    """Return the paths of a request's ``updateMask``, which must be there."""
    paths = masks.paths_of(request.query_params.get("updateMask", ""))
    if not paths:
        raise invalid_argument("updateMask: name the fields to change, with commas between them")
    return paths
