"""The source of an operation or job that a function reads, mostly of another library: a request a poll."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lro_notebook import forking
from lro_notebook.errors import HTTP_CODES, ApiError, Code, ConfigError, LroError
from lro_notebook.http.responses import NoResponse
from lro_notebook.operations.adapters import job_kinds, jobs
from lro_notebook.operations.adapters.api_core import told
from lro_notebook.operations.resource import OperationResource

if TYPE_CHECKING:
    from lro_notebook.operations.adapters.job_kinds import Json

Read = Callable[[], "Json"]


def interpreted(data: object, name: str) -> OperationResource:
    """Return what JSON says of operation or job `name`.

    Raises
    ------
    NoResponse
        It is neither.
    """
    if isinstance(data, Mapping):
        if jobs.is_job(data):
            return jobs.resource_of(data, name)
        if {"done", "metadata", "response", "error"}.intersection(data) or (
            "name" in data and _may_be_new(name)
        ):
            return OperationResource.from_dict({**data, "name": data.get("name") or name})
    raise NoResponse("the answer is neither an operation nor a job", url=name)


def _may_be_new(name: str) -> bool:
    """Tell whether that is the name of an operation or job, which says nothing else while it is new."""
    return "operations/" in name.lower() or "/" not in name or job_kinds.kind_named(name) is not None


class AskedSource:
    """The source of an operation or job that is read by calling a function; a `poller.Source`.

    Parameters
    ----------
    name : str
        Its full name.
    read : callable
        Returns its JSON, with a single request.
    stop : callable or None
        Asks for its cancellation; None where that is not offered.
    lane : str
        Whom it asks.
    what : str
        What it is, for messages.
    types : sequence of str
        Names of types that tell its method.
    service : str
        Address of the service, for the journal; empty where it is not known.
    """

    def __init__(
        self,
        name: str,
        read: Read,
        stop: Callable[[], object] | None,
        *,
        lane: str,
        what: str = "an operation",
        types: tuple[str, ...] = (),
        service: str = "",
    ) -> None:
        self.lane, self.types, self.service = lane, types, service
        self._name, self._read, self._stop, self._what = name, read, stop, what
        self._forked = False
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Ask no more: the connections are the parent's."""
        self._forked = True

    def poll(self) -> OperationResource:
        """Read it with a single request."""
        return interpreted(self._called(self._read), self._name)

    get = poll

    def cancel(self) -> None:
        """Ask for its cancellation.

        Raises
        ------
        ConfigError
            It cannot be cancelled.
        """
        if self._stop is None:
            raise ConfigError(f"{self._name} is {self._what}, which cannot be cancelled; it goes on")
        self._called(self._stop)

    def _called(self, function: Callable[[], object]) -> object:
        if self._forked:
            raise ConfigError(
                f"{self._name} is read over connections of the process that forked this one. Make its client "
                "here and watch it, or start processes with 'spawn'"
            )
        try:
            return function()
        except LroError:
            raise
        except foreign_errors() as error:
            raise translated(error, self._name) from error


def translated(error: Exception, name: str) -> LroError:
    """Return an error of another library as ours."""
    if "google.api_core.exceptions" in sys.modules:
        return told(error, name)
    status, message = getattr(error, "code", None), getattr(error, "message", None)
    if not isinstance(status, int) or not isinstance(message, str):
        return NoResponse(type(error).__name__, url=name)
    return ApiError(message, status=status, code=HTTP_CODES.get(status, Code.UNKNOWN), url=name)


def foreign_errors() -> tuple[type[Exception], ...]:
    """Return what a request of another library may raise; imports nothing that is not loaded."""
    found: list[type[Exception]] = [OSError]
    for module, name in _ERRORS:
        if (loaded := sys.modules.get(module)) is not None:
            found.append(getattr(loaded, name))
    return tuple(found)


#: Errors of libraries that may be what is asked with.
_ERRORS = (
    ("google.api_core.exceptions", "GoogleAPIError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("google.genai.errors", "APIError"),
    ("googleapiclient.errors", "Error"),
    ("httplib2", "HttpLib2Error"),
    ("ee.ee_exception", "EEException"),
    ("grpc", "RpcError"),
    ("httpx", "HTTPError"),
)
