"""FHIR stores: the start helpers of ``projects.locations.datasets.fhirStores``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lro_notebook.healthcare import requests
from lro_notebook.healthcare.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from lro_notebook.operation import Operation

CONTENT_STRUCTURES = ("RESOURCE", "BUNDLE", "RESOURCE_PRETTY", "BUNDLE_PRETTY")


class FhirStore(Store):
    """A FHIR store of a dataset."""

    collection = "fhirStores"
    maker = "fhir_store"

    def create(self, *, version: str = "R4", exist_ok: bool = False) -> Self:
        """Create the store, and return it. Calls ``POST {dataset}/fhirStores``.

        Parameters
        ----------
        version : str
            FHIR version: DSTU2, STU3, R4 or R5.
        exist_ok : bool
            A store that exists already is no error; it is left as it is.
        """
        body = {"version": requests.one_of(version, ("DSTU2", "STU3", "R4", "R5"), "version")}
        return self._create(body, exist_ok=exist_ok)

    def import_from(
        self, uri: str, *, content_structure: str = "RESOURCE", show: bool | None = None
    ) -> Operation:
        """Start an import of files from Cloud Storage, and return the operation at once.

        Calls ``POST {store}:import``. The operation counts resources; a line that cannot be imported
        counts as a failure and does not stop the rest. Needs ``healthcare.fhirStores.import``.

        Parameters
        ----------
        uri : str
            ``gs://bucket/path``, with ``*``, ``**`` and ``?`` as wildcards.
        content_structure : str
            RESOURCE (a resource per line), BUNDLE (a bundle per line), RESOURCE_PRETTY or
            BUNDLE_PRETTY (one per file).
        show : bool, optional
            Show the live card: True yes, False no, None in a notebook.
        """
        source = requests.gcs_uri(uri, "source")
        body = {
            "contentStructure": requests.one_of(content_structure, CONTENT_STRUCTURES, "content_structure"),
            "gcsSource": {"uri": source},
        }
        return self._start("import", body, source=source, destination=self.name, show=show)

    def export_to(
        self,
        uri: str,
        *,
        types: str | Iterable[str] | None = None,
        since: str | datetime | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start an export of the current resources, and return the operation at once.

        Calls ``POST {store}:export``. The operation counts resources. ``op.load()`` reads what it wrote
        to Cloud Storage. Needs ``healthcare.fhirStores.export``.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder`` or ``bq://project.dataset``. Several exports may share one folder.
        types : str or iterable of str, optional
            Resource types; all by default.
        since : str or datetime, optional
            Only resources updated after this time (RFC 3339, or a datetime with its zone).
        show : bool, optional
            Show the live card: True yes, False no, None in a notebook.
        """
        names, after = requests.type_names(types), requests.timestamp(since, "since")
        body: dict[str, Any]
        if requests.is_bigquery(uri):
            body = {"bigqueryDestination": {"datasetUri": uri}}
        else:
            body = {"gcsDestination": {"uriPrefix": requests.gcs_uri(uri, "destination")}}
        if names:
            body["_type"] = ",".join(names)
        if after:
            body["_since"] = after
        return self._start(
            "export", body, source=self.name, destination=uri, types=names, since=after, show=show
        )

    def _start(self, verb: str, body: dict[str, Any], **recorded: Any) -> Operation:  # noqa: ANN401 - as Client.start
        path = f"{self._version}/{self.name}:{verb}"
        title = f"{self.collection}.{verb}"
        return self._client.start("POST", path, body, title=title, missing=self._missing, **recorded)
