"""DICOM stores: the start helpers of ``projects.locations.datasets.dicomStores``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from lro_notebook.errors import ConfigError
from lro_notebook.healthcare import metrics, requests
from lro_notebook.healthcare.dicomweb import DicomWeb, web_path
from lro_notebook.http import addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from lro_notebook.operations.operation import Operation

STORAGE_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")
WRITE_DISPOSITIONS = ("WRITE_EMPTY", "WRITE_TRUNCATE", "WRITE_APPEND")
_SCHEMAS = {"flattened": "schemaFlattened", "json": "schemaJson"}

_TABLE = re.compile(r"bq://[^./]+\.[^./]+\.[^./]+")


class DicomStore(DicomWeb):
    """A DICOM store of a dataset.

    Examples
    --------
    >>> dicom = ds.dicom_store("images").create(exist_ok=True)
    >>> dicom.import_from("gs://lro-sample/dicom/**").wait().state
    'SUCCEEDED'
    >>> len(dicom.studies(limit=2))
    2
    """

    collection = "dicomStores"
    maker = "dicom_store"

    def create(self, *, settings: Mapping[str, Any] | None = None, exist_ok: bool = False) -> Self:
        """Create the store, and return it.

        Calls ``POST {dataset}/dicomStores`` (v1, v1beta1); needs ``healthcare.dicomStores.create``.

        Parameters
        ----------
        settings : mapping, optional
            Fields of a DicomStore, such as ``{"labels": {"site": "north"}}``.
        exist_ok : bool
            Leave a store that already exists as it is, instead of raising an error.
        """
        return self._create(dict(settings or {}), exist_ok=exist_ok)

    def metrics(self) -> pd.DataFrame:
        """Return how much is in the store, without an export.

        Google counts with a delay: what was just written may be missing. Calls
        ``GET {store}:getDICOMStoreMetrics`` (v1, v1beta1); needs ``healthcare.dicomStores.get``.

        Returns
        -------
        pandas.DataFrame
            A row per level (``study``, ``series``, ``instance``): ``type`` (text), ``count`` and
            ``bytes`` (Int64, NA for studies and series).
        """
        return metrics.by_level(self._ask("getDICOMStoreMetrics"))

    def import_from(
        self, uri: str, *, blob_storage_class: str | None = None, show: bool | None = None
    ) -> Operation:
        """Start an import of DICOM files from Cloud Storage, and return the operation at once.

        Calls ``POST {store}:import`` (v1, v1beta1); needs ``healthcare.dicomStores.import``. The counter
        counts files; one that is no DICOM instance is a failure and does not stop the rest, and one that
        is in the store already stays as it is. The response is an empty ImportDicomDataResponse.

        Parameters
        ----------
        uri : str
            ``gs://bucket/path``, with ``*``, ``**`` and ``?`` as wildcards.
        blob_storage_class : str, optional
            STANDARD, NEARLINE, COLDLINE or ARCHIVE, for the files of this import.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        source = requests.gcs_uri(uri, "source")
        body: dict[str, Any] = {"gcsSource": {"uri": source}}
        if blob_storage_class is not None:
            body["blobStorageSettings"] = _storage(blob_storage_class, "blob_storage_class")
        return self._start("import", body, source=source, destination=self.name, show=show)

    def export_to(
        self,
        uri: str,
        *,
        mime_type: str | None = None,
        filter_uri: str | None = None,
        schema: str | None = None,
        write_disposition: str | None = None,
        include_source_store: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start an export of instances, and return the operation at once.

        Calls ``POST {store}:export`` (v1, v1beta1); needs ``healthcare.dicomStores.export``. The counter
        counts instances. The response is an empty ExportDicomDataResponse. Files are named
        ``{study}/{series}/{instance}.dcm``.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder``, or ``bq://project.dataset.table``.
        mime_type : str, optional
            Format of the files, such as ``application/dicom; transfer-syntax=1.2.840.10008.1.2.1``; as
            they were stored by default. Cloud Storage only.
        filter_uri : str, optional
            ``gs://…`` object with the paths to export, ``/studies/{uid}[/series/{uid}[/instances/{uid}]]``,
            one on a line.
        schema : str, optional
            ``flattened`` (a column per tag) or ``json`` (one column of JSON). BigQuery only.
        write_disposition : str, optional
            WRITE_EMPTY, WRITE_TRUNCATE or WRITE_APPEND. BigQuery only.
        include_source_store : bool
            Add a column with the name of the store. BigQuery only.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        table = str(uri).startswith("bq://")
        misplaced = (
            requests.given(mime_type=mime_type)
            if table
            else requests.given(
                schema=schema, write_disposition=write_disposition, include_source_store=include_source_store
            )
        )
        if misplaced:
            raise ConfigError(
                f"{', '.join(misplaced)}: not for an export to {'BigQuery' if table else 'Cloud Storage'}, "
                f"such as {uri!r}; leave it out"
            )
        body: dict[str, Any]
        if table:
            body = {"bigqueryDestination": _bigquery(uri, schema, write_disposition, include_source_store)}
        else:
            prefix = requests.gcs_uri(uri, "destination")
            body = {"gcsDestination": {"uriPrefix": prefix, **requests.given(mimeType=mime_type)}}
        body.update(_filter(filter_uri))
        return self._start("export", body, source=self.name, destination=uri, show=show)

    def deidentify(
        self,
        destination: DicomStore | str,
        *,
        config: Mapping[str, Any] | None = None,
        gcs_config_uri: str | None = None,
        filter_uri: str | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start a de-identified copy into another DICOM store, and return the operation at once.

        Calls ``POST {store}:deidentify`` (v1, v1beta1); needs ``healthcare.dicomStores.deidentify``, and
        ``healthcare.dicomStores.dicomWebWrite`` on the destination. The counter counts instances; those
        that cannot be de-identified are failures and are not in the output. The response is an empty
        DeidentifyDicomStoreSummary.

        Parameters
        ----------
        destination : DicomStore or str
            A store that exists, at the same location: itself, its full name, or its id in this dataset.
        config : mapping, optional
            A DeidentifyConfig; ``{}`` for the defaults. It may contain keys, so it is not stored anywhere.
        gcs_config_uri : str, optional
            ``gs://…`` object with a DeidentifyConfig, instead of `config`.
        filter_uri : str, optional
            As in `export_to`.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        name = self._named(destination)
        body = {
            "destinationStore": name,
            **requests.deidentification(config, gcs_config_uri),
            **_filter(filter_uri),
        }
        return self._start("deidentify", body, source=self.name, destination=name, show=show)

    def set_blob_storage_settings(
        self,
        blob_storage_class: str,
        *,
        study: str | None = None,
        filter_uri: str | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start a change of the storage class of instances, and return the operation at once.

        Calls ``POST {store}:setBlobStorageSettings`` or ``POST
        {store}/dicomWeb/studies/{study}:setBlobStorageSettings`` (v1, v1beta1); needs
        ``healthcare.dicomStores.dicomWebWrite``. The counter counts instances. The response is Empty.

        Parameters
        ----------
        blob_storage_class : str
            STANDARD, NEARLINE, COLDLINE or ARCHIVE. A colder class costs less to store and more to read.
        study : str, optional
            UID of the one study to change; the whole store by default.
        filter_uri : str, optional
            As in `export_to`.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        body = {
            "blobStorageSettings": _storage(blob_storage_class, "blob_storage_class"),
            **_filter(filter_uri),
        }
        parts = [self.name] if study is None else [self.name, web_path(study=study)]
        path = addresses.join(*parts, verb="setBlobStorageSettings")
        return self._begin("POST", path, body, title="setBlobStorageSettings", show=show)


def _storage(name: str, what: str) -> dict[str, str]:
    return {"blobStorageClass": requests.one_of(name, STORAGE_CLASSES, what)}


def _filter(uri: str | None) -> dict[str, Any]:
    if uri is None:
        return {}
    return {"filterConfig": {"resourcePathsGcsUri": requests.gcs_uri(uri, "filter_uri")}}


def _bigquery(
    uri: str,
    schema: str | None,
    write_disposition: str | None,
    include_source_store: bool,  # noqa: FBT001 - passed on
) -> dict[str, Any]:
    if not _TABLE.fullmatch(uri):
        raise ConfigError(f"{uri!r} is no BigQuery table such as bq://project.dataset.table")
    destination: dict[str, Any] = {"tableUri": uri}
    if schema is not None:
        destination[_SCHEMAS[requests.one_of(schema, tuple(_SCHEMAS), "schema")]] = {}
    if write_disposition is not None:
        destination["writeDisposition"] = requests.one_of(
            write_disposition, WRITE_DISPOSITIONS, "write_disposition"
        )
    return {**destination, **requests.given(includeSourceStore=include_source_store)}
