"""DICOM stores as a `StoreKind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.dicom import deidentify, exports, imports, routes, rows, set_blob_storage_settings
from lro_notebook.local.http.store_kind import StoreKind

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(_body: Mapping[str, Any]) -> None:
    """Accept any fields of a DICOM store; they are stored and have no effect."""


KIND = StoreKind(
    collection="dicomStores",
    label="dicom",
    tables=rows.TABLES,
    check=check,
    methods={
        "import": imports.METHOD,
        "export": exports.METHOD,
        "deidentify": deidentify.METHOD,
        "setBlobStorageSettings": set_blob_storage_settings.METHOD,
    },
    routes=routes.ROUTES,
    deidentify=deidentify.copy_store,
    check_config=deidentify.check_config,
)
