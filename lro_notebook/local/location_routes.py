"""Routes of locations: the regions of the Healthcare API, and those that this service has datasets in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument, json_response
from lro_notebook.local.datasets import stores
from lro_notebook.local.http.paging import limit_of, page_response, text_after
from lro_notebook.local.http.service import LOCATION_PATH, service_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

#: https://cloud.google.com/healthcare-api/docs/requirements
REGIONS = (
    *("asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1"),
    *("asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2"),
    *("eu", "europe-north1", "europe-west2", "europe-west3", "europe-west4", "europe-west6"),
    *("me-central1", "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2"),
    *("southamerica-east1", "us", "us-central1", "us-east1", "us-east4", "us-west1", "us-west2", "us-west3"),
)


def list_locations(request: Request) -> Response:
    """``locations.list``, by id."""
    for parameter in ("filter", "extraLocationTypes"):
        if request.query_params.get(parameter):
            raise invalid_argument(f"{parameter}: the local service lists all its locations, unfiltered")
    project, limit, after = request.path_params["project"], limit_of(request), text_after(request)
    resource_names.location_name(project, REGIONS[0])  # raises if the project cannot be one
    with service_of(request).database.read() as connection:
        used = stores.locations(connection, project)
    identifiers = [item for item in sorted({*REGIONS, *used}) if item > after][: limit + 1]
    rows = [_location(project, identifier) for identifier in identifiers]
    return page_response(request, "locations", rows, identifiers, limit)


def get_location(request: Request) -> Response:
    """``locations.get``; any id that a location can have is one."""
    parts = request.path_params
    return json_response(_location(parts["project"], parts["location"]))


def _location(project: str, identifier: str) -> dict[str, Any]:
    return {"name": resource_names.location_name(project, identifier), "locationId": identifier}


ROUTES = [
    Route("/projects/{project}/locations", list_locations, methods=["GET"]),
    Route(LOCATION_PATH, get_location, methods=["GET"]),
]
