"""Responses of DICOMweb: metadata as JSON or XML, and parts of a body."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response, StreamingResponse

from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.dicom.web import accept
from lro_notebook.local.dicom.web.native_xml import native_xml
from lro_notebook.local.http import multipart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request

    from lro_notebook.local.dicom.dicom_file import Metadata


def several(request: Request, items: Sequence[Metadata]) -> Response:
    """Return the metadata of any number of items, as JSON or in parts of XML."""
    for media in accept.accepted(request.headers.get("accept")):
        if not media.is_multipart and (media.allows(accept.JSON) or media.kind == "application/json"):
            return Response(orjson.dumps(items), media_type=accept.JSON)
        if media.is_multipart and media.allows(accept.XML):
            return parts(accept.XML, ((accept.XML, xml(item)) for item in items))
    raise accept.not_acceptable(
        request.headers.get("accept"), (accept.JSON, f'multipart/related; type="{accept.XML}"')
    )


def single(request: Request, item: Metadata, status: int) -> Response:
    """Return one item, as JSON or XML."""
    for media in accept.accepted(request.headers.get("accept")):
        if media.allows(accept.JSON) or media.kind == "application/json":
            return Response(orjson.dumps(item), status, media_type=accept.JSON)
        if media.allows(accept.XML):
            return Response(xml(item), status, media_type=accept.XML)
    raise accept.not_acceptable(request.headers.get("accept"), (accept.JSON, accept.XML))


def xml(item: Metadata) -> bytes:
    """Return an item in XML, with the keywords of its attributes."""
    return native_xml(item, dicom_file.pydicom().datadict.keyword_for_tag)


def parts(kind: str, pieces: Iterable[tuple[str, bytes]]) -> Response:
    """Return a response of parts, each of its ``Content-Type`` and content, which are made one by one."""
    boundary = uuid.uuid4().hex
    return StreamingResponse(
        multipart.written(pieces, boundary),
        headers={"Content-Type": f'multipart/related; type="{kind}"; boundary={boundary}'},
    )
