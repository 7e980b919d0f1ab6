"""Which kinds of stores and operations there are: the one place that a new kind is added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local.consent import store as consent_store
from lro_notebook.local.datasets import create, deidentify
from lro_notebook.local.dicom import store as dicom_store
from lro_notebook.local.fhir import store as fhir_store
from lro_notebook.local.hl7v2 import store as hl7v2_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.http.kinds import StoreKind
    from lro_notebook.local.operations.work import Kind

#: Kinds of stores, in the order in which a dataset shows them.
STORE_KINDS: tuple[StoreKind, ...] = (
    fhir_store.KIND,
    dicom_store.KIND,
    hl7v2_store.KIND,
    consent_store.KIND,
)

#: ``datasets.create``.
CREATE_DATASET = create.KIND

#: Custom method of a dataset -> kind.
DATASET_METHODS: Mapping[str, Kind] = {
    "deidentify": deidentify.kind_of(STORE_KINDS),
}


def tables() -> str:
    """Return the SQL that makes the tables of all kinds of stores."""
    return "".join(kind.tables for kind in STORE_KINDS)
