"""A small server on this machine that imitates how Google's APIs start and report long-running operations.

It is an imitation: it takes the start request of any method, does no work, and reports what a script says,
over gRPC and REST. The scripts of the notebook are in `scripts_of_the_notebook`; the tests bring their own.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc
import imitated_results
from google.longrunning import operations_pb2 as messages
from google.protobuf import empty_pb2
from google.protobuf.json_format import ParseDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LONGEST = 600.0  # seconds that a request may hang
_OPERATIONS = "/google.longrunning.Operations/"
_OF_LOCAL = ("/.lro-local", "/v2/entries:list")
CANCELLED = {"error": {"code": 1, "message": "cancelled by the caller"}}


@dataclass(frozen=True)
class Script:
    """What an operation says of itself.

    Parameters
    ----------
    name : str
        Its name.
    steps : sequence of JSON objects
        Its metadata, one after the other, each with its ``@type``.
    end : JSON object
        Its ``response``, with its ``@type``, or its ``error``; of a job, what changes at its end.
    job : bool
        Whether it is a job, whose JSON has a ``state`` beside the steps' fields, and no operation.
    """

    name: str
    steps: Sequence[Mapping[str, Any]]
    end: Mapping[str, Any]
    job: bool = False


@dataclass
class Running:
    """An operation that was started; it goes on by itself, or as `step` and `end` are set."""

    script: Script
    seconds: float | None = None
    step: int = 0
    end: Mapping[str, Any] | None = None
    began: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        """Return it as REST carries it."""
        steps, step, end = self.script.steps, self.step, self.end
        if self.seconds is not None and end is None:
            part = (time.monotonic() - self.began) / self.seconds
            step = min(int(part * len(steps)), len(steps) - 1)
            end = self.script.end if part >= 1 else None
        if self.script.job:
            return {"name": self.script.name, **steps[step], **(end or {})}
        body = {"name": self.script.name, "metadata": dict(steps[step])}
        return body if end is None else {**body, "done": True, **end}


class Imitation:
    """The server. Use it as a context manager, or `open` and `close` it.

    Parameters
    ----------
    script_of : callable
        Gives the script of what a start request starts, from the gRPC method or the path of the request.
    seconds : float, optional
        How long each operation takes; None for as long as nobody ends it.
    buckets : temporary directory, optional
        Holds a folder for each bucket, as that of the embedded service does; it is removed by `close`.

    Attributes
    ----------
    grpc, rest : str
        The addresses.
    operations : dict
        What was started, by name.
    asked : list of (str, str)
        Each request: ``start`` and the method, or ``get``, ``cancel``, ``list``, ``wait`` and the name.
    answers : threading.Event
        Cleared, the server takes requests and answers none.
    """

    def __init__(
        self,
        script_of: Callable[[str], Script],
        seconds: float | None = None,
        buckets: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self._script_of, self._seconds, self._buckets = script_of, seconds, buckets
        self.grpc, self.rest = "127.0.0.1:0", "http://127.0.0.1:0"
        self.operations: dict[str, Running] = {}
        self.asked: list[tuple[str, str]] = []
        self.answers = threading.Event()
        self.answers.set()

    def open(self) -> Self:
        """Begin to listen; after `close`, at the addresses of before."""
        self._pool = ThreadPoolExecutor(40, thread_name_prefix="imitation")
        self._rpc = grpc.server(self._pool, handlers=[_Rpc(self)], options=[("grpc.so_reuseport", 0)])
        self.grpc = f"127.0.0.1:{self._rpc.add_insecure_port(self.grpc)}"
        self._rpc.start()
        self._http = _Server(("127.0.0.1", int(self.rest.rpartition(":")[2])), _Rest)
        self._http.imitation = self
        self.rest = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._serving = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()
        return self

    def close(self) -> None:
        """Be gone: what comes from now on is refused."""
        self._rpc.stop(0).wait(_LONGEST)
        self._http.shutdown()
        self._serving.join(_LONGEST)
        self._http.server_close()
        self._pool.shutdown(wait=False)
        if self._buckets is not None:
            self._buckets.cleanup()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.answers.set()
        self.close()

    def as_local(self) -> dict[str, str] | None:
        """Return what the embedded service says of its folders; None where there are no buckets."""
        folder = self._buckets.name if self._buckets else ""
        return {"service": "lro-notebook-local", "dataDir": folder, "buckets": folder} if folder else None

    def start(self, method: str) -> dict[str, Any]:
        """Start what the script of a method says."""
        self.asked.append(("start", method))
        script = self._script_of(method)
        self.operations[script.name] = Running(script, self._seconds)
        return self.operations[script.name].as_json()

    def ask(self, verb: str, name: str) -> dict[str, Any]:
        """Answer a request about an operation; KeyError where there is none of that name."""
        self.asked.append((verb, name))
        self.answers.wait(_LONGEST)
        if verb == "list":
            found = [one.as_json() for key, one in self.operations.items() if key.startswith(name)]
            return {"operations": found}
        operation = self.operations[name]
        if verb == "cancel":
            operation.end = operation.end or CANCELLED
            return {}
        return operation.as_json()


class _Rpc(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC ships no type information
    """Any gRPC method: those of google.longrunning.Operations are asked, all others start something."""

    ASKED: Mapping[str, tuple[str, Any, Any]] = {
        "GetOperation": ("get", messages.GetOperationRequest, messages.Operation),
        "WaitOperation": ("wait", messages.WaitOperationRequest, messages.Operation),
        "ListOperations": ("list", messages.ListOperationsRequest, messages.ListOperationsResponse),
        "CancelOperation": ("cancel", messages.CancelOperationRequest, empty_pb2.Empty),
    }

    def __init__(self, imitation: Imitation) -> None:
        self.imitation = imitation

    def service(self, details: Any) -> Any:
        method: str = details.method

        def answer(request: bytes, context: Any) -> bytes:
            if not method.startswith(_OPERATIONS):
                return _packed(self.imitation.start(method), messages.Operation)
            verb, kind, answered = self.ASKED[method.removeprefix(_OPERATIONS)]
            name = kind.FromString(request).name
            try:
                return _packed(self.imitation.ask(verb, name), answered)
            except KeyError:
                context.abort(grpc.StatusCode.NOT_FOUND, f"the imitation has no operation {name}")
                raise

        return grpc.unary_unary_rpc_method_handler(answer)  # without serializers, bytes go through


def _packed(data: dict[str, Any], kind: Any) -> bytes:
    """Return JSON as a message, its metadata and response packed as the types that they name."""
    packed: bytes = ParseDict(data, kind()).SerializeToString()
    return packed


class _Server(ThreadingHTTPServer):
    imitation: Imitation
    daemon_threads, block_on_close = True, False


class _Rest(BaseHTTPRequestHandler):
    """Any REST request: paths of operations are asked, all others start something."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        local = self.server.imitation.as_local()
        if local and self.path in _OF_LOCAL:  # where its files are; it has no log
            self._answer(local if self.command == "GET" else {})
            return
        path = self.path.partition("?")[0].removeprefix("/").partition("/")[2]  # without the version
        name, _, verb = path.partition(":")
        asks = verb if verb in ("cancel", "wait") else "get" if self.command == "GET" else ""
        try:
            if path.endswith("operations") and self.command == "GET":
                self._answer(self.server.imitation.ask("list", path))
            elif asks:
                bare = name.removeprefix("operations/")  # names of Speech are numbers below operations/
                known = name if name in self.server.imitation.operations else bare
                self._answer(self.server.imitation.ask(asks, known))
            else:
                self._answer(self.server.imitation.start(path))
        except KeyError:
            message = f"the imitation has no operation {name}"
            self._answer({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}, 404)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - names of http.server

    def _answer(self, data: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def client(kind: Any, server: Imitation) -> Any:
    """Return a client of a class of Google's libraries that asks this server over gRPC."""
    if "Async" in kind.__name__:
        channel, over = grpc.aio.insecure_channel(server.grpc), "grpc_asyncio"
    else:
        channel, over = grpc.insecure_channel(server.grpc), "grpc"
    return kind(transport=kind.get_transport_class(over)(channel=channel))


_SECONDS, _STEPS = 2.0, 20  # that an operation of the notebook takes


def start() -> Imitation:
    """Start the server of the notebook."""
    buckets = tempfile.TemporaryDirectory(prefix="imitation-")
    imitated_results.write(Path(buckets.name))
    return Imitation(scripts_of_the_notebook, _SECONDS, buckets).open()


def predict(server: Imitation) -> str:
    """Start a batch prediction, as somebody else would have; return its name."""
    name: str = server.start("projects/demo/locations/us-central1/batchPredictionJobs")["name"]
    return name


def scripts_of_the_notebook(method: str) -> Script:
    """Return what an operation of the notebook says, by the method that starts it."""
    at = datetime.now(UTC)
    made = {
        "RunTransferJob": _transfer,
        "LongRunningRecognize": _recognition,
        "BatchProcessDocuments": _batch,
        "invoices:batchProcess": _invoices,
        "BatchRecognize": _talks,
        "batchPredictionJobs": _prediction,
    }
    return made[method.rpartition("/")[2]](at)


def _time(at: datetime, step: int = 0) -> str:
    moment = at + timedelta(seconds=step * _SECONDS / _STEPS)
    return moment.isoformat().replace("+00:00", "Z")


def _steps(kind: str, metadata: Callable[[int], Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"@type": f"type.googleapis.com/{kind}", **metadata(step)} for step in range(_STEPS + 1)]


def _transfer(at: datetime) -> Script:
    def metadata(step: int) -> dict[str, Any]:
        counters = {"objectsFoundFromSource": "200", "objectsFromSourceSkippedBySync": str(2 * step)}
        counters["objectsCopiedToSink"] = str(8 * step)
        state = "IN_PROGRESS" if step < _STEPS else "SUCCESS"
        job = {"projectId": "demo", "transferJobName": "transferJobs/nightly"}
        return {**job, "status": state, "startTime": _time(at), "counters": counters}

    empty = {"response": {"@type": "type.googleapis.com/google.protobuf.Empty"}}
    name = "transferOperations/transferJobs-nightly-1795628442293018790"
    return Script(name, _steps("google.storagetransfer.v1.TransferOperation", metadata), empty)


def _recognition(at: datetime) -> Script:
    def metadata(step: int) -> dict[str, Any]:
        times = {"startTime": _time(at), "lastUpdateTime": _time(at, step)}
        return {**times, "progressPercent": 5 * step, "uri": "gs://demo/talk.flac"}

    kind = "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeResponse"
    heard = [
        {"alternatives": [{"transcript": f"sentence {number}", "confidence": 0.5}]} for number in (1, 2, 3)
    ]
    steps = _steps("google.cloud.speech.v1.LongRunningRecognizeMetadata", metadata)
    return Script("1795628442293018791", steps, {"response": {"@type": kind, "results": heard}})


def _batch(at: datetime) -> Script:
    def metadata(step: int) -> dict[str, Any]:
        done = [{"inputGcsSource": f"gs://demo/{number}.pdf", "status": {}} for number in range(step // 5)]
        return {"state": "RUNNING", "createTime": _time(at), "individualProcessStatuses": done}

    steps = _steps("google.cloud.documentai.v1.BatchProcessMetadata", metadata)
    missing = {"code": 5, "message": "gs://demo/5.pdf is not there"}
    return Script("projects/demo/locations/us/operations/1795628442293018792", steps, {"error": missing})


def _invoices(at: datetime) -> Script:
    def metadata(step: int) -> dict[str, Any]:
        state = "RUNNING" if step < _STEPS else "SUCCEEDED"
        times = {"createTime": _time(at), "updateTime": _time(at, step)}
        return {
            "state": state,
            **times,
            "individualProcessStatuses": imitated_results.statuses(step / _STEPS),
        }

    kind = "type.googleapis.com/google.cloud.documentai.v1.BatchProcessResponse"
    steps = _steps("google.cloud.documentai.v1.BatchProcessMetadata", metadata)
    name = f"projects/demo/locations/us/operations/{imitated_results.BATCH}"
    return Script(name, steps, {"response": {"@type": kind}})


def _talks(at: datetime) -> Script:
    def metadata(step: int) -> dict[str, Any]:
        times = {"createTime": _time(at), "updateTime": _time(at, step)}
        return {**times, "progressPercent": 5 * step, "resource": "projects/demo/locations/us/recognizers/r"}

    kind = "type.googleapis.com/google.cloud.speech.v2.BatchRecognizeResponse"
    steps = _steps("google.cloud.speech.v2.OperationMetadata", metadata)
    name = "projects/demo/locations/us/operations/1795628442293018795"
    return Script(name, steps, {"response": {"@type": kind, "results": imitated_results.by_recording()}})


def _prediction(at: datetime) -> Script:
    times = {"createTime": _time(at), "startTime": _time(at)}
    steps = [
        {"state": "JOB_STATE_RUNNING", **times, **imitated_results.predicted(step / _STEPS)}
        for step in range(_STEPS + 1)
    ]
    ended = {"state": "JOB_STATE_SUCCEEDED", "endTime": _time(at, _STEPS), **imitated_results.predicted(1)}
    name = "projects/demo/locations/us-central1/batchPredictionJobs/1795628442293018796"
    return Script(name, steps, ended, job=True)
