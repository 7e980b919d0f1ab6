"""Real clients of Google's libraries, on a server of the bench."""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from imitation import Imitation

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from google_rows.row import Row


def library(row: Row) -> Any:
    """Return the module of a row's client; skips the test where it is not installed."""
    try:
        importlib.metadata.version(row.package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{row.package} is not installed; make test-google installs it")
    with warnings.catch_warnings():  # some of them warn of themselves as they are imported
        warnings.simplefilter("ignore")
        return importlib.import_module(row.module)


@contextmanager
def client(row: Row, server: Imitation, over: str) -> Iterator[Any]:
    """Give a synchronous client, over ``grpc`` or ``rest``."""
    kind = getattr(library(row), row.client)
    transport_class = kind.get_transport_class(over)
    if over == "grpc":
        transport = transport_class(channel=grpc.insecure_channel(server.grpc))
    else:
        host = server.rest.removeprefix("http://")
        transport = transport_class(host=host, url_scheme="http", credentials=AnonymousCredentials())
    try:
        yield kind(transport=transport)
    finally:
        transport.close()


@asynccontextmanager
async def async_client(row: Row, server: Imitation) -> AsyncIterator[Any]:
    """Give an asynchronous client, over gRPC."""
    kind = getattr(library(row), row.client.replace("Client", "AsyncClient"))
    transport = kind.get_transport_class("grpc_asyncio")(channel=grpc.aio.insecure_channel(server.grpc))
    try:
        yield kind(transport=transport)
    finally:
        await transport.close()


def start(row: Row, client: Any) -> Any:
    """Start the operation of a row: an operation of google-api-core, or a coroutine of one."""
    return getattr(client, row.call)(request=dict(row.request))


@contextmanager
def started(row: Row, over: str) -> Iterator[tuple[lro.Operation, Imitation]]:
    """Give an operation that a real client has started and that is watched, and its server."""
    with ExitStack() as stack:
        server = stack.enter_context(Imitation(lambda _: row.script))
        asking = stack.enter_context(client(row, server, over))
        operation = lro.watch(start(row, asking))
        yield operation, server
        operation.poller.lose(lro.LroError("the test is over"))  # nobody looks at a server that is gone
