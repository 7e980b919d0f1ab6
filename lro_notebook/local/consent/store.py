"""Consent stores as a `StoreKind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.consent import query_accessible_data, routes, rows
from lro_notebook.local.http.store_kind import StoreKind

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(_body: Mapping[str, Any]) -> None:
    """Accept any fields of a consent store; they are stored and have no effect."""


KIND = StoreKind(
    collection="consentStores",
    label="consent",
    tables=rows.TABLES,
    check=check,
    methods={"queryAccessibleData": query_accessible_data.METHOD},
    routes=routes.ROUTES,
)
