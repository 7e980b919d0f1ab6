"""Errors of requests and operations, and the responses that they become.

Management routes respond with google.rpc JSON, ``fhir/`` routes with an OperationOutcome. A message names the
resource and the next step, and never holds the content of a resource.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from lro_notebook.errors import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The message of an error that is a bug of the service.
INTERNAL_ERROR = "the local service has a bug; see service.log in its data directory"
#: google.rpc code -> HTTP status, as google/rpc/code.proto maps them.
_HTTP_STATUS: dict[Code, int] = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
}

#: HTTP status -> FHIR issue type (http://hl7.org/fhir/R4/valueset-issue-type.html).
_ISSUE_TYPE: Mapping[int, str] = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    429: "throttled",
    501: "not-supported",
    503: "transient",
}


#: Error of the operating system -> google.rpc code; all others are FAILED_PRECONDITION.
_FILE_CODES: Mapping[int, Code] = {
    errno.ENOSPC: Code.RESOURCE_EXHAUSTED,
    errno.EDQUOT: Code.RESOURCE_EXHAUSTED,
    errno.EFBIG: Code.RESOURCE_EXHAUSTED,
    errno.EMFILE: Code.RESOURCE_EXHAUSTED,
    errno.ENFILE: Code.RESOURCE_EXHAUSTED,
    errno.EACCES: Code.PERMISSION_DENIED,
    errno.EPERM: Code.PERMISSION_DENIED,
    errno.EROFS: Code.PERMISSION_DENIED,
    errno.ENOENT: Code.NOT_FOUND,
    errno.ENAMETOOLONG: Code.INVALID_ARGUMENT,
}


class ServiceError(Exception):
    """A request or an operation cannot go on; `code` and `message` say why.

    Attributes
    ----------
    code : Code
        google.rpc code.
    message : str
        What happened, to what, and what to do next.
    status : int
        HTTP status, for requests.
    details : list
        ``details`` of the google.rpc.Status, each with its ``@type``.
    headers : dict
        Additional HTTP headers, such as ``Retry-After``.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        status: int | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = _HTTP_STATUS.get(code, 500) if status is None else status
        self.details = list(details)
        self.headers = dict(headers or {})


def code_of_status(status: int) -> Code:
    """Return the google.rpc code of an HTTP error."""
    codes = {each: code for code, each in reversed(_HTTP_STATUS.items())}  # the first of several wins
    return codes.get(status, Code.UNKNOWN if status < 500 else Code.INTERNAL)  # noqa: PLR2004 - the server's


def invalid_argument(message: str) -> ServiceError:
    """Return the error for an invalid argument (HTTP 400)."""
    return ServiceError(Code.INVALID_ARGUMENT, message)


def not_found(message: str) -> ServiceError:
    """Return the error for something that does not exist (HTTP 404)."""
    return ServiceError(Code.NOT_FOUND, message)


def file_error(error: OSError) -> ServiceError:
    """Return the error for a bucket file that cannot be read or written."""
    code = _FILE_CODES.get(error.errno or 0, Code.FAILED_PRECONDITION)
    name = error.filename2 or error.filename
    where = f" ({os.fsencode(name).decode(errors='backslashreplace')[:300]})" if isinstance(name, str) else ""
    return ServiceError(
        code, f"A file of a bucket could not be read or written: {error.strerror or error}{where}"
    )


def database_error(error: sqlite3.DatabaseError) -> ServiceError:
    """Return the error for a database that cannot be written, such as on a full disk."""
    # The last byte is the primary code; https://www.sqlite.org/rescode.html
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # none where Python itself raises it
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return ServiceError(
            Code.RESOURCE_EXHAUSTED,
            f"the service's data cannot be written ({error}); make room on the disk of its data directory",
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return ServiceError(
            Code.PERMISSION_DENIED,
            f"the service's data cannot be written ({error}); make its data directory writable",
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return ServiceError(
            Code.DATA_LOSS,
            f"the service's data is damaged ({error}); stop it and use another data directory",
        )
    return ServiceError(Code.INTERNAL, INTERNAL_ERROR)


def not_installed(package: str, what: str) -> ServiceError:
    """Return the error for `what` needs a package that not everybody has installed."""
    return ServiceError(
        Code.UNIMPLEMENTED,
        f"{what} needs {package}, which is not installed where the local service runs; "
        f"pip install {package} there and start the service again",
    )


def json_response(
    data: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json; charset=UTF-8",
) -> Response:
    """Return `data` as a JSON response."""
    return Response(orjson.dumps(data), status_code=status, headers=headers, media_type=media_type)


def error_response(service_error: ServiceError, path: str) -> Response:
    """Return the response to a failed request on `path`."""
    if is_fhir_path(path):
        issue = {
            "severity": "error",
            "code": _ISSUE_TYPE.get(service_error.status, "exception"),
            "diagnostics": service_error.message,
        }
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        return json_response(
            outcome,
            status=service_error.status,
            headers=service_error.headers,
            media_type="application/fhir+json; charset=UTF-8",
        )
    error: dict[str, Any] = {
        "code": service_error.status,
        "message": service_error.message,
        "status": service_error.code.name,
    }
    if service_error.details:
        error["details"] = service_error.details
    return json_response({"error": error}, status=service_error.status, headers=service_error.headers)


def is_fhir_path(path: str) -> bool:
    """Return whether `path` belongs to the FHIR interface of a store; the status of bulk exports does."""
    store, _, rest = path.partition("/fhirStores/")
    segments = rest.split("/")
    return bool(store) and len(segments) > 1 and segments[1] in ("fhir", "operations")
