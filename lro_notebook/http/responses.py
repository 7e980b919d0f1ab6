"""What a Google API's HTTP response means: the JSON object in it, or the error that it stands for.

Pure functions of an `httpx.Response`; nothing here sends anything, or loads httpx.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import HTTP_CODES, LOGIN, ApiError, AuthError, Code, LroError, shortened
from lro_notebook.http import lenient_json

if TYPE_CHECKING:
    import httpx

CLOSED = "this client was closed; make a new one. Its operations may still run"
MOST = 64 << 20  # bytes of a response, decoded, unless a client says otherwise
_DOCUMENT = "lro.document"  # the extension of a response that holds its JSON, which is parsed once
_AT_LAST = 1e9  # seconds: any later time that a service asks for is this one
#: HTTP statuses of failures that may pass.
RETRIED = frozenset({408, 429, 500, 502, 503, 504})


class ResponseLost(LroError):
    """A request was sent and may have been carried out, but no usable response came."""


class NoResponse(ApiError):
    """No usable response came from the service: nothing listens, the connection broke, or time ran out."""

    def __init__(self, reason: str, *, url: str) -> None:
        super().__init__(
            f"no answer: {reason}",
            status=0,
            code=Code.UNAVAILABLE,
            url=url,
            hint="Check the endpoint and the network; nothing was changed by this failure.",
        )


class UnusableAnswer(ApiError):
    """The service answered in a way that another request would not change."""

    def __init__(self, reason: str, *, url: str, hint: str = "") -> None:
        super().__init__(
            reason,
            status=0,
            code=Code.INTERNAL,
            url=url,
            hint=hint or "Is this the address of a Google API? Nothing was changed by this failure.",
        )


class NoConnection(ApiError):
    """No connection can be made as things are set up, such as where a certificate is not trusted.

    Attributes
    ----------
    brief : str
        What is wrong, in a few words.
    """

    def __init__(self, reason: str, *, url: str, hint: str, brief: str) -> None:
        self.brief = brief
        super().__init__(reason, status=0, code=Code.UNAVAILABLE, url=url, hint=f"{hint} Nothing was sent.")


class AnswerTooLarge(UnusableAnswer):
    """A response has more bytes than the client takes."""

    def __init__(self, reason: str, *, url: str) -> None:
        super().__init__(
            reason, url=url, hint="Ask for smaller pages, or take more: lro.Client(…, max_answer=…)."
        )


def parsed(response: httpx.Response, url: str, *, changes: bool) -> dict[str, Any]:
    """Return the JSON object of a success response; of a list, as DICOMweb answers, an object of ``items``.

    Raises
    ------
    ResponseLost
        It has none, and the request `changes` something.
    NoResponse
        It has none.
    """
    data = _document(response)
    if isinstance(data, list) and not changes:
        return {"items": data}
    if isinstance(data, dict):
        return data
    if changes:
        raise ResponseLost("the response is no JSON object")
    raise NoResponse("the response is no JSON object; is this the address of a Google API?", url=url)


def error_of(response: httpx.Response, url: str, not_found_hint: str = "") -> ApiError | AuthError:
    """Return the error that an error response stands for (google.rpc.Status in JSON, or anything else)."""
    body = _error_body(response)
    status, message = response.status_code, body.get("message")
    if not isinstance(message, str) or not message:
        message = f"the service answered HTTP {status} {response.reason_phrase} without saying more".replace(
            "  ", " "
        )
    name = body.get("status")
    code = (
        Code[name]
        if isinstance(name, str) and name in Code.__members__
        else HTTP_CODES.get(status, Code.UNKNOWN)
    )
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthError(
            f"{url} refused the credentials (HTTP 401): {shortened(message)}\nFor Google Cloud run: {LOGIN}"
        )
    details = body.get("details")
    return ApiError(
        message,
        status=status,
        code=code,
        url=url,
        details=[item for item in details if isinstance(item, dict)] if isinstance(details, list) else [],
        hint=_hint(status, message, not_found_hint),
        retry_after=retry_after(response),
    )


def retry_after(response: httpx.Response) -> float | None:
    """Return the Retry-After header in seconds; it is a number or an HTTP date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(_AT_LAST, float(value))
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(_AT_LAST, max(0.0, seconds))


def is_spoiled(response: httpx.Response) -> bool:
    """Tell whether a success response holds nothing that can be used, as when it was cut short."""
    return response.is_success and not isinstance(_document(response), (dict, list))


def is_transient(error: LroError) -> bool:
    """Tell whether a poll that failed with `error` may work later."""
    return isinstance(error, NoResponse) or (isinstance(error, ApiError) and error.status in RETRIED)


def _document(response: httpx.Response) -> object:
    """Return the JSON of a response, an empty object where it says nothing, None where it is no JSON."""
    if _DOCUMENT not in response.extensions:
        try:
            document: object = lenient_json.loads(response.read() or b"{}")
        except ValueError:
            document = None
        response.extensions[_DOCUMENT] = document
    return response.extensions[_DOCUMENT]


def _error_body(response: httpx.Response) -> dict[str, Any]:
    data = _document(response)
    if isinstance(data, list) and data:  # streaming methods wrap the error in a list
        data = data[0]
    if not isinstance(data, dict):
        return {}
    error = data.get("error")
    return error if isinstance(error, dict) else _outcome(data)


def _outcome(data: dict[str, Any]) -> dict[str, Any]:
    """Return what an OperationOutcome says: the interfaces that follow FHIR answer with one."""
    issues = data.get("issue") if data.get("resourceType") == "OperationOutcome" else None
    said = [
        issue["diagnostics"]
        for issue in (issues if isinstance(issues, list) else ())
        if isinstance(issue, dict) and isinstance(issue.get("diagnostics"), str)
    ]
    return {"message": "; ".join(said)} if said else {}


def _hint(status: int, message: str, not_found_hint: str) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return not_found_hint
    if status == HTTPStatus.FORBIDDEN and "quota project" in message.lower():
        return "Set one with: gcloud auth application-default set-quota-project PROJECT"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "Redirects are not followed, so that tokens stay where they belong; give the final address."
    return ""
