"""FHIR stores: what the service knows about this kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local import (
    arguments,
    buckets,
    fhir,
    fhir_bulk,
    fhir_cohort,
    fhir_consents,
    fhir_deidentify_run,
    fhir_delete,
    fhir_export,
    fhir_export_history,
    fhir_import,
    fhir_import_history,
    fhir_rollback,
    fhir_search_config,
    resources,
)
from lro_notebook.local.kinds import StoreKind
from lro_notebook.local.refusal import invalid

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
    tables=resources.TABLES,
    check=check,
    methods={
        "import": fhir_import.KIND,
        "export": fhir_export.KIND,
        "importHistory": fhir_import_history.KIND,
        "exportHistory": fhir_export_history.KIND,
        "rollback": fhir_rollback.KIND,
        "bulkDelete": fhir_delete.KIND,
        "deidentify": fhir_deidentify_run.KIND,
        "applyConsents": fhir_consents.KIND,
        "applyAdminConsents": fhir_consents.ADMIN_KIND,
        "configureSearch": fhir_search_config.KIND,
        "executeCohort": fhir_cohort.KIND,
    },
    routes=[*fhir_bulk.ROUTES, *fhir.ROUTES],
    deidentify=fhir_deidentify_run.copy_store,
    check_config=fhir_deidentify_run.check_config,
)
