"""Routes that every kind of store has: create, list, get, patch, delete and the custom methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument, json_response, not_found
from lro_notebook.local.datasets import stores
from lro_notebook.local.http import policy_routes
from lro_notebook.local.http.paging import limit_of, page_response, text_after
from lro_notebook.local.http.service import (
    DATASET_PATH,
    NOTIFICATIONS_FILE,
    dataset_name,
    mask_of,
    read_json,
    service_of,
    store_of,
)
from lro_notebook.local.http.start_operation import start_operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from lro_notebook.local.http.store_kind import StoreKind


def routes_of(kind: StoreKind) -> Iterator[BaseRoute]:
    """Yield the routes of a kind of store: its own, then the common ones."""
    yield from kind.routes
    collection = f"{DATASET_PATH}/{kind.collection}"
    yield from policy_routes.routes_of(collection + "/{store}", kind.collection)
    common = _Common(kind)
    yield Route(collection, common.create, methods=["POST"])
    yield Route(collection, common.list, methods=["GET"])
    # Custom methods first: their paths also match the pattern of a resource id.
    yield Route(collection + "/{store}:{verb}", common.start, methods=["POST"])
    yield Route(collection + "/{store}", common.get, methods=["GET"])
    yield Route(collection + "/{store}", common.patch, methods=["PATCH"])
    yield Route(collection + "/{store}", common.delete, methods=["DELETE"])


_TO_A_FILE = f"no message goes to Pub/Sub, it is written to {NOTIFICATIONS_FILE} in the data directory"
#: Setting of a store -> what the local service does instead.
_LOCAL: Mapping[str, str] = {
    "notificationConfig": _TO_A_FILE,
    "notificationConfigs": _TO_A_FILE,
    "streamConfigs": "streamConfigs has no effect: the local service streams nothing",
}


class _Common:
    """The common endpoints of one kind of store."""

    def __init__(self, kind: StoreKind) -> None:
        self._kind = kind
        self._collection = kind.collection
        self._id_parameter = f"{kind.collection[:-1]}Id"

    async def create(self, request: Request) -> Response:
        """Create a store; its fields are kept as they came."""
        body = await read_json(request)
        identifier = resource_names.new_id(
            self._id_parameter, request.query_params.get(self._id_parameter, "")
        )
        self._kind.check(body)
        return await self._write(request, stores.add_store, identifier, body)

    async def list(self, request: Request) -> Response:
        """List the stores of this kind in a dataset, by id."""
        if request.query_params.get("filter"):
            raise invalid_argument("filter: the local service does not filter lists of stores")
        limit, after = limit_of(request), text_after(request)
        with service_of(request).database.read() as connection:
            rows = stores.list_stores(
                connection, dataset_name(request), collection=self._collection, after=after, limit=limit + 1
            )
        keys = [row["name"].rpartition("/")[2] for row in rows]
        return page_response(request, self._collection, rows, keys, limit)

    async def get(self, request: Request) -> Response:
        """Return a store."""
        with service_of(request).database.read() as connection:
            identifier = request.path_params["store"]
            return json_response(
                stores.get_store(connection, dataset_name(request), identifier, collection=self._collection)
            )

    async def patch(self, request: Request) -> Response:
        """Change the fields of a store that ``updateMask`` names; those missing in the body are removed."""
        body, paths = await read_json(request), mask_of(request)
        change = partial(self._changed, paths=paths)
        return await self._write(request, change, request.path_params["store"], body)

    def delete(self, request: Request) -> Response:
        """Delete a store with all its content."""
        with service_of(request).database.write() as connection:
            identifier = request.path_params["store"]
            stores.delete_store(connection, dataset_name(request), identifier, collection=self._collection)
        return json_response({})

    async def start(self, request: Request) -> Response:
        """Start the operation of a custom method."""
        verb = request.path_params["verb"]
        method = self._kind.methods.get(verb)
        if method is None:
            raise not_found(f"{self._collection}.{verb[:80]} is not a method of the Healthcare API")
        body, dataset = await read_json(request), dataset_name(request)
        with service_of(request).database.read() as connection:
            store = store_of(request, connection, self._collection)
        return await start_operation(request, method, store, body, dataset=dataset, resource=store.name)

    def _changed(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        """Change a store; its fields must go together afterwards."""
        store = stores.patch_store(*arguments, **more)
        self._kind.check(store)
        return store

    async def _write(
        self, request: Request, change: Callable[..., dict[str, Any]], identifier: str, fields: dict[str, Any]
    ) -> Response:
        """Run `change` in one transaction and respond with the store that it returns."""
        database, dataset = service_of(request).database, dataset_name(request)

        def commit() -> dict[str, Any]:
            with database.write() as connection:
                return change(connection, dataset, identifier, fields, collection=self._collection)

        store = await run_in_threadpool(commit)
        return json_response(store, headers=_warning(fields))


def _warning(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that says which of the fields of a request do not do what they do in production."""
    texts = dict.fromkeys(text for name, text in _LOCAL.items() if fields.get(name))
    return {"Warning": f'299 lro-notebook "{"; ".join(texts)}"'} if texts else {}
