"""The error that an error response stands for: its message, its code, and the hint at what to do. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import HTTP_CODES, LOGIN, ApiError, AuthError, Code, shortened
from lro_notebook.http.responses import document_of
from lro_notebook.http.retry_policy import retry_after

if TYPE_CHECKING:
    import httpx


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


def _error_body(response: httpx.Response) -> dict[str, Any]:
    data = document_of(response)
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
