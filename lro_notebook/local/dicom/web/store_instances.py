"""Routes that store instances (STOW-RS), and the dataset that tells what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.concurrency import run_in_threadpool

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, not_found
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.dicom.dicom_file import first
from lro_notebook.local.dicom.request_target import part_of
from lro_notebook.local.dicom.web import accept, responses
from lro_notebook.local.http import multipart
from lro_notebook.local.http.service import api_version, read_body, service_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from lro_notebook.local.dicom.dicom_file import Instance, Metadata
    from lro_notebook.local.dicom.rows import Part

#: Largest body in bytes.
LIMIT = 256 << 20
#: Reasons of failures (PS3.18, I.2.2): not understood, of another study, there with other content.
NOT_UNDERSTOOD, OTHER_STUDY, DUPLICATE = 0xC000, 0xA900, 0x0111

_CLASS, _REFERENCED_CLASS, _REFERENCED = "00080016", "00081150", "00081155"
_URL, _REASON = "00081190", "00081197"
_STORED, _FAILED, _OTHER_FAILURES = "00081199", "00081198", "0008119A"
_DONE, _PARTLY, _NOTHING = 200, 202, 409


class Outcome(NamedTuple):
    """What became of a part of the body: `reason` is 0 if it is stored, `instance` None if it is none."""

    instance: Instance | None
    reason: int = 0


async def store(request: Request) -> Response:
    """``storeInstances``: instances that are there already fail, unless they are the same."""
    return await _take(request, replaces=False)


async def update(request: Request) -> Response:
    """``updateInstances`` of v1beta1: instances that are there already are replaced."""
    if api_version(request) != "v1beta1":
        raise not_found("updateInstances is a method of v1beta1; v1 has none")
    return await _take(request, replaces=True)


async def _take(request: Request, *, replaces: bool) -> Response:
    kind, parameters = multipart.parameters_of(request.headers.get("content-type", ""))
    of_parts = parameters.get("type", accept.DICOM).lower()
    if (kind, of_parts) != (accept.MULTIPART, accept.DICOM) and kind != accept.DICOM:
        message = (
            f"Content-Type: expected application/dicom, or multipart/related of it, not {kind[:80]!r}; the "
            "local service does not put instances together from metadata and bulk data"
        )
        raise ServiceError(Code.INVALID_ARGUMENT, message, status=415)
    body = await read_body(request, limit=LIMIT)
    contents = [body] if kind == accept.DICOM else _contents(body, parameters.get("boundary", ""))
    return await run_in_threadpool(_store, request, contents, replaces=replaces)


def _contents(body: bytes, boundary: str) -> list[bytes]:
    try:
        return [body[part.start : part.stop] for part in multipart.parts(body, boundary)]
    except multipart.MultipartError as error:
        raise invalid_argument(f"the body cannot be taken apart: {error}") from error


def _store(request: Request, contents: Sequence[bytes], *, replaces: bool) -> Response:
    if not contents:
        raise invalid_argument("the body has no parts; send an instance in each")
    service = service_of(request)
    with service.database.read() as connection:
        part = part_of(request, connection)  # before reading what may be large
    outcomes = [_read(content, part.scope.study) for content in contents]
    with service.database.write() as connection:
        part = part_of(request, connection)
        outcomes = [_kept(connection, part, outcome, replaces=replaces) for outcome in outcomes]
    url = f"{service.endpoint}/{api_version(request)}/{part.store.name}/dicomWeb"
    stored = sum(not outcome.reason for outcome in outcomes)
    status = _DONE if stored == len(outcomes) else _PARTLY if stored else _NOTHING
    return responses.single(request, summary(outcomes, url), status)


def _read(content: bytes, study: str | None) -> Outcome:
    try:
        instance = dicom_file.read(content)
    except dicom_file.ParseError:
        return Outcome(None, NOT_UNDERSTOOD)
    return Outcome(instance, OTHER_STUDY if study not in (None, instance.study) else 0)


def _kept(connection: sqlite3.Connection, part: Part, outcome: Outcome, *, replaces: bool) -> Outcome:
    """Store an instance, if it can be, and return what became of it."""
    if outcome.instance is None or outcome.reason:
        return outcome
    if rows.put(connection, part.store.key, outcome.instance, replaces=replaces):
        return outcome
    return outcome._replace(reason=DUPLICATE)


def summary(outcomes: Iterable[Outcome], url: str) -> Metadata:
    """Return the dataset of a response; `url` is that of the store's DICOMweb."""
    stored: list[Metadata] = []
    failed: list[Metadata] = []
    others: list[Metadata] = []
    studies: set[str] = set()
    for instance, reason in outcomes:
        if instance is None:
            others.append(_failure(reason))
        elif reason:
            failed.append({**_reference(instance), **_failure(reason)})
        else:
            path = rows.scope_of(instance).path
            stored.append({**_reference(instance), _URL: _element("UR", f"{url}/{path}")})
            studies.add(instance.study)
    found: Metadata = {}
    if len(studies) == 1:
        found[_URL] = _element("UR", f"{url}/studies/{studies.pop()}")
    for tag, items in ((_FAILED, failed), (_STORED, stored), (_OTHER_FAILURES, others)):
        if items:
            found[tag] = {"vr": "SQ", "Value": items}
    return found


def _reference(instance: Instance) -> Metadata:
    sop_class = first(orjson.loads(instance.metadata), _CLASS)
    return {_REFERENCED_CLASS: _element("UI", sop_class), _REFERENCED: _element("UI", instance.id)}


def _failure(reason: int) -> Metadata:
    return {_REASON: _element("US", reason)}


def _element(representation: str, value: Any) -> Metadata:
    return {"vr": representation} if value is None else {"vr": representation, "Value": [value]}
