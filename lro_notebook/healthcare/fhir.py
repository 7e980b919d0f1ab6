"""`FhirStore`: a FHIR store, ``projects.locations.datasets.fhirStores``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from lro_notebook.healthcare import metrics, requests
from lro_notebook.healthcare.fhir_changes import FhirChanges
from lro_notebook.healthcare.fhir_transfer import FhirTransfer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


class FhirStore(FhirTransfer, FhirChanges):
    """A FHIR store of a dataset.

    Examples
    --------
    >>> fhir = ds.fhir_store("demo")
    >>> fhir.export_to("gs://demo-out/patients", types="Patient").result()["@type"]
    'type.googleapis.com/google.cloud.healthcare.v1.fhir.rest.ExportResourcesResponse'
    """

    collection = "fhirStores"
    maker = "fhir_store"

    def create(
        self,
        *,
        version: Literal["DSTU2", "STU3", "R4", "R5"] = "R4",
        bulk_export_uri: str | None = None,
        settings: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
    ) -> Self:
        """Create the store, and return it.

        Calls ``POST {dataset}/fhirStores`` (v1, v1beta1); needs ``healthcare.fhirStores.create``.

        Parameters
        ----------
        version : str
            FHIR version: DSTU2, STU3, R4 or R5.
        bulk_export_uri : str, optional
            ``gs://bucket/folder`` where `bulk_export` writes (``bulkExportGcsDestination``).
        settings : mapping, optional
            Further fields of a FhirStore, such as ``{"enableUpdateCreate": True}``.
        exist_ok : bool
            Leave a store that already exists as it is, instead of raising an error.
        """
        body = {
            **(settings or {}),
            "version": requests.one_of(version, ("DSTU2", "STU3", "R4", "R5"), "version"),
        }
        if bulk_export_uri is not None:
            prefix = requests.gcs_uri(bulk_export_uri, "bulk_export_uri")
            body["bulkExportGcsDestination"] = {"uriPrefix": prefix}
        store = self._create(body, exist_ok=exist_ok)
        self._fhir_version = None if exist_ok else version  # one that was there may have another
        return store

    def metrics(self) -> pd.DataFrame:
        """Return how much is in the store, without an export.

        Google counts with a delay: what was just written may be missing. Calls
        ``GET {store}:getFHIRStoreMetrics`` (v1, v1beta1); needs ``healthcare.fhirStores.get``.

        Returns
        -------
        pandas.DataFrame
            A row per resource type, the most frequent first: ``type`` (text), ``count`` and ``bytes``
            (Int64, NA where the service tells none).
        """
        return metrics.by_type(self._ask("getFHIRStoreMetrics"), "resourceType")
