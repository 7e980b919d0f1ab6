"""FHIR stores: what the service knows about this kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.core import buckets
from lro_notebook.local.core.service_errors import invalid
from lro_notebook.local.fhir import (
    apply_consents,
    bulk_delete,
    bulk_export,
    cohort,
    configure_search,
    deidentify,
    export_history,
    exports,
    import_history,
    imports,
    rollback,
    routes,
    rows,
)
from lro_notebook.local.http.kinds import StoreKind
from lro_notebook.local.operations import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSIONS = ("R4", "R4B", "R5", "STU3", "DSTU2")


def check(body: Mapping[str, Any]) -> None:
    """Refuse fields of a FHIR store that cannot be."""
    if body.get("version", "R4") not in _VERSIONS:
        raise invalid(f"version: expected one of {', '.join(_VERSIONS)}")
    if "bulkExportGcsDestination" in body:
        uri = arguments.message(body, "bulkExportGcsDestination").get("uriPrefix")
        buckets.parse(uri, field="bulkExportGcsDestination.uriPrefix")


KIND = StoreKind(
    collection="fhirStores",
    label="fhir",
    tables=rows.TABLES,
    check=check,
    methods={
        "import": imports.KIND,
        "export": exports.KIND,
        "importHistory": import_history.KIND,
        "exportHistory": export_history.KIND,
        "rollback": rollback.KIND,
        "bulkDelete": bulk_delete.KIND,
        "deidentify": deidentify.KIND,
        "applyConsents": apply_consents.KIND,
        "applyAdminConsents": apply_consents.ADMIN_KIND,
        "configureSearch": configure_search.KIND,
        "executeCohort": cohort.KIND,
    },
    routes=[*bulk_export.ROUTES, *routes.ROUTES],
    deidentify=deidentify.copy_store,
    check_config=deidentify.check_config,
)
