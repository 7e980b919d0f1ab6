"""`lro.watch` on what other libraries hold: the real google-api-core and protobuf messages."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fakes import NAME, Scripted, failed, ok, operation
from google.api_core import exceptions
from google.api_core.operation import Operation as ApiCoreOperation
from google.api_core.operation_async import AsyncOperation
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, duration_pb2, empty_pb2, struct_pb2
from google.rpc import status_pb2

import lro_notebook as lro

HOST = "https://api.example.com"


pytestmark = pytest.mark.usefixtures("no_other_clients")


def packed(message: Any) -> any_pb2.Any:
    holder = any_pb2.Any()
    holder.Pack(message)
    return holder


def metadata(done: int, total: int) -> any_pb2.Any:
    fields = struct_pb2.Struct()
    fields.update({"completedWork": done, "estimatedWork": total})
    return packed(fields)


def message(*, done: bool = False, **fields: Any) -> operations_pb2.Operation:
    return operations_pb2.Operation(name=NAME, done=done, **fields)


class Backend:
    """What an api_core operation refreshes from: messages in turn, the last one again and again."""

    def __init__(self, *answers: operations_pb2.Operation | Exception) -> None:
        self.answers, self.looks, self.cancelled = list(answers), 0, 0
        self.threads: set[str] = set()

    def refresh(self, **_: Any) -> operations_pb2.Operation:
        self.looks += 1
        self.threads.add(threading.current_thread().name)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self, **_: Any) -> None:
        self.cancelled += 1

    def operation(self) -> ApiCoreOperation:
        return ApiCoreOperation(message(), self.refresh, self.cancel, empty_pb2.Empty, struct_pb2.Struct)

    def asynchronous(self) -> AsyncOperation:
        async def refresh(**_: Any) -> operations_pb2.Operation:
            return self.refresh()

        async def cancel(**_: Any) -> None:
            self.cancel()

        return AsyncOperation(message(), refresh, cancel, empty_pb2.Empty, struct_pb2.Struct)


DONE = message(done=True, metadata=metadata(10, 10), response=packed(empty_pb2.Empty()))


def test_an_api_core_operation_is_followed_through_its_own_refresh() -> None:
    backend = Backend(message(metadata=metadata(4, 10)), DONE)
    op = lro.watch(backend.operation())
    assert op.name == NAME
    assert op.wait(20).state == "SUCCEEDED"
    assert backend.looks == 2
    assert all(name.startswith("lro-request-") for name in backend.threads)


def test_its_metadata_becomes_the_same_progress() -> None:
    backend = Backend(message(metadata=metadata(4, 10)), DONE)
    op = lro.watch(backend.operation()).refresh()
    assert (op.progress.completed, op.progress.total, op.progress.fraction) == (4, 10, 0.4)


def test_its_failure_is_ours() -> None:
    error = status_pb2.Status(code=8, message="quota", details=[packed(duration_pb2.Duration(seconds=3))])
    op = lro.watch(Backend(message(done=True, error=error)).operation())
    with pytest.raises(lro.OperationFailed, match=r"RESOURCE_EXHAUSTED \(8\): quota") as caught:
        op.result(20)
    assert "Duration" in str(caught.value.operation.resource.to_dict()["error"])


def test_passing_errors_of_its_client_are_waited_out() -> None:
    backend = Backend(
        exceptions.ServiceUnavailable("busy"), exceptions.RetryError("late", None), OSError("reset"), DONE
    )
    assert lro.watch(backend.operation()).wait(20).state == "SUCCEEDED"


def test_lasting_errors_of_its_client_end_the_waiting() -> None:
    backend = Backend(exceptions.PermissionDenied("not yours"))
    with pytest.raises(lro.ApiError, match="not yours") as caught:
        lro.watch(backend.operation()).result(20)
    assert (caught.value.status, caught.value.code) == (403, lro.Code.PERMISSION_DENIED)


def test_refused_credentials_and_expired_records_say_what_to_do() -> None:
    with pytest.raises(lro.AuthError, match="credentials of its client were refused"):
        lro.watch(Backend(exceptions.Unauthenticated("expired")).operation()).result(20)
    with pytest.raises(lro.ApiError, match="about 30 days"):
        lro.watch(Backend(exceptions.NotFound("gone")).operation()).result(20)


def test_a_response_of_another_type_than_its_client_expects_is_an_end_all_the_same() -> None:
    other = message(done=True, response=packed(duration_pb2.Duration(seconds=3)))
    assert lro.watch(Backend(other).operation()).wait(20).state == "SUCCEEDED"


def test_cancel_goes_through_its_client() -> None:
    backend = Backend(message())
    op = lro.watch(backend.operation())
    assert op.cancel()
    assert backend.cancelled == 1
    backend.answers = [message(done=True, error=status_pb2.Status(code=1, message="cancelled"))]
    assert op.wait(20).state == "CANCELLED"


def test_a_type_that_this_process_does_not_know_keeps_its_name() -> None:
    unknown = any_pb2.Any(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01")
    op = lro.watch(
        Backend(message(done=True, metadata=unknown, response=packed(empty_pb2.Empty()))).operation()
    )
    assert op.wait(20).metadata == {"@type": "type.googleapis.com/nobody.Knows"}
    assert op.response == {"@type": "type.googleapis.com/google.protobuf.Empty"}


def test_an_async_operation_is_awaited_on_its_loop() -> None:
    backend = Backend(message(metadata=metadata(4, 10)), DONE)

    async def main() -> lro.Operation:
        op: lro.Operation = lro.watch(backend.asynchronous())
        await asyncio.wait_for(op, 20)
        return op

    assert asyncio.run(main()).state == "SUCCEEDED"
    assert backend.threads == {threading.main_thread().name}


def test_a_blocking_wait_on_its_own_loop_is_refused_instead_of_hanging() -> None:
    async def main() -> None:
        op = lro.watch(Backend(DONE).asynchronous())
        for wait in (
            op.wait,
            op.result,
            op.load,
            lambda: lro.wait([op]),
            lambda: list(lro.as_completed([op])),
            op.refresh,
        ):
            with pytest.raises(lro.ConfigError, match="await op"):
                wait()
        await op

    asyncio.run(main())


def test_a_blocking_wait_in_another_thread_works() -> None:
    async def main() -> str:
        op = lro.watch(Backend(message(), DONE).asynchronous())
        with ThreadPoolExecutor() as pool:
            return (await asyncio.get_running_loop().run_in_executor(pool, op.wait, 20)).state  # type: ignore[no-any-return]  # of watch

    assert asyncio.run(main()) == "SUCCEEDED"


def test_an_async_operation_can_be_cancelled_from_its_loop() -> None:
    backend = Backend(message())

    async def main() -> None:
        op = lro.watch(backend.asynchronous())
        assert op.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        backend.answers = [message(done=True, error=status_pb2.Status(code=1, message="cancelled"))]
        with pytest.raises(lro.OperationCancelled):
            await op

    asyncio.run(main())
    assert backend.cancelled == 1


def test_an_async_operation_outside_of_any_loop_is_refused() -> None:
    async def make() -> AsyncOperation:
        return Backend(DONE).asynchronous()

    made = asyncio.run(make())
    with pytest.raises(lro.ConfigError, match="event loop that made it"):
        lro.watch(made)


def test_an_operation_whose_loop_was_closed_says_so() -> None:
    async def main() -> lro.Operation:
        op: lro.Operation = lro.watch(Backend(message()).asynchronous())
        return op

    op = asyncio.run(main())
    with pytest.raises(lro.ConfigError, match="loop of this operation is closed"):
        op.result(20)


def test_names_snapshots_and_messages_are_followed_through_the_client() -> None:
    transport = Scripted(
        ok(operation(metadata={"counter": {"success": "1"}})), ok(operation(done=True, response={}))
    )
    with lro.Client(HOST, transport=transport):
        by_name = lro.watch(NAME)
        assert lro.watch(operation()) is by_name
        assert lro.watch(message()) is by_name
        assert lro.watch(by_name) is by_name
        assert lro.watch([NAME, by_name]) == [by_name, by_name]
        assert by_name.wait(20).state == "SUCCEEDED"


def test_a_snapshot_that_has_ended_needs_nobody_to_ask() -> None:
    assert lro.watch(operation(done=True, response={"n": 1})).result() == {"n": 1}
    assert lro.watch(DONE).state == "SUCCEEDED"


@pytest.mark.parametrize("x", ["nonsense", "projects/p", "", 7, None, object()])
def test_what_is_no_operation_gets_one_sentence(x: object) -> None:
    with (
        lro.Client(HOST, transport=Scripted(ok({}))),
        pytest.raises(lro.ConfigError, match="is no operation: give"),
    ):
        lro.watch(x)


def test_a_dict_without_a_name_gets_one_sentence() -> None:
    with pytest.raises(lro.ConfigError, match="needs a name"):
        lro.watch({"done": True})


def test_a_name_with_nobody_to_ask_says_what_is_missing() -> None:
    with pytest.raises(lro.ConfigError, match="pass client="):
        lro.watch(NAME)
    with pytest.raises(lro.ConfigError, match="pass client="):
        lro.watch(message())


def test_a_name_that_has_expired_says_how_long_records_live() -> None:
    with (
        lro.Client(HOST, transport=Scripted(failed(404))),
        pytest.raises(lro.ApiError, match="about 30 days"),
    ):
        lro.watch(NAME)


def test_googles_libraries_are_imported_only_for_their_own_objects() -> None:
    program = (
        "import sys, lro_notebook as lro\n"
        "lro.watch({'name': 'operations/1', 'done': True})\n"
        "print([name for name in sys.modules if name.startswith(('google.api_core', 'google.longrunning'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_service_may_wait_for_the_end_itself() -> None:
    transport = Scripted(ok(operation()), ok(operation(done=True, response={})))
    with lro.Client(HOST, transport=transport) as client:
        assert client.wait(NAME, timeout=5.0).done()
    assert transport.sent == [f"GET /v1/{NAME}", f"POST /v1/{NAME}:wait"]
    assert transport.requests[1].content == b'{"timeout":"5.000s"}'


def test_a_service_without_wait_is_looked_at() -> None:
    transport = Scripted(ok(operation()), failed(404), ok(operation(done=True, response={})))
    with lro.Client(HOST, transport=transport) as client:
        assert client.wait(NAME).state == "SUCCEEDED"
    assert transport.sent[-1] == f"GET /v1/{NAME}"


@pytest.mark.parametrize("before", ["", "\n ", "\ufeff", "["])
def test_the_text_of_json_is_not_repeated(before: str) -> None:
    text = before + json.dumps({"name": "projects/p/operations/1", "metadata": {"who": "Jane Roe " * 9}})
    with pytest.raises(lro.ConfigError, match=r"looks like JSON \(json\.loads reads it\)") as caught:
        lro.watch(text)
    assert "Jane" not in str(caught.value)


def test_a_name_that_is_none_by_its_length_is_cut() -> None:
    with pytest.raises(lro.ConfigError, match=r"pass client=") as caught:
        lro.watch(f"projects/p/operations/{'x' * 100_000}")
    assert len(str(caught.value)) < 1000
