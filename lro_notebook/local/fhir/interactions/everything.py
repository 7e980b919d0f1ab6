"""What belongs together: ``$everything`` of a patient or an encounter, and what refers to a resource.

Each call reads the store, since references are nowhere kept beside the resources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.interactions import integrity
from lro_notebook.local.fhir.interactions.compartments import belongs, is_within
from lro_notebook.local.fhir.interactions.responses import (
    FHIR_PATH,
    MEDIA_TYPE,
    SYSTEM_PARAMETERS,
    Address,
    base_of,
    bundle,
    check_version,
    existing,
    found_entry,
    page_links,
)
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.fhir.resource_id_lists import is_name
from lro_notebook.local.fhir.search import date_ranges
from lro_notebook.local.fhir.search.query import Search
from lro_notebook.local.fhir.search.summary_and_elements import subset
from lro_notebook.local.http.paging import limit_of, number_after
from lro_notebook.local.http.service import service_of, store_of
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from starlette.requests import Request

    from lro_notebook.local.fhir.interactions.store_settings import Settings
    from lro_notebook.local.fhir.rows import Stored

_ASSOCIATED = "http://hl7.org/fhir/StructureDefinition/encounter-associatedEncounter"
_PAGE = frozenset({"_count", "_page_token", "_type"})
_SUMMARIES = ("", "text", "data", "false")


class _Filter(NamedTuple):
    """What is wanted of what was found."""

    types: frozenset[str] | None
    since: int | None = None
    start: int | None = None
    end: int | None = None

    def takes(self, type_: str, stored: Stored, document: Any) -> bool:
        """Tell whether a resource is wanted."""
        return (
            (self.types is None or type_ in self.types)
            and (self.since is None or stored.updated > self.since)
            and (
                (self.start is None and self.end is None) or is_within(type_, document, self.start, self.end)
            )
        )


def patient_everything(request: Request) -> Response:
    """``fhir.Patient-everything``."""
    return _everything(request, "Patient", {"_since", "start", "end"})


def encounter_everything(request: Request) -> Response:
    """``fhir.Encounter-everything``."""
    return _everything(request, "Encounter", {"_since"})


def _everything(request: Request, center: str, also: set[str]) -> Response:
    check_version(request, f"fhir.{center}-everything")
    _check_parameters(request, _PAGE | also)
    wanted = _Filter(
        request_fields.types(request.query_params.get("_type", ""), "_type"),
        request_fields.moment(request.query_params, "_since"),
        _day(request, "start"),
        _day(request, "end"),
    )
    identifier = resource_names.fhir_id(request.path_params["id"])
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        settings = settings_of(connection, store)
        base = base_of(request, store)
        address = Address(store, center, identifier, f"{base}/{center}/{identifier}")
        stored = existing(rows.read(connection, store.key, center, identifier), address)
        found = [
            (type_, each)
            for type_, each, document in _together(connection, settings, center, stored)
            if wanted.takes(type_, each, document)
        ]
    return _page(request, base, f"{address.url}/$everything", found)


def _together(
    connection: sqlite3.Connection, settings: Settings, center: str, stored: Stored
) -> Iterator[tuple[str, Stored, Any]]:
    """Yield a patient or an encounter, what it refers to, and what is in its compartment; each once."""
    document = orjson.loads(stored.body or b"null")
    yield center, stored, document
    seen = {(center, stored.id)}
    for text in sorted({*integrity.texts(document, extensions=settings.parses_extensions)}):
        target = integrity.target(text, settings.store.name)
        if target is not None and (target.type, target.id) not in seen:
            seen.add((target.type, target.id))
            referred = rows.read(connection, settings.store.key, target.type, target.id)
            if referred is not None and referred.body is not None:
                yield target.type, referred, orjson.loads(referred.body)
    for type_, identifier, other in integrity.referring(connection, settings, {f"{center}/{stored.id}"}):
        member = belongs(center, stored.id, type_, other) or _is_associated(center, other)
        if member and (type_, identifier) not in seen:
            found = rows.read(connection, settings.store.key, type_, identifier)
            if found is not None:
                yield type_, found, other


def _is_associated(center: str, document: Any) -> bool:
    """Tell whether a resource names its encounter in the extension for that."""
    listed = document.get("extension")
    return center == "Encounter" and any(
        isinstance(each, dict) and each.get("url") == _ASSOCIATED
        for each in (listed if isinstance(listed, list) else ())
    )


def incoming_references(request: Request) -> Response:
    """``fhir.Resource-incoming-references``: what refers to a resource, which need not exist."""
    check_version(request, "fhir.Resource-incoming-references")
    _check_parameters(request, _PAGE | {"target", "_summary"})
    name, summary = (request.query_params.get(each, "") for each in ("target", "_summary"))
    if not is_name(name):
        raise invalid_argument("target: expected a resource such as Patient/1234")
    if summary not in _SUMMARIES:
        raise invalid_argument("_summary: expected text, data or false")
    types = request_fields.types(request.query_params.get("_type", ""), "_type")
    with service_of(request).database.read() as connection:
        store = store_of(request, connection, "fhirStores")
        found = []
        for type_, identifier, _ in integrity.referring(connection, settings_of(connection, store), {name}):
            stored = rows.read(connection, store.key, type_, identifier)
            if stored is not None and (types is None or type_ in types):
                part = subset(stored.body or b"", Search(type_, summary=summary or "false"))  # type: ignore[arg-type]
                found.append((type_, stored._replace(body=part)))
    base = base_of(request, store)
    return _page(request, base, f"{base}/$references", found)


def _page(request: Request, base: str, url: str, found: list[tuple[str, Stored]]) -> Response:
    limit, start = limit_of(request, "_count"), number_after(request, default=0, parameter="_page_token")
    page = found[start : start + limit]
    following = start + limit if start + limit < len(found) else None
    entries = [found_entry(base, type_, stored) for type_, stored in page]
    links = page_links(request, url, following)
    return Response(bundle("searchset", entries, links=links, total=len(found)), media_type=MEDIA_TYPE)


def _check_parameters(request: Request, known: frozenset[str] | set[str]) -> None:
    unknown = set(request.query_params) - known - SYSTEM_PARAMETERS
    if unknown:
        raise invalid_argument(f"parameter {min(unknown)[:80]!r}: expected {', '.join(sorted(known))}")


def _day(request: Request, name: str) -> int | None:
    """Return the first moment of `start`, or the last one of `end`."""
    text = request.query_params.get(name, "")
    span = date_ranges.span(text) if text else None
    if text and span is None:
        raise invalid_argument(f"{name}: expected a date such as 2026-03-01")
    return None if span is None else span.low if name == "start" else span.high


ROUTES = [
    Route(FHIR_PATH + "/$references", incoming_references, methods=["GET"]),
    Route(FHIR_PATH + "/Patient/{id}/$everything", patient_everything, methods=["GET"]),
    Route(FHIR_PATH + "/Encounter/{id}/$everything", encounter_everything, methods=["GET"]),
]
