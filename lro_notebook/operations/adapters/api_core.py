"""Operations that other libraries hold: google-api-core's, synchronous and asynchronous, and protobuf's own.

Each becomes an `Operation` that is followed through the object's own refresh, so that its credentials and
transport are used. Google's libraries are imported only where an object comes from them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook import forking
from lro_notebook.errors import HTTP_CODES, ApiError, AuthError, Code, ConfigError
from lro_notebook.http import certificates
from lro_notebook.http.connection_errors import untrusted
from lro_notebook.http.responses import NoResponse
from lro_notebook.operations.adapters import rest_cancel
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource
from lro_notebook.operations.rest_requests import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from lro_notebook.operations.resource import Json

_log = logging.getLogger(__name__)
_PATIENCE = 10.0  # seconds that a request thread waits for an event loop
_TIMEOUT = 8.0  # seconds that a single request of another library may take
_LANE = "google-api-core"  # of operations that do not tell which client they are asked with


def watched(candidate: object) -> Operation | None:
    """Return an operation that follows a `google.api_core` operation; None where it is none.

    Raises
    ------
    ConfigError
        It is an `AsyncOperation`, and no event loop runs here that could be its own.
    """
    if not _is_googles(candidate, "google.api_core."):
        return None
    from google.api_core.operation import Operation as ApiCoreOperation
    from google.api_core.operation_async import AsyncOperation

    if isinstance(candidate, ApiCoreOperation):
        source = ApiCoreSource(candidate)
        return Operation(OperationPoller(source, source.resource()))
    if isinstance(candidate, AsyncOperation):
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigError(
                "an AsyncOperation belongs to the event loop that made it: call lro.watch(op) in a coroutine "
                "or a notebook cell of that loop"
            ) from None
        asynchronous = AsyncSource(candidate, loop)
        return LoopBound(OperationPoller(asynchronous, asynchronous.resource()), loop)
    return None


def message_of(candidate: object) -> OperationResource | None:
    """Return the snapshot in a `google.longrunning` protobuf operation; None where it is none."""
    if not _is_googles(candidate, "google.longrunning."):
        return None
    from google.longrunning.operations_pb2 import Operation as Message

    return resource_of(candidate) if isinstance(candidate, Message) else None


def _is_googles(candidate: object, package: str) -> bool:
    return any(f"{base.__module__}.".startswith(package) for base in type(candidate).__mro__)


def resource_of(message: Any) -> OperationResource:
    """Return a protobuf operation as the resource that REST would carry.

    Its metadata and response are unpacked where this process knows their types; else their ``@type`` stays.

    Parameters
    ----------
    message : google.longrunning.operations_pb2.Operation
        The operation.
    """
    data: dict[str, Any] = {"name": message.name, "done": message.done}
    if message.HasField("metadata"):
        data["metadata"] = _json_of(message.metadata)
    if message.HasField("error"):
        details = [_json_of(detail) for detail in message.error.details]
        data["error"] = {"code": message.error.code, "message": message.error.message, "details": details}
    elif message.HasField("response"):
        data["response"] = _json_of(message.response)
    return OperationResource.from_dict(data)


def _json_of(packed: Any) -> Json:
    with forking.undivided():
        from google.protobuf.json_format import MessageToDict

    try:
        data: dict[str, Any] = MessageToDict(packed)
    except TypeError:  # the type, or one inside it, is not known in this process
        return {"@type": packed.type_url}
    inner = data.get("value")  # how Any writes google.protobuf.Struct and Empty
    return {"@type": packed.type_url, **inner} if isinstance(inner, dict) else data


class Ended:
    """The source of an operation that had ended when it was first seen; a `poller.Source`."""

    def __init__(self, types: tuple[str, ...] = ()) -> None:
        self.types = types  # that tell its method

    def poll(self) -> OperationResource:
        """Refuse: there is nobody to ask."""
        raise ConfigError("this operation came as a snapshot without a client; lro.watch(…, client=) can ask")

    get = poll

    def cancel(self) -> None:
        """Do nothing: it has ended."""


def _once(function: Any) -> dict[str, Any]:
    """Return the arguments that make one single request of what api_core refreshes or cancels with.

    Left to itself, it asks again and again for 600 s, each time with a timeout of up to 600 s.
    """
    if _takes(function, "timeout"):  # a client's method
        return {"timeout": _TIMEOUT, **({"retry": None} if _takes(function, "retry") else {})}
    return {"retry": _in_time} if _takes(function, "retry") else {}


def _in_time(request: Callable[..., Any]) -> Callable[..., Any]:
    """Return `request` with a short timeout; stands where api_core takes a retry."""
    return partial(request, timeout=_TIMEOUT) if _takes(request, "timeout") else request


def _takes(function: Any, name: str) -> bool:
    """Tell whether `function` has a parameter `name`, or takes any."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # it does not tell
        return False
    return name in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _lane(refresh: Any) -> str:
    """Return a lane for what an operation is read with: a client's transport, a client, a stub, a connection.

    Which host that asks, the libraries do not tell. They bind it to a partial: as the object of its method,
    or, with a plain function, as the first argument.
    """
    first: Any = None
    while isinstance(refresh, partial):
        first, refresh = next(iter(refresh.args), first), refresh.func
    asked = _object_of(refresh)
    if asked is None:
        asked = _object_of(first) if callable(first) else first
    asked = getattr(asked, "transport", None) or asked
    return _LANE if asked is None or isinstance(asked, str) else f"{_LANE} {id(asked)}"


def _object_of(function: Any) -> Any:
    """Return what a method is bound to, None of anything else."""
    found = getattr(function, "__self__", None)
    return None if inspect.ismodule(found) else found


def service_of_types(types: Sequence[Any]) -> str:
    """Return the address of the service whose library has these types; empty where that is not known.

    The package of a type is loaded already, and its clients say where they go.
    """
    for held in types:
        package = sys.modules.get(str(getattr(held, "__module__", "")).partition(".types")[0])
        for name, client in vars(package).items() if package is not None else ():
            if name.endswith("Client") and isinstance(host := getattr(client, "DEFAULT_ENDPOINT", None), str):
                return f"https://{host}"
    return ""


class _Theirs:
    """The source of an operation that is read over connections of another library."""

    def __init__(self, operation: Any) -> None:
        self._operation = operation
        self.lane = _lane(getattr(operation, "_refresh", None))
        held = [getattr(operation, name, None) for name in ("_metadata_type", "_result_type")]
        self.service = service_of_types(held)
        self.types = tuple(getattr(each, "__name__", "") for each in held)
        self._forked = False
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Ask no more: the connections are the parent's, and gRPC's do not even fail here."""
        self._forked = True

    def refuse_forked(self) -> None:
        """Raise where the operation was made before a fork."""
        if self._forked:
            raise ConfigError(
                f"operation {self._operation.operation.name} is read over connections of the process that "
                "forked this one. Make its client here and watch its operation, or start processes with "
                "'spawn'"
            )


class ApiCoreSource(_Theirs):
    """Reads a `google.api_core.operation.Operation` through its own refresh; a `poller.Source`."""

    def poll(self) -> OperationResource:
        """Read it with a single request of its own client."""
        self._asked(self._refresh)
        return self.resource()

    def _refresh(self) -> None:
        """Do what its ``done`` does, without the retries, which would hold a thread for minutes."""
        operation = self._operation  # the methods that its `done` calls, for which it has no public names
        if not operation.operation.done:
            operation._operation = operation._refresh(**_once(operation._refresh))  # noqa: SLF001
            operation._set_result_from_operation()  # noqa: SLF001

    get = poll

    def cancel(self) -> None:
        """Ask for its cancellation, with its own client."""
        if self.poll().done:
            return
        cancel = self._operation._cancel  # noqa: SLF001 - its public method reads the state again, with retries
        with rest_cancel.possible(cancel, self._operation.operation.name):
            self._asked(partial(cancel, **_once(cancel)))

    def resource(self) -> OperationResource:
        """Return what it has seen last."""
        return resource_of(self._operation.operation)

    def _asked(self, call: Callable[[], object]) -> None:
        self.refuse_forked()
        try:
            call()
        except TypeError:
            if not self._operation.operation.done:
                raise
            # It has ended, and its response is of another type than its client expects.
        except _errors() as error:
            raise told(error, self._operation.operation.name) from error


class AsyncSource(_Theirs):
    """Reads a `google.api_core.operation_async.AsyncOperation` on its own event loop; a `poller.Source`.

    Parameters
    ----------
    operation : AsyncOperation
        The operation.
    loop : asyncio.AbstractEventLoop
        The loop that it belongs to.
    """

    def __init__(self, operation: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(operation)
        self._loop = loop

    def poll(self) -> OperationResource:
        """Read it with a single request, while its loop runs in another thread."""
        self.refuse_forked()
        self._asked(self._refresh())
        return self.resource()

    async def _refresh(self) -> None:
        """Do what its ``done`` does, without the retries."""
        operation = self._operation
        if not operation.operation.done:
            operation._operation = await operation._refresh(**_once(operation._refresh))  # noqa: SLF001
            operation._set_result_from_operation()  # noqa: SLF001

    async def _cancel(self) -> None:
        """Do what its ``cancel`` does, without the retries."""
        await self._refresh()
        if not self._operation.operation.done:
            cancel = self._operation._cancel  # noqa: SLF001
            await cancel(**_once(cancel))

    def get(self) -> OperationResource:
        """Read it; an error on the thread of its own loop, which could not go on meanwhile."""
        refuse_on(self._loop)
        return self.poll()

    def cancel(self) -> None:
        """Ask for its cancellation; on the thread of its own loop the answer is not waited for."""
        self.refuse_forked()
        if _runs_here(self._loop):
            asking = asyncio.run_coroutine_threadsafe(self._cancel(), self._loop)
            asking.add_done_callback(_log_failure)
        else:
            self._asked(self._cancel())

    def resource(self) -> OperationResource:
        """Return what it has seen last."""
        return resource_of(self._operation.operation)

    def _asked(self, call: Coroutine[Any, Any, object]) -> None:
        name = self._operation.operation.name
        if self._loop.is_closed():
            call.close()
            raise ConfigError("the event loop of this operation is closed; watch it in a loop that runs")
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            future.result(_PATIENCE)
        except concurrent.futures.TimeoutError as error:
            future.cancel()
            raise NoResponse("its event loop is busy", url=name) from error
        except TypeError:  # as above
            if not self._operation.operation.done:
                raise
        except _errors() as error:
            raise told(error, name) from error


class LoopBound(Operation):
    """An operation that can only be read while its event loop runs: `await` it there."""

    def __init__(self, poller: OperationPoller, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(poller)
        self._loop = loop

    def about_to_block(self) -> None:
        """Refuse a wait that would stop the loop that it waits for."""
        refuse_on(self._loop)


def refuse_on(loop: asyncio.AbstractEventLoop) -> None:
    """Raise where `loop` runs in this thread, so that waiting for it here would never end."""
    if _runs_here(loop):
        raise ConfigError(
            "this AsyncOperation is read on the event loop of this thread, which a blocking wait stops: "
            "use `await op`"
        )


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _log_failure(asking: concurrent.futures.Future[None]) -> None:
    error = None if asking.cancelled() else asking.exception()
    if error is not None:
        _log.warning("an operation could not be cancelled (%s)", type(error).__name__)


def _errors() -> tuple[type[Exception], ...]:
    """Return what a request of api_core may raise, its transports included: gRPC, requests, google-auth."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.protobuf.json_format import Error as JsonError

    grpc = sys.modules.get("grpc")
    return (GoogleAPIError, GoogleAuthError, JsonError, OSError, *((grpc.RpcError,) if grpc else ()))


def told(error: Exception, name: str) -> ApiError | AuthError:
    """Return an error of api_core, of its transport, or of a library like it, as ours."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError

    if callable(getattr(error, "code", None)):  # an error of gRPC that api_core has not wrapped
        error = exceptions.from_grpc_error(error)
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return AuthError(
            f"{name}: the credentials of its client cannot be refreshed ({type(error).__name__}); renew them "
            "there, or follow the operation by its name: lro.watch(name, client=…)"
        )
    status, message = getattr(error, "code", None), getattr(error, "message", None)
    fault = certificates.fault_in(error, "its service")
    if fault is not None:
        return untrusted(fault, name)
    if status is None or message is None:  # a lost connection, or retries that came to their end
        return NoResponse(type(error).__name__, url=name)
    code = getattr(getattr(error, "grpc_status_code", None), "name", "")
    known = Code[code] if code in Code.__members__ else HTTP_CODES.get(int(status), Code.UNKNOWN)
    if known is Code.UNAUTHENTICATED:
        return AuthError(
            f"{name}: the credentials of its client were refused: {message}\n"
            "Renew them there, or follow the operation by its name: lro.watch(name, client=…)"
        )
    hint = KEPT if known is Code.NOT_FOUND else ""
    return ApiError(message, status=int(status), code=known, url=name, hint=hint)
