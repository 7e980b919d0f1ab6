"""``$validate``: whether a resource has the structure that FHIR gives to its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import nesting, resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.interactions.responses import FHIR_PATH, MEDIA_TYPE
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.fhir.structure.validation import Finding, Rules, findings
from lro_notebook.local.http.service import read_body, service_of, store_of

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request

_UNCHECKED = (
    "not checked here: profiles, invariants (FHIRPath), references, and codes that need a terminology"
)
#: Nothing that was asked to be held against a profile is called valid.
_NOT_HELD = Finding(
    "",
    "not-supported",
    "the local service holds resources against the base definitions alone, so whether this one is as the "
    "profile says is not known; validate with a library such as fhir.resources",
)
_UNKNOWN = "not checked here: anything but the resource type, since the definitions here are those of R4"


async def validate(request: Request) -> Response:
    """``fhir.Resource-validate``."""
    return await run_in_threadpool(_validate, request, await read_body(request))


def _validate(request: Request, body: bytes) -> Response:
    type_ = resource_names.resource_type(request.path_params["type"])
    try:
        document = nesting.loads(body.removeprefix(b"\xef\xbb\xbf").strip())
    except nesting.Unreadable as error:
        raise invalid_argument(f"the resource cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("resourceType") != type_:
        raise invalid_argument(f"expected a JSON object whose resourceType is {type_}, as in the address")
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        settings = settings_of(connection, store)
        profile = request.query_params.get("profile")
        if profile and not _is_known(connection, store.key, profile):
            raise invalid_argument("profile: the store has no StructureDefinition with this url")
    found = findings(document, settings.rules or Rules(settings.version))
    if profile:
        found.append(_NOT_HELD._replace(path=type_))
    unchecked = _UNCHECKED if settings.version == "R4" else _UNKNOWN
    return Response(orjson.dumps(_outcome(found, unchecked)), media_type=MEDIA_TYPE)


def _is_known(connection: sqlite3.Connection, store: int, profile: str) -> bool:
    """Tell whether a store has a profile."""
    known = rows.bodies(connection, store, "StructureDefinition", since=None)
    return any(orjson.loads(body).get("url") == profile for _, body in known)


def _outcome(found: list[Finding], unchecked: str) -> dict[str, Any]:
    issues: list[dict[str, Any]] = [
        {"severity": "error", "code": each.code, "diagnostics": each.message, "expression": [each.path]}
        for each in found
    ]
    said: dict[str, Any] = {"severity": "information", "code": "informational", "diagnostics": unchecked}
    if not found:
        said |= {"details": {"text": "success"}, "diagnostics": f"success; {unchecked}"}
    issues.append(said)
    return {"resourceType": "OperationOutcome", "issue": issues}


ROUTES = [Route(FHIR_PATH + "/{type}/$validate", validate, methods=["POST"])]
