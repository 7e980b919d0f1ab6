"""Parts of resources, for ``_elements`` and ``_summary``; what is kept, keeps its bytes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from lro_notebook.local.core import rawjson

if TYPE_CHECKING:
    from collections.abc import Collection

    from lro_notebook.local.fhir.search.query import Search

_ALWAYS = frozenset({"resourceType", "id", "meta"})
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}


def subset(body: bytes, search: Search) -> bytes:
    """Return as much of a resource as a search asks for, tagged as a part where it is one."""
    if search.elements:
        return _tagged(_only(body, {*_ALWAYS, *search.elements}))
    if search.summary == "text":
        return _tagged(_only(body, {*_ALWAYS, "text"}))
    if search.summary == "data":
        return _tagged(rawjson.without(body, {"text"}))
    return body


def _only(body: bytes, names: Collection[str]) -> bytes:
    kept = [
        body[each.key_start : each.end]
        for each in rawjson.members(body)
        if each.key.removeprefix("_") in names
    ]
    return b"{" + b",".join(kept) + b"}"


def _tagged(body: bytes) -> bytes:
    """Return a resource with the tag that says that it is not whole."""
    place = rawjson.member(body, "meta")
    if place is None:
        return body
    meta = orjson.loads(body[place.start : place.end])
    meta["tag"] = [*meta.get("tag", ()), _SUBSETTED]
    return body[: place.start] + orjson.dumps(meta) + body[place.end :]
