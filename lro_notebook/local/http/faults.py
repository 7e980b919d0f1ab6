"""Faults that a test has scripted: in responses, and in operations.

A fault applies to the next calls of a method, named as in Google's reference (`method_of`). Without a script
nothing changes.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import (
    ServiceError,
    code_of_status,
    error_response,
    invalid_argument,
)
from lro_notebook.local.operations.method import Step
from lro_notebook.local.operations.records import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lro_notebook.local.operations.method import Job, Method, Steps

#: What can go wrong with a response, and with an operation.
ResponseFault = Literal["status", "lost"]
OperationFault = Literal["error", "hang", "failures"]

_OF_RESPONSES, _OF_OPERATIONS = get_args(ResponseFault), get_args(OperationFault)
_SCRIPTED = "this failure was scripted"
#: Seconds between two checks of a hanging operation whether it was cancelled.
_CHECK_INTERVAL = 0.05
#: Checks until it ends by itself, after an hour, so that an abandoned service can end.
_CHECKS = 72_000
_ON_COLLECTION = {"GET": "list", "POST": "create"}
#: Parts of the API that count as one method here.
_ONE_METHOD = ("fhir", "dicomWeb")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with the next `times` calls of `method`.

    Attributes
    ----------
    method : str
        Such as ``fhirStores.import``; ``*`` and ``?`` match as in file names.
    what : str
        Of a response: an error ``status``, or ``lost`` after the request was carried out. Of an operation:
        an ``error``, a ``hang``, or ``failures`` of its units.
    times : int
        How many calls.
    status, retry_after : int
        HTTP status of the response, and its ``Retry-After`` in seconds; 0 for none.
    code, message : int, str
        google.rpc error of the operation or of its units.
    after, units : int
        Units that are done before an error or a hang; units that fail.
    """

    method: str
    what: ResponseFault | OperationFault
    times: int = 1
    status: int = 503
    retry_after: int = 0
    code: int = Code.UNAVAILABLE.value
    message: str = _SCRIPTED
    after: int = 0
    units: int = 1


def parse(body: Mapping[str, Any]) -> Fault:
    """Return the fault that a request body describes, or raise."""
    try:
        fault = Fault(**body)
    except TypeError as error:
        raise invalid_argument(
            "a fault needs method and what, other fields are optional; see the documentation"
        ) from error
    for name, value in asdict(fault).items():
        if name in ("method", "what", "message"):
            if not isinstance(value, str):
                raise invalid_argument(f"{name}: expected text")
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise invalid_argument(f"{name}: expected a whole number, 0 or more")
    if fault.what not in (*_OF_RESPONSES, *_OF_OPERATIONS):
        raise invalid_argument(f"what: expected one of {', '.join((*_OF_RESPONSES, *_OF_OPERATIONS))}")
    if fault.what == "status" and not 400 <= fault.status < 600:  # noqa: PLR2004 - HTTP errors
        raise invalid_argument("status: expected an HTTP error, from 400 to 599")
    if fault.what == "error" and not Code.OK < fault.code <= Code.UNAUTHENTICATED:
        raise invalid_argument("code: expected a google.rpc error code, from 1 to 16")
    return fault


class Faults:
    """The script: the faults still to come, and how often each method was called. Thread-safe.

    Attributes
    ----------
    calls : collections.Counter
        Method -> number of calls that arrived, including those that were made to fail.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: list[Fault] = []
        self.calls = Counter[str]()

    def add(self, fault: Fault) -> None:
        """Add a fault, to happen after those already scripted for the same calls."""
        with self._lock:
            self._script.append(fault)

    def clear(self) -> None:
        """Forget the script and the calls."""
        with self._lock:
            self._script.clear()
            self.calls.clear()

    def to_come(self) -> list[dict[str, Any]]:
        """Return the faults that have not happened yet, as JSON."""
        with self._lock:
            return [asdict(fault) for fault in self._script]

    def on_response(self, method: str) -> Fault | None:
        """Count a call, and return the fault of its response."""
        with self._lock:
            self.calls[method] += 1
            return self._take(method, _OF_RESPONSES) if self._script else None

    def on_operation(self, method: str) -> Fault | None:
        """Return the fault of the operation that a call starts."""
        with self._lock:
            return self._take(method, _OF_OPERATIONS) if self._script else None

    def _take(self, method: str, faults: tuple[str, ...]) -> Fault | None:
        for place, fault in enumerate(self._script):
            if fault.what in faults and fnmatchcase(method, fault.method):
                self._script[place : place + 1] = [replace(fault, times=fault.times - 1)] * (fault.times > 1)
                return fault
        return None


def method_of(http_method: str, path: str) -> str:
    """Return the name of a method as Google's reference has it; empty for the service's own routes.

    Such as ``fhirStores.import``, ``datasets.create``, ``operations.get``. All below ``fhir`` and
    ``dicomWeb`` is one method each, except ``fhir.bulk-export``; Cloud Storage is ``storage``, and each
    request of a batch one of its calls.
    """
    top, _, rest = path.lstrip("/").partition("/")
    if top in ("storage", "download", "upload"):
        return "storage"
    if not rest or top.startswith(".") or top == "batch":
        return ""
    parts = rest.split("/")
    if parts[-1] == "$export":
        return "fhir.bulk-export"
    one_method = next((part for part in _ONE_METHOD if part in parts), None)
    if one_method is not None:
        return one_method
    last, _, custom = parts[-1].partition(":")
    is_collection = len(parts) % 2 == 1
    collection = last if is_collection else parts[-2]
    return (
        f"{collection}.{custom or (is_collection and _ON_COLLECTION.get(http_method)) or http_method.lower()}"
    )


class FaultyResponses:
    """Middleware that counts calls and makes the scripted responses fail."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond as scripted, or pass the request on."""
        method = method_of(scope["method"], scope["path"]) if scope["type"] == "http" else ""
        fault = self._faults.on_response(method) if method else None
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.what == "lost":
            await self._app(scope, receive, _nowhere)
            # Headers without the body that they promise: the server closes the connection.
            headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        else:
            after = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
            service_error = ServiceError(
                code_of_status(fault.status), fault.message, status=fault.status, headers=after
            )
            await error_response(service_error, scope["path"])(scope, receive, send)


async def _nowhere(_: Message) -> None:
    """Drop a part of a response."""


def with_fault(method: Method, fault: Fault) -> Method:
    """Return a method whose operations go wrong as `fault` says."""
    run = _run_with_failures if fault.what == "failures" else _run_until_fault
    return replace(method, run=partial(run, method, fault))


def _run_with_failures(
    method: Method,
    fault: Fault,
    job: Job,
    request: Any,
) -> Steps:
    """Yield the steps with some units counted as failed; their rows are written all the same."""
    left, failure = fault.units, Failure("", "", Code.of(fault.code), fault.message)
    with closing(method.run(job, request)) as steps:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                response: Mapping[str, Any] = end.value
                return response
            turned = min(left, step.success)
            left -= turned
            yield replace(step, success=step.success - turned, failures=[*step.failures, *[failure] * turned])


def _run_until_fault(
    method: Method,
    fault: Fault,
    job: Job,
    request: Any,
) -> Steps:
    """Yield steps until `fault.after` units are done, or all, then fail or hang."""
    done = 0
    measured = replace(job, batch_size=lambda: max(1, min(job.batch_size(), fault.after - done)))
    with closing(method.run(measured, request)) as steps:
        while done < fault.after and (step := next(steps, None)) is not None:
            done += step.units
            yield step
    if fault.what == "error":
        raise ServiceError(Code.of(fault.code), fault.message)
    for _ in range(_CHECKS):
        job.halted.wait(_CHECK_INTERVAL)
        yield Step()
    raise ServiceError(Code.DEADLINE_EXCEEDED, "nobody has cancelled this hanging operation for an hour")
