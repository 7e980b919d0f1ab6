"""Which kinds of stores and operations there are: the one place that a new kind is added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local import (
    consent_store,
    dataset_create,
    dataset_deidentify,
    dicom_store,
    fhir_store,
    hl7v2_store,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.kinds import StoreKind
    from lro_notebook.local.work import Kind

#: Kinds of stores, in the order in which a dataset shows them.
STORE_KINDS: tuple[StoreKind, ...] = (
    fhir_store.KIND,
    dicom_store.KIND,
    hl7v2_store.KIND,
    consent_store.KIND,
)

#: ``datasets.create``.
CREATE_DATASET = dataset_create.KIND

#: Custom method of a dataset -> kind.
DATASET_METHODS: Mapping[str, Kind] = {
    "deidentify": dataset_deidentify.kind_of(STORE_KINDS),
}


def tables() -> str:
    """Return the SQL that makes the tables of all kinds of stores."""
    return "".join(kind.tables for kind in STORE_KINDS)
