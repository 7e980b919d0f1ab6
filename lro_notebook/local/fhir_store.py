"""FHIR stores: what the service knows about this kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local import fhir, fhir_export, fhir_import, resources
from lro_notebook.local.kinds import StoreKind
from lro_notebook.local.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSIONS = ("R4", "R4B", "R5", "STU3", "DSTU2")
_NOT_YET = "it is not part of the local service yet"


def check(body: Mapping[str, Any]) -> None:
    """Refuse fields of a FHIR store that cannot be."""
    if body.get("version", "R4") not in _VERSIONS:
        raise invalid(f"version: expected one of {', '.join(_VERSIONS)}")


KIND = StoreKind(
    collection="fhirStores",
    label="fhir",
    tables=resources.TABLES,
    check=check,
    methods={"import": fhir_import.KIND, "export": fhir_export.KIND},
    not_built=dict.fromkeys(
        (
            "applyAdminConsents",
            "applyConsents",
            "bulkDelete",
            "configureSearch",
            "deidentify",
            "executeCohort",
            "exportHistory",
            "importHistory",
            "rollback",
        ),
        _NOT_YET,
    ),
    routes=fhir.ROUTES,
)
