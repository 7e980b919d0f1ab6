"""FHIR stores as a `StoreKind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.core import buckets
from lro_notebook.local.fhir import (
    apply_consents,
    bulk_delete,
    bulk_export,
    configure_search,
    deidentify,
    execute_cohort,
    export_history,
    exports,
    import_history,
    imports,
    rollback,
    rows,
)
from lro_notebook.local.fhir.interactions import (
    bundles,
    capabilities,
    change_routes,
    everything,
    history,
    lastn,
    read_routes,
    validate_operation,
)
from lro_notebook.local.fhir.search import index
from lro_notebook.local.fhir.search import routes as search_routes
from lro_notebook.local.http.store_kind import StoreKind
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(body: Mapping[str, Any]) -> None:
    """Raise on invalid fields of a FHIR store."""
    if "bulkExportGcsDestination" in body:
        uri = request_fields.json_object(body, "bulkExportGcsDestination").get("uriPrefix")
        buckets.parse(uri, field="bulkExportGcsDestination.uriPrefix")


KIND = StoreKind(
    collection="fhirStores",
    label="fhir",
    tables=rows.TABLES + index.TABLES,
    check=check,
    methods={
        "import": imports.METHOD,
        "export": exports.METHOD,
        "importHistory": import_history.METHOD,
        "exportHistory": export_history.METHOD,
        "rollback": rollback.METHOD,
        "bulkDelete": bulk_delete.METHOD,
        "deidentify": deidentify.METHOD,
        "applyConsents": apply_consents.METHOD,
        "applyAdminConsents": apply_consents.ADMIN_METHOD,
        "configureSearch": configure_search.METHOD,
        "executeCohort": execute_cohort.METHOD,
    },
    routes=[
        *bulk_export.ROUTES,
        *capabilities.ROUTES,
        *everything.ROUTES,
        *lastn.ROUTES,
        *validate_operation.ROUTES,
        *search_routes.ROUTES,
        *bundles.ROUTES,
        *history.ROUTES,
        *change_routes.ROUTES,
        *read_routes.ROUTES,
    ],
    deidentify=deidentify.copy_store,
    check_config=deidentify.check_config,
)
