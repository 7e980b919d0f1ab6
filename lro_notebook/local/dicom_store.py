"""DICOM stores: what the service knows about this kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local import (
    dicom,
    dicom_changes,
    dicom_deidentify_run,
    dicom_export,
    dicom_import,
    dicom_instances,
)
from lro_notebook.local.kinds import StoreKind

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(_body: Mapping[str, Any]) -> None:
    """Take any fields of a DICOM store: they are kept, and have no effect."""


KIND = StoreKind(
    collection="dicomStores",
    label="dicom",
    tables=dicom_instances.TABLES,
    check=check,
    methods={
        "import": dicom_import.KIND,
        "export": dicom_export.KIND,
        "deidentify": dicom_deidentify_run.KIND,
        "setBlobStorageSettings": dicom_changes.SET_BLOB_STORAGE_SETTINGS,
    },
    routes=dicom.ROUTES,
    deidentify=dicom_deidentify_run.copy_store,
    check_config=dicom_deidentify_run.check_config,
)
