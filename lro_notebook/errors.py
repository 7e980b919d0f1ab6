"""The errors and warnings of the package: one tree, and the google.rpc codes that they carry.

LroError
├── ConfigError (ValueError)        what the caller passed or configured cannot work
├── AuthError                       no credentials, or they were refused
├── ApiError                        the service answered with an error
├── StartUnknown                    a start request was sent and its answer never came
├── PollingLost                     the operation may still run, its state cannot be read any more
├── OperationError                  carries ``.operation``
│   ├── OperationFailed             ended with an error
│   └── OperationCancelled (concurrent.futures.CancelledError)
├── WaitTimeout (TimeoutError)      the wait ended, the operation goes on
└── ResultError                     the output of an operation cannot be read

The warnings are in `warning_types`; from here they can be imported as well.
"""

from __future__ import annotations

import concurrent.futures
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.warning_types import (
    BadLinesWarning,
    LeftOutWarning,
    LroWarning,
    OperationFailedWarning,
    PartialFailureWarning,
    TruncatedListsWarning,
    UnparsedDatesWarning,
    warn_caller,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.operations.operation import Operation

__all__ = [
    "HTTP_CODES",
    "LOGIN",
    "ApiError",
    "AuthError",
    "BadLinesWarning",
    "Code",
    "ConfigError",
    "LeftOutWarning",
    "LroError",
    "LroWarning",
    "OperationCancelled",
    "OperationError",
    "OperationFailed",
    "OperationFailedWarning",
    "PartialFailureWarning",
    "PollingLost",
    "ResultError",
    "StartUnknown",
    "TruncatedListsWarning",
    "UnparsedDatesWarning",
    "WaitTimeout",
    "shortened",
    "warn_caller",
]

_LONGEST = 2_000  # characters of a service's own words in a message
_PACKAGE = str(Path(__file__).parent)


class Code(IntEnum):
    """The canonical codes of ``google.rpc.Code``, equal to their integers.

    Examples
    --------
    >>> lro.Code.NOT_FOUND == 5
    True
    """

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def of(cls, number: int) -> Code:
        """Return the member for `number`; UNKNOWN for a number that google.rpc does not define."""
        try:
            return cls(number)
        except ValueError:
            return cls.UNKNOWN


#: HTTP status -> google.rpc code, for answers whose body does not name one (google/rpc/code.proto).
HTTP_CODES: Mapping[int, Code] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ABORTED,
    412: Code.FAILED_PRECONDITION,
    413: Code.INVALID_ARGUMENT,
    416: Code.OUT_OF_RANGE,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}


class LroError(Exception):
    """Base class of the errors that this package raises.

    Examples
    --------
    >>> try:
    ...     lro.connect("my-dataset")
    ... except lro.LroError as error:
    ...     print(type(error).__name__)
    ConfigError
    """

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, self._travelling())

    def _travelling(self) -> dict[str, object]:
        """Return the attributes that are pickled with the error."""
        return self.__dict__

    def _render_traceback_(self) -> list[str]:
        return _rendered(self)


def _rendered(error: Exception) -> list[str]:
    """Return what IPython shows of an error: the user's own lines and the message."""
    from lro_notebook.jupyter.tracebacks import render

    return render(error)


class UnknownKey(KeyError):
    """A `KeyError` for a name that is not there; reads, and is shown, as the errors of the tree are."""

    __str__ = Exception.__str__  # the sentence itself, not its repr
    _render_traceback_ = _rendered


class UnknownArgument(TypeError):
    """A `TypeError` for a call that does not fit its function; shown as the errors of the tree are."""

    _render_traceback_ = _rendered


def _restored(cls: type[LroError], args: tuple[object, ...], attributes: dict[str, object]) -> LroError:
    """Return an error that was pickled; the constructor of its class may take more than the message."""
    error = cls.__new__(cls, *args)
    error.__dict__.update(attributes)
    return error


class ConfigError(LroError, ValueError):
    """An argument, a name, a URI or the set-up cannot work; the message says what to change.

    Examples
    --------
    >>> lro.View("Patients")
    Traceback (most recent call last):
    lro_notebook.errors.ConfigError: there is no ready view 'Patients'; did you mean 'Patient'?
    """


#: The command that gives this machine application-default credentials; errors name it.
LOGIN = "gcloud auth application-default login"


class AuthError(LroError):
    """There are no credentials, or the service refused them; the message names the command that helps.

    Examples
    --------
    >>> with lro.Client(ds.client.endpoint, credentials="expired") as client:
    ...     client.get(op.name)
    Traceback (most recent call last):
    lro_notebook.errors.AuthError: ... refused the credentials (HTTP 401): ...
    For Google Cloud run: gcloud auth application-default login
    """


class ApiError(LroError):
    """The service answered a request with an error.

    Attributes
    ----------
    status : int
        HTTP status; 0 where no answer came.
    code : Code
        google.rpc code, from the body where it names one, else from the HTTP status.
    message : str
        The service's own words, as they came.
    details : tuple of dict
        ``google.rpc.Status.details``.
    url : str
        The address of the request, without its query.
    hint : str
        What to do next, or empty.
    retry_after : float or None
        Seconds that the service asked to wait (``Retry-After``).

    Examples
    --------
    >>> try:
    ...     ds.operation("no-such-one")
    ... except lro.ApiError as error:
    ...     print(error.status, error.code.name)
    404 NOT_FOUND
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: Code,
        url: str,
        details: Sequence[Mapping[str, Any]] = (),
        hint: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.url = url
        self.hint = hint
        text = f"{code.name} (HTTP {status}) from {url}: {shortened(message)}"
        super().__init__(f"{text}\n{hint}" if hint else text)


class StartUnknown(LroError):
    """A start request was sent, its answer never came: the operation may or may not run.

    Attributes
    ----------
    candidates : tuple of str
        Names of the operations created since the request. None is adopted: it may be somebody else's.

    Examples
    --------
    >>> try:
    ...     op = store.export_to("gs://demo-out/once")
    ... except lro.StartUnknown as error:
    ...     print("perhaps one of", error.candidates)
    """

    def __init__(self, message: str, *, candidates: Sequence[str] = ()) -> None:
        self.candidates = tuple(candidates)
        super().__init__(message)


class PollingLost(LroError):
    """The state of an operation could not be read for too long; the operation may still run.

    Examples
    --------
    >>> try:
    ...     response = op.result()
    ... except lro.PollingLost:
    ...     op.wait()  # looks again
    """


class OperationError(LroError):
    """An operation ended without a result.

    Attributes
    ----------
    operation : Operation
        The handle, with ``.error``, ``.metadata``, ``.progress``; None in an error that was pickled.

    Examples
    --------
    >>> try:
    ...     store.import_from("gs://no-such-bucket/x").result()
    ... except lro.OperationError as error:
    ...     print(error.operation.state, error.operation.error.name)
    FAILED NOT_FOUND
    """

    def __init__(self, message: str, operation: Operation) -> None:
        self.operation = operation
        super().__init__(message)

    def _travelling(self) -> dict[str, object]:
        return {**self.__dict__, "operation": None}


class OperationFailed(OperationError):
    """The operation ended with an error.

    Examples
    --------
    >>> error = store.import_from("gs://no-such-bucket/x").exception()
    >>> isinstance(error, lro.OperationFailed)
    True
    """


class OperationCancelled(OperationError, concurrent.futures.CancelledError):
    """The operation was cancelled (google.rpc code 1).

    Examples
    --------
    >>> lro.local.set_pace(500)
    >>> slow = store.export_to("gs://demo-out/cancelled")
    >>> slow.cancel()
    True
    >>> try:
    ...     slow.result()
    ... except lro.OperationCancelled as error:
    ...     print(error.operation.state)
    CANCELLED
    >>> lro.local.set_pace(None)
    """


class WaitTimeout(LroError, TimeoutError):
    """The time given to a wait is over; the operation goes on.

    Examples
    --------
    >>> lro.local.set_pace(500)
    >>> slow = store.export_to("gs://demo-out/late")
    >>> try:
    ...     slow.result(timeout=0.01)
    ... except lro.WaitTimeout:
    ...     print(slow.running())
    True
    >>> lro.local.set_pace(None)
    """


class ResultError(LroError):
    """The output of an operation is missing or cannot be read.

    Attributes
    ----------
    nothing_there : bool
        Whether the place could be listed, and has no results, or none of the operation.

    Examples
    --------
    >>> try:
    ...     lro.read_results("gs://demo-out/nothing-there", client=ds.client)
    ... except lro.ResultError as error:
    ...     print(str(error).partition(":")[0])
    no results at gs
    """

    def __init__(self, message: str, *, nothing_there: bool = False) -> None:
        self.nothing_there = nothing_there
        super().__init__(message)


def shortened(text: str) -> str:
    """Return a service's words for use in a message, cut where they are very long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters in all)"
