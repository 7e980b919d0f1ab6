"""Operations of google-api-core whose client hangs hold up those of that client alone."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core import operation as api_core
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2

import lro_notebook as lro
from lro_notebook.operations.adapters import api_core as foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 15.0  # seconds; the operations that hang do so for longer


class Service:
    """A client, a stub or a connection of one of Google's libraries, without a network."""

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self._wait = wait

    def get_operation(self, name: str, **_: Any) -> operations_pb2.Operation:
        self._wait()
        response = any_pb2.Any()
        response.Pack(empty_pb2.Empty())
        return operations_pb2.Operation(name=name, done=True, response=response)

    def api_request(self, path: str, **_: Any) -> dict[str, Any]:
        self._wait()
        empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
        return {"name": path, "done": True, "response": empty}

    cancel_operation = get_operation


def by_client(service: Service, name: str) -> Any:
    return api_core.from_gapic(operations_pb2.Operation(name=name), service, empty_pb2.Empty)


def by_stub(service: Service, name: str) -> Any:
    return api_core.from_grpc(operations_pb2.Operation(name=name), service, empty_pb2.Empty)


def by_connection(service: Service, name: str) -> Any:
    return api_core.from_http_json({"name": name}, service.api_request, empty_pb2.Empty)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("make", [by_client, by_connection])  # api_core 2's own refresh by a stub is broken
def test_an_operation_is_seen_beside_forty_that_hang_on_another_client(
    make: Callable[[Service, str], Any], over: threading.Event
) -> None:
    hangs, healthy = Service(lambda: over.wait(60)), Service()
    hanging = [lro.watch(make(hangs, f"operations/{number}")) for number in range(40)]
    for each in hanging:
        assert each is not None
        each.poller.follow()
        each.poller.look_now()
    good = lro.watch(make(healthy, "operations/good"))
    assert good.wait(SOON).state == "SUCCEEDED"
    assert not any(each.resource.done for each in hanging)
    over.set()
    for each in hanging:
        assert each.wait(SOON).done()


def lane(operation: Any) -> str:
    return foreign.ApiCoreSource(operation).lane


@pytest.mark.parametrize("make", [by_client, by_stub, by_connection])
def test_the_lane_is_the_one_of_its_client(make: Callable[[Service, str], Any]) -> None:
    one, other = Service(), Service()
    assert lane(make(one, "operations/1")) == lane(make(one, "operations/2"))
    assert lane(make(one, "operations/1")) != lane(make(other, "operations/1"))


def test_clients_of_one_transport_share_its_lane() -> None:
    transport = object()
    clients = [Service(), Service()]
    for each in clients:
        each.transport = transport  # type: ignore[attr-defined]
    assert len({lane(by_client(each, "operations/1")) for each in clients}) == 1


@pytest.mark.parametrize("refresh", [lambda **_: None, partial(lambda *_: None, "x"), partial(print), print])
def test_those_that_do_not_tell_share_one(refresh: Callable[..., object]) -> None:
    operation = api_core.Operation(operations_pb2.Operation(name="a"), refresh, None, empty_pb2.Empty)
    assert lane(operation) == "google-api-core"
