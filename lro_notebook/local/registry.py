"""The kinds of stores, and the methods of datasets that start operations. Add new ones here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local.consent import store as consent_store
from lro_notebook.local.datasets import create, deidentify
from lro_notebook.local.dicom import store as dicom_store
from lro_notebook.local.fhir import store as fhir_store
from lro_notebook.local.hl7v2 import store as hl7v2_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.http.store_kind import StoreKind
    from lro_notebook.local.operations.method import Method

#: Kinds of stores, in the order in which a dataset shows them.
STORE_KINDS: tuple[StoreKind, ...] = (
    fhir_store.KIND,
    dicom_store.KIND,
    hl7v2_store.KIND,
    consent_store.KIND,
)

#: ``datasets.create``.
CREATE_DATASET = create.METHOD

#: Custom verb of a dataset -> the method, which starts an operation.
DATASET_METHODS: Mapping[str, Method] = {
    "deidentify": deidentify.method_for(STORE_KINDS),
}


def tables() -> str:
    """Return the SQL that creates the tables of all kinds of stores."""
    return "".join(kind.tables for kind in STORE_KINDS)
