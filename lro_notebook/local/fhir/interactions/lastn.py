"""``Observation/$lastn``: the latest observations of each code."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir.interactions.change_routes import criteria_of
from lro_notebook.local.fhir.interactions.responses import (
    FHIR_PATH,
    MEDIA_TYPE,
    base_of,
    bundle,
    check_version,
    found_entry,
    page_links,
)
from lro_notebook.local.fhir.search import parameters
from lro_notebook.local.fhir.search.conditional_search import matching
from lro_notebook.local.fhir.search.date_ranges import EARLIEST
from lro_notebook.local.fhir.search.parameter_expressions import walker
from lro_notebook.local.fhir.search.values import kept
from lro_notebook.local.http.service import service_of, store_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from lro_notebook.local.fhir.rows import Stored

_FOUND_MAX = 1000
_SUBJECTS = frozenset({"subject", "patient"})
_KINDS = ("code", "category", "combo-code", "component-code")


def last_n(request: Request) -> Response:
    """``fhir.Observation-lastn``."""
    check_version(request, "fhir.Observation-lastn")
    given = {name.partition(":")[0].partition(".")[0] for name in request.query_params}
    if given.isdisjoint(_SUBJECTS) or given.isdisjoint(_KINDS):
        raise invalid_argument("$lastn needs subject or patient, and code or category")
    limit = resource_names.whole_number(request.query_params.get("max", "1"))
    if not limit:
        raise invalid_argument("max: expected a number from 1")
    criteria = criteria_of(request, {"max"})
    with service_of(request).database.write() as connection:  # a search indexes what nobody needed before
        store = store_of(request, connection, "fhirStores")
        found = matching(connection, store, "Observation", criteria, limit=_FOUND_MAX + 1)
    if len(found) > _FOUND_MAX:
        raise invalid_argument(
            f"more than {_FOUND_MAX} observations meet the criteria; limit them with date or _lastUpdated"
        )
    latest = _latest(found, limit)
    base = base_of(request, store)
    entries = [found_entry(base, "Observation", each) for each in latest]
    links = page_links(request, f"{base}/Observation/$lastn")
    return Response(bundle("searchset", entries, links=links, total=len(latest)), media_type=MEDIA_TYPE)


def _latest(found: list[Stored], limit: int) -> list[Stored]:
    """Return the latest of each code, code by code, the latest first."""
    dated = [(_when(document), stored, _code(document)) for stored, document in map(_read, found)]
    dated.sort(key=lambda each: each[0], reverse=True)
    by_code: defaultdict[bytes, list[Stored]] = defaultdict(list)
    for _, stored, code in dated:
        by_code[code].append(stored)
    return [stored for group in by_code.values() for stored in group[:limit]]


def _read(stored: Stored) -> tuple[Stored, Any]:
    return stored, orjson.loads(stored.body or b"{}")


def _when(document: Any) -> float:
    parameter = parameters.standard("Observation")["date"]
    spans = kept(parameter, walker(parameter.expression, "Observation")(document)).ranges
    return max((low for low, *_ in spans), default=EARLIEST)


def _code(document: Any) -> bytes:
    """Return what stands for the code: its codings, or its text."""
    code = document.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    if isinstance(codings, list) and codings:
        pairs = [[each.get("system"), each.get("code")] for each in codings if isinstance(each, dict)]
        return orjson.dumps(sorted(pairs, key=orjson.dumps))
    return orjson.dumps(code.get("text") if isinstance(code, dict) else None)


ROUTES = [Route(FHIR_PATH + "/Observation/$lastn", last_n, methods=["GET"])]
