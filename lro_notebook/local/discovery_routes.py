"""``GET /$discovery/rest``: Google's discovery document with this service as its address.

The document is the one that google-api-python-client has with it, if that is installed. Like Google's, it is
there without a token: clients read it before they have any credentials in use.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from starlette.routing import Route

from lro_notebook.local.core.service_errors import json_response, not_found, not_installed
from lro_notebook.local.http.service import API_VERSIONS, service_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/$discovery/rest"


def serve(request: Request) -> Response:
    """Return the discovery document of a ``version``."""
    version = request.query_params.get("version", "")
    if version not in API_VERSIONS:
        raise not_found(f"version: expected {' or '.join(API_VERSIONS)}")
    document = orjson.loads(_file(version).read_bytes())
    root = f"{service_of(request).endpoint}/"
    document.pop("mtlsRootUrl", None)
    return json_response({**document, "rootUrl": root, "baseUrl": root})


def _file(version: str) -> Path:
    found = find_spec("googleapiclient")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder) / "discovery_cache" / "documents" / f"healthcare.{version}.json"
        if path.is_file():
            return path
    raise not_installed("google-api-python-client", "the discovery document")


ROUTES = [Route(PATH, serve, methods=["GET"])]
