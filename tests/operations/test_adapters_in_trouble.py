"""Operations of google-api-core whose service hangs or is gone: real clients, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from fakes import NAME
from google.api_core import exceptions, operations_v1
from google.api_core import operation as api_core
from google.api_core import operation_async as api_core_async
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError, TransportError
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.json_format import ParseError
from hostile import Hostile, saying

import lro_notebook as lro
from lro_notebook.http.responses import is_transient
from lro_notebook.operations.adapters import api_core as foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 30.0


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_TIMEOUT", 0.3)


def message(name: str = NAME, *, done: bool = False) -> operations_pb2.Operation:
    response = any_pb2.Any()
    response.Pack(empty_pb2.Empty())
    return operations_pb2.Operation(name=name, done=done, **({"response": response} if done else {}))


class Service(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC ships no type information
    """google.longrunning.Operations over gRPC: names with "good" end at once, all others hang."""

    def __init__(self) -> None:
        self.over, self.looks, self.cancels = threading.Event(), 0, 0
        self.server = grpc.server(ThreadPoolExecutor(40))
        self.server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method.endswith("/CancelOperation"):
            return grpc.unary_unary_rpc_method_handler(
                self.cancel,
                request_deserializer=operations_pb2.CancelOperationRequest.FromString,
                response_serializer=empty_pb2.Empty.SerializeToString,
            )
        return grpc.unary_unary_rpc_method_handler(
            self.get,
            request_deserializer=operations_pb2.GetOperationRequest.FromString,
            response_serializer=operations_pb2.Operation.SerializeToString,
        )

    def get(self, request: Any, _: Any) -> operations_pb2.Operation:
        self.looks += 1
        if "good" not in request.name:
            self.over.wait(60)
        return message(request.name, done=True)

    def cancel(self, _: Any, __: Any) -> empty_pb2.Empty:
        self.cancels += 1
        self.over.wait(60)
        return empty_pb2.Empty()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    service.server.start()
    yield service
    service.over.set()
    service.server.stop(None).wait(10)


def over_grpc(address: str, name: str) -> Any:
    client = operations_v1.OperationsClient(grpc.insecure_channel(address))
    return api_core.from_gapic(message(name), client, empty_pb2.Empty)


def over_rest(address: str, name: str) -> Any:
    transport = operations_v1.OperationsRestTransport(
        host=f"http://{address}",
        credentials=AnonymousCredentials(),
        http_options={
            "google.longrunning.Operations.GetOperation": [{"method": "get", "uri": "/v1/{name=**}"}]
        },
    )
    client = operations_v1.AbstractOperationsClient(transport=transport)
    return api_core.from_gapic(message(name), client, empty_pb2.Empty)


def dead_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def troubled(operation: lro.Operation) -> str:
    operation.poller.follow()
    deadline = time.monotonic() + SOON
    while not operation.trouble and time.monotonic() < deadline:
        time.sleep(0.02)
    return operation.trouble


def test_the_end_of_a_healthy_operation_is_seen_beside_twelve_that_hang(service: Service) -> None:
    hanging = [lro.watch(over_grpc(service.address, f"operations/{number}")) for number in range(12)]
    good = lro.watch(over_grpc(service.address, "operations/good"))
    for each in (*hanging, good):
        each.poller.follow()
    began = time.monotonic()
    assert good.wait(SOON).state == "SUCCEEDED"
    assert time.monotonic() - began < 15.0
    assert all("retrying" in troubled(each) for each in hanging)
    for each in hanging:
        each.poller.lose(lro.LroError("the test is over"))


def test_a_service_that_is_gone_is_trouble_that_people_see() -> None:
    operation = lro.watch(over_grpc(dead_address(), NAME))
    assert "HTTP 503" in troubled(operation)
    operation.poller.lose(lro.LroError("the test is over"))


@pytest.mark.parametrize("make", [over_grpc, over_rest])
def test_one_look_is_one_request_with_a_short_timeout(make: Any, service: Service) -> None:
    over = threading.Event()
    with Hostile(lambda *_: bool(over.wait(60)) and None) as silent:
        address = service.address if make is over_grpc else silent.endpoint.removeprefix("http://")
        source = foreign.ApiCoreSource(make(address, NAME))
        began = time.monotonic()
        with pytest.raises(lro.ApiError) as caught:
            source.poll()
        assert time.monotonic() - began < 10.0
        assert is_transient(caught.value)
        assert (service.looks if make is over_grpc else len(silent.requests)) == 1
        over.set()


def test_a_rest_operation_is_read_with_its_own_client() -> None:
    done = {"name": NAME, "done": True, "response": {"@type": "type.googleapis.com/google.protobuf.Empty"}}

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(saying(done))

    with Hostile(answer) as server:
        operation = lro.watch(over_rest(server.endpoint.removeprefix("http://"), NAME))
        assert operation.wait(SOON).state == "SUCCEEDED"


def test_a_cancel_that_hangs_comes_back(service: Service) -> None:
    operation = over_grpc(service.address, "operations/1")
    operation._refresh = lambda **_: message("operations/1")
    began = time.monotonic()
    with pytest.raises(lro.ApiError):
        foreign.ApiCoreSource(operation).cancel()
    assert time.monotonic() - began < 10.0
    assert service.cancels == 1


def test_an_asynchronous_operation_that_hangs_is_asked_once(service: Service) -> None:
    async def look() -> BaseException | None:
        channel = grpc.aio.insecure_channel(service.address)
        client = operations_v1.OperationsAsyncClient(channel)
        operation = api_core_async.from_gapic(message("operations/1"), client, empty_pb2.Empty)
        source = foreign.AsyncSource(operation, asyncio.get_running_loop())
        error: BaseException | None = None
        try:
            await asyncio.to_thread(source.poll)
        except lro.ApiError as caught:
            error = caught
        await channel.close()
        return error

    began = time.monotonic()
    error = asyncio.run(look())
    assert isinstance(error, lro.ApiError)
    assert is_transient(error)
    assert service.looks == 1
    assert time.monotonic() - began < 10.0


@pytest.mark.parametrize(
    ("raised", "passes"),
    [
        (exceptions.DeadlineExceeded("late"), True),
        (exceptions.RetryError("late", None), True),
        (requests.ConnectionError("reset"), True),
        (requests.Timeout("late"), True),
        (TransportError("no token server"), True),
        (ParseError("no operation"), True),
        (RefreshError("expired"), False),
        (exceptions.Unauthenticated("who?"), False),
        (exceptions.NotFound("gone"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_its_client_raises_is_an_error_of_ours(raised: Exception, passes: bool) -> None:  # noqa: FBT001 - a parameter
    def refresh() -> Any:  # without the parameter for a retry
        raise raised

    source = foreign.ApiCoreSource(api_core.Operation(message(), refresh, None, empty_pb2.Empty))
    with pytest.raises(lro.LroError) as caught:
        source.poll()
    assert is_transient(caught.value) is passes


def test_a_refresh_that_is_broken_is_no_end() -> None:
    def refresh() -> Any:
        raise TypeError("a bug")

    operation = lro.watch(api_core.Operation(message(), refresh, None, empty_pb2.Empty))
    with pytest.raises(lro.PollingLost, match="cannot be followed"):
        operation.result(SOON)
