"""All routes of the storage."""

from __future__ import annotations

from lro_notebook.local.storage import batch_routes, bucket_routes, copy_routes, object_routes, upload_routes

ROUTES = [
    *bucket_routes.ROUTES,
    *copy_routes.ROUTES,
    *object_routes.ROUTES,
    *upload_routes.ROUTES,
    *batch_routes.ROUTES,
]
