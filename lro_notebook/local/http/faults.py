"""What shall go wrong, as a test has scripted it: answers, and operations.

A fault is for the next calls of a method, named as in Google's reference (`method_of`). Without a script
nothing here changes anything.
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
from lro_notebook.local.core.service_errors import ServiceError, code_of_status, error_response, invalid
from lro_notebook.local.operations.records import Failure
from lro_notebook.local.operations.work import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lro_notebook.local.operations.work import Job, Kind, Steps

#: What can go wrong with an answer, and with an operation.
AnswerTrouble = Literal["status", "lost"]
OperationTrouble = Literal["error", "hang", "failures"]

_ON_ANSWERS, _ON_OPERATIONS = get_args(AnswerTrouble), get_args(OperationTrouble)
_SCRIPTED = "this failure was scripted"
#: Seconds between two looks of a hanging operation at whether it was cancelled.
_LOOK_AGAIN = 0.05
#: How often it looks before it ends by itself, after an hour: a service that was left alone can end.
_LOOKS = 72_000
_ON_COLLECTION = {"GET": "list", "POST": "create"}
#: Parts of the API that are one method here, whatever is asked of them.
_WHOLE = ("fhir", "dicomWeb")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with the next `times` calls of `method`.

    Attributes
    ----------
    method : str
        Such as ``fhirStores.import``; ``*`` and ``?`` match as in file names.
    what : str
        An answer's ``status``, or the answer is ``lost`` after the request was carried out. An operation's
        ``error``, its ``hang``, or ``failures`` of its units.
    times : int
        How many calls.
    status, retry_after : int
        HTTP status of the answer, and its ``Retry-After`` in seconds; 0 for none.
    code, message : int, str
        google.rpc error of the operation, or of its units.
    after, units : int
        Units that are done before an error or a hang; units that fail.
    """

    method: str
    what: AnswerTrouble | OperationTrouble
    times: int = 1
    status: int = 503
    retry_after: int = 0
    code: int = Code.UNAVAILABLE.value
    message: str = _SCRIPTED
    after: int = 0
    units: int = 1


def parse(body: Mapping[str, Any]) -> Fault:
    """Return the fault in a request body, or refuse it."""
    try:
        fault = Fault(**body)
    except TypeError as error:
        raise invalid("a fault has method and what, and perhaps more; see the documentation") from error
    for name, value in asdict(fault).items():
        if name in ("method", "what", "message"):
            if not isinstance(value, str):
                raise invalid(f"{name}: expected a text")
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise invalid(f"{name}: expected a whole number from 0 on")
    if fault.what not in (*_ON_ANSWERS, *_ON_OPERATIONS):
        raise invalid(f"what: expected one of {', '.join((*_ON_ANSWERS, *_ON_OPERATIONS))}")
    if fault.what == "status" and not 400 <= fault.status < 600:  # noqa: PLR2004 - HTTP errors
        raise invalid("status: expected an HTTP error, from 400 to 599")
    if fault.what == "error" and not Code.OK < fault.code <= Code.UNAUTHENTICATED:
        raise invalid("code: expected a google.rpc error code, from 1 to 16")
    return fault


class Faults:
    """The script: which faults are still to come, and how often each method was called. Thread-safe.

    Attributes
    ----------
    calls : collections.Counter
        Method -> calls that arrived, those that went wrong included.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: list[Fault] = []
        self.calls = Counter[str]()

    def add(self, fault: Fault) -> None:
        """Let a fault happen after those that were scripted before for the same calls."""
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

    def on_answer(self, method: str) -> Fault | None:
        """Count a call, and return what goes wrong with its answer."""
        with self._lock:
            self.calls[method] += 1
            return self._take(method, _ON_ANSWERS) if self._script else None

    def on_operation(self, method: str) -> Fault | None:
        """Return what goes wrong with the operation that a call starts."""
        with self._lock:
            return self._take(method, _ON_OPERATIONS) if self._script else None

    def _take(self, method: str, troubles: tuple[str, ...]) -> Fault | None:
        for place, fault in enumerate(self._script):
            if fault.what in troubles and fnmatchcase(method, fault.method):
                self._script[place : place + 1] = [replace(fault, times=fault.times - 1)] * (fault.times > 1)
                return fault
        return None


def method_of(verb: str, path: str) -> str:
    """Return the name of a method as Google's reference has it; empty for the service's own routes.

    Such as ``fhirStores.import``, ``datasets.create``, ``operations.get``; ``fhir`` and ``dicomWeb`` for what
    lies below those, but ``fhir.bulk-export``; ``storage`` for Cloud Storage.
    """
    top, _, rest = path.lstrip("/").partition("/")
    if top in ("storage", "download"):
        return "storage"
    if not rest or top.startswith("."):
        return ""
    parts = rest.split("/")
    if parts[-1] == "$export":
        return "fhir.bulk-export"
    whole = next((part for part in _WHOLE if part in parts), None)
    if whole is not None:
        return whole
    last, _, custom = parts[-1].partition(":")
    is_collection = len(parts) % 2 == 1
    collection = last if is_collection else parts[-2]
    return f"{collection}.{custom or (is_collection and _ON_COLLECTION.get(verb)) or verb.lower()}"


class FaultyAnswers:
    """Middleware that counts the calls and lets those answers go wrong that the script says."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the script says, or pass the request on."""
        method = method_of(scope["method"], scope["path"]) if scope["type"] == "http" else ""
        fault = self._faults.on_answer(method) if method else None
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
    """Take a part of an answer that nobody gets."""


def spoil(kind: Kind, fault: Fault) -> Kind:
    """Return a kind of operation that goes wrong in the way of `fault`."""
    steps = _failing if fault.what == "failures" else _ending
    return replace(kind, run=partial(steps, kind, fault))


def _failing(kind: Kind, fault: Fault, job: Job, request: Any) -> Steps:  # noqa: ANN401 - the kind's own
    """Yield the steps with units that count as failed. What was written for them stays written."""
    left, failure = fault.units, Failure("", "", Code.of(fault.code), fault.message)
    with closing(kind.run(job, request)) as steps:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                response: Mapping[str, Any] = end.value
                return response
            turned = min(left, step.success)
            left -= turned
            yield replace(step, success=step.success - turned, failures=[*step.failures, *[failure] * turned])


def _ending(kind: Kind, fault: Fault, job: Job, request: Any) -> Steps:  # noqa: ANN401 - the kind's own
    """Yield the steps until enough units are done, then fail or hang; so it does where there are fewer."""
    done = 0
    measured = replace(job, batch=lambda: max(1, min(job.batch(), fault.after - done)))
    with closing(kind.run(measured, request)) as steps:
        while done < fault.after and (step := next(steps, None)) is not None:
            done += step.units
            yield step
    if fault.what == "error":
        raise ServiceError(Code.of(fault.code), fault.message)
    for _ in range(_LOOKS):
        job.halted.wait(_LOOK_AGAIN)
        yield Step()
    raise ServiceError(Code.DEADLINE_EXCEEDED, "nobody has cancelled this hanging operation for an hour")
