"""Which operation kinds there are: the one table that a new kind is added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local import dataset_create, fhir_export, fhir_import

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.work import Kind

#: ``datasets.create``.
CREATE_DATASET = dataset_create.KIND

#: Custom method of a FHIR store -> kind.
FHIR_STORE_KINDS: Mapping[str, Kind] = {
    "import": fhir_import.KIND,
    "export": fhir_export.KIND,
}

#: Custom methods that the Healthcare API has and this service has not.
NOT_BUILT = frozenset(
    {
        "applyAdminConsents",
        "applyConsents",
        "bulkDelete",
        "configureSearch",
        "deidentify",
        "executeCohort",
        "exportHistory",
        "importHistory",
        "rollback",
    }
)
