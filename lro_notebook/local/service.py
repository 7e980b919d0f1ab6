"""What the routes of a running service share, and how they reach it; reading of requests."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.local import names, stores
from lro_notebook.local.faults import Faults
from lro_notebook.local.refusal import Refusal, invalid, json_response

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.buckets import Buckets
    from lro_notebook.local.database import Database
    from lro_notebook.local.pace import Pace
    from lro_notebook.local.proof import Identity
    from lro_notebook.local.stores import Store
    from lro_notebook.local.worker import Worker

#: Paths of a location and of a dataset, below the version.
LOCATION_PATH = "/projects/{project}/locations/{location}"
DATASET_PATH = LOCATION_PATH + "/datasets/{dataset}"
#: Versions of the API that are served, with the same routes.
API_VERSIONS = ("v1", "v1beta1")
#: Largest request body in bytes.
BODY_LIMIT = 32 << 20

#: A larger body is still read to this size, so that its sender gets to the answer.
_DRAIN_LIMIT = 8 * BODY_LIMIT
_PAGE_DEFAULT = 100
_PAGE_MAX = 1000


@dataclass(slots=True)
class Service:
    """The parts of a running service.

    Attributes
    ----------
    identity : Identity
        What it proves itself by.
    faults : Faults
        What shall go wrong; nothing, but in tests.
    last_request : float
        `time.monotonic` of the last request.
    open_requests : int
        Requests that are being answered.
    is_told_to_stop : bool
        Whether somebody has asked it to end.
    """

    data_dir: Path
    database: Database
    buckets: Buckets
    pace: Pace
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
        """What a request must bear."""
        return self.identity.token


def service_of(request: Request) -> Service:
    """Return the service that a request is for."""
    service: Service = request.app.state.service
    return service


def api_version(request: Request) -> str:
    """Return the API version that a request asks for: the first part of its path."""
    return request.url.path.split("/")[1]


def dataset_name(request: Request) -> str:
    """Return the name of the dataset in a request's path."""
    parts = request.path_params
    return f"{names.location_name(parts['project'], parts['location'])}/datasets/{parts['dataset']}"


def store_of(request: Request, connection: sqlite3.Connection, collection: str) -> Store:
    """Return the store in a request's path, which must exist."""
    return stores.find_store(
        connection, dataset_name(request), request.path_params["store"], collection=collection
    )


async def read_body(request: Request) -> bytes:
    """Return the body of a request; refuse one over 32 MiB."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= BODY_LIMIT:
            chunks.append(chunk)
        elif size > _DRAIN_LIMIT:
            break
    if size > BODY_LIMIT:
        raise Refusal(
            Code.INVALID_ARGUMENT,
            f"the request body is larger than {BODY_LIMIT} bytes; import large data from a bucket",
            status=413,
        )
    return b"".join(chunks)


async def read_json(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request; an empty body is an empty object."""
    body = await read_body(request)
    try:
        data = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise invalid(f"the request body is not valid JSON at character {error.pos}") from error
    if not isinstance(data, dict):
        raise invalid("the request body is not a JSON object")
    return data


def limit_of(request: Request, parameter: str = "pageSize") -> int:
    """Return the page size that a request asks for, 100 by default and 1000 at most."""
    text = request.query_params.get(parameter) or "0"
    number = names.whole_number(text)
    if number is None:
        raise invalid(f"{parameter}: expected a number from 0 to {_PAGE_MAX}")
    return min(number, _PAGE_MAX) or _PAGE_DEFAULT


def token_text(request: Request, parameter: str = "pageToken") -> str:
    """Return where the page starts that a request asks for; empty for the first page."""
    return _token_text(request.query_params.get(parameter, ""), parameter)


def key_of_token(token: object) -> int:
    """Return the number in a page token that a request body holds; 0 without one."""
    text = _token_text(token, "pageToken") if isinstance(token, str) else "?"
    number = names.whole_number(text) if text else 0
    if number is None:
        raise _bad_token("pageToken")
    return number


def _token_text(token: str, parameter: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _bad_token(parameter) from error


def token_number(request: Request, *, default: int) -> int:
    """Return the number that the page starts at that a request asks for."""
    text = token_text(request)
    number = names.whole_number(text) if text else default
    if number is None:
        raise _bad_token("pageToken")
    return number


def page_token(key: object) -> str:
    """Return the token of the page that comes after `key`."""
    return base64.urlsafe_b64encode(str(key).encode()).decode()


def page_response(field: str, rows: list[dict[str, Any]], keys: Sequence[object], limit: int) -> Response:
    """Return a page of `limit` rows; one row more says that another page follows."""
    page: dict[str, Any] = {field: rows[:limit]} if rows else {}
    if len(rows) > limit:
        page["nextPageToken"] = page_token(keys[limit - 1])
    return json_response(page)


def _bad_token(parameter: str) -> Refusal:
    return invalid(f"{parameter} is not one that this service gave; start again without it")
