"""Operations that Google's own clients start, on a server of their own: followed, named, counted, ended.

A client of Google is a row of `google_rows.table`. Those that are not installed are skipped.
"""

from __future__ import annotations

import asyncio
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc import error_details_pb2
from google_rows.clients import async_client, client, start, started
from google_rows.seen import SOON, check_naming, check_step, check_success
from google_rows.table import ROWS
from imitation import Imitation

import lro_notebook as lro

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google_rows.row import Row

ERROR = {
    "error": {
        "code": 9,
        "message": "the bucket gs://out is not there",
        "details": [
            {
                "@type": f"type.googleapis.com/{error_details_pb2.ErrorInfo.DESCRIPTOR.full_name}",
                "reason": "BUCKET_MISSING",
                "domain": "storage.googleapis.com",
            }
        ],
    }
}
SYNCHRONOUS = [
    pytest.param(row, over, id=f"{row.id}-{over}")
    for row in ROWS
    for over in row.over
    if "asyncio" not in over
]
ASYNCHRONOUS = [pytest.param(row, id=row.id) for row in ROWS if "grpc_asyncio" in row.over]


pytestmark = pytest.mark.spread


@pytest.fixture(autouse=True)
def _partial_failures() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lro.PartialFailureWarning)
        yield


@pytest.mark.parametrize(("row", "over"), SYNCHRONOUS)
def test_an_operation_is_followed_to_its_true_end(row: Row, over: str) -> None:
    with started(row, over) as (operation, server):
        running = server.operations[row.operation]
        assert operation.name == row.operation
        for number, step in enumerate(row.steps):
            check_step(operation, running, number, step)
            check_naming(operation, row)
        running.end = row.script.end
        check_success(operation.wait(SOON), row)
        check_naming(operation, row)


@pytest.mark.parametrize("row", ASYNCHRONOUS)
def test_an_operation_of_an_asynchronous_client_is_followed_to_its_true_end(row: Row) -> None:
    async def follow(server: Imitation) -> None:
        async with async_client(row, server) as asking:
            operation = lro.watch(await start(row, asking))
            running = server.operations[row.operation]
            for number, step in enumerate(row.steps):
                await asyncio.to_thread(check_step, operation, running, number, step)
            check_naming(operation, row)
            running.end = row.script.end
            await asyncio.wait_for(_result(operation), SOON)
            check_success(operation, row)

    async def _result(operation: lro.Operation) -> Any:
        return await operation

    with Imitation(lambda _: row.script) as server:
        asyncio.run(follow(server))


@pytest.mark.parametrize(("row", "over"), SYNCHRONOUS)
def test_only_its_name_and_a_client_of_its_library_are_enough(row: Row, over: str) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Imitation(lambda _: row.script))
        asking = stack.enter_context(client(row, server, over))
        server.start(row.call)
        operation = lro.watch(row.operation, client=asking)
        running = server.operations[row.operation]
        for number, step in enumerate(row.steps):
            check_step(operation, running, number, step)
        running.end = row.script.end
        check_success(operation.wait(SOON), row)
        check_naming(operation, row)


@pytest.mark.parametrize(("row", "over"), SYNCHRONOUS)
def test_a_cancel_by_its_name_goes_through_that_client(row: Row, over: str) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Imitation(lambda _: row.script))
        asking = stack.enter_context(client(row, server, over))
        server.start(row.call)
        operation = lro.watch(row.operation, client=asking)
        if over not in row.cancels:
            with pytest.raises(lro.ConfigError, match="cannot be cancelled over REST"):
                operation.cancel()
            operation.poller.lose(lro.LroError("the test is over"))
            return
        assert operation.cancel()
        assert operation.wait(SOON).state == "CANCELLED"


@pytest.mark.parametrize(("row", "over"), SYNCHRONOUS)
def test_why_it_failed_is_told(row: Row, over: str) -> None:
    with started(row, over) as (operation, server):
        server.operations[row.operation].end = ERROR
        with pytest.warns(lro.OperationFailedWarning, match="the bucket gs://out is not there"):
            assert operation.wait(SOON).state == "FAILED"
        assert operation.error is not None
        assert operation.error.details[0]["reason"] == "BUCKET_MISSING"
        error = operation.exception()
        assert isinstance(error, lro.OperationFailed)
        assert "FAILED_PRECONDITION (9): the bucket gs://out is not there" in str(error)
        table = lro.to_frame(operation).iloc[0]
        assert (table["error_code"], table["error_message"]) == (
            "FAILED_PRECONDITION",
            ERROR["error"]["message"],
        )
        assert "the bucket gs://out is not there" in operation._repr_html_()


@pytest.mark.parametrize(("row", "over"), SYNCHRONOUS)
def test_a_cancel_goes_through_its_own_client(row: Row, over: str) -> None:
    with started(row, over) as (operation, server):
        if over not in row.cancels:
            with pytest.raises(lro.ConfigError, match="cannot be cancelled over REST"):
                operation.cancel()
            return
        assert operation.cancel()
        assert operation.state in ("CANCELLING", "CANCELLED")
        assert ("cancel", row.operation) in server.asked
        assert operation.wait(SOON).state == "CANCELLED"
        with pytest.raises(lro.OperationCancelled):
            operation.result()
        assert "Cancelled" in operation._repr_html_()
