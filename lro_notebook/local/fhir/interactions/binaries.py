"""Binary resources as raw data: the body of a request as it is, and the content as it was sent."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir.interactions.responses import stamps

if TYPE_CHECKING:
    from starlette.requests import Request

    from lro_notebook.local.fhir.rows import Stored

_FHIR_JSON = frozenset({"", "application/fhir+json", "application/json+fhir"})
#: Where the data is, in the older versions of FHIR.
_CONTENT = {"DSTU2": "content", "STU3": "content"}


def is_raw(request: Request, type_: str, body: bytes) -> bool:
    """Tell whether a request creates a Binary from its body as it is."""
    if type_ != "Binary":
        return False
    media_type = _plain(request.headers.get("content-type", ""))
    if media_type == "application/json":  # what clients send that know nothing of FHIR
        return not _is_binary(body)
    return media_type not in _FHIR_JSON


def wrapped(request: Request, body: bytes, version: str, identifier: str = "") -> bytes:
    """Return the Binary resource whose data is a request's body."""
    document: dict[str, Any] = {"resourceType": "Binary"}
    if identifier:
        document["id"] = identifier
    document["contentType"] = request.headers["content-type"]
    context = request.headers.get("x-security-context")
    if context and version != "DSTU2":
        document["securityContext"] = {"reference": context}
    if body:
        document[_CONTENT.get(version, "data")] = base64.b64encode(body).decode()
    return orjson.dumps(document)


def raw_response(request: Request, type_: str, stored: Stored) -> Response | None:
    """Return the data of a Binary, if the request accepts the type that it has; otherwise None."""
    accepted = [_plain(each) for each in request.headers.get("accept", "").split(",")]
    if type_ != "Binary" or stored.body is None or not any(accepted):
        return None
    document = orjson.loads(stored.body)
    media_type = document.get("contentType")
    if not isinstance(media_type, str) or _plain(media_type) not in accepted:
        return None
    try:
        data = base64.b64decode(document.get("data") or document.get("content") or "")
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid_argument(f"the data of Binary/{stored.id} is not in base64") from error
    return Response(data, headers={**stamps(stored), "Content-Type": media_type})


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _is_binary(body: bytes) -> bool:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("resourceType") == "Binary"
