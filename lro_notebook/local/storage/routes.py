"""All routes of the storage."""

from __future__ import annotations

from lro_notebook.local.http import batch
from lro_notebook.local.storage import bucket_routes, copy_routes, object_routes, upload_routes
from lro_notebook.local.storage.object_resource import API

ROUTES = [
    *bucket_routes.ROUTES,
    *copy_routes.ROUTES,
    *object_routes.ROUTES,
    *upload_routes.ROUTES,
    # As many as Cloud Storage takes; more are refused there too.
    batch.route(f"/batch{API}", API, calls_max=100),
]
