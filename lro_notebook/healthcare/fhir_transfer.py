"""FHIR stores: the operations that move data in and out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from lro_notebook.errors import ConfigError
from lro_notebook.healthcare import requests, since_last_export
from lro_notebook.healthcare.bulk_export import attach_bulk_export, start_bulk_export
from lro_notebook.healthcare.store import Store
from lro_notebook.http import addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lro_notebook.healthcare.since_last_export import Since
    from lro_notebook.operations.operation import Operation

#: Words that are known; any text is taken, and checked when it is given.
ContentStructure: TypeAlias = Literal["RESOURCE", "BUNDLE", "RESOURCE_PRETTY", "BUNDLE_PRETTY"]
SchemaType: TypeAlias = Literal["ANALYTICS", "ANALYTICS_V2"]
WriteDisposition: TypeAlias = Literal["WRITE_EMPTY", "WRITE_TRUNCATE", "WRITE_APPEND"]
Partition: TypeAlias = Literal["HOUR", "DAY", "MONTH", "YEAR"]


class FhirTransfer(Store):
    """Import and export, of the current resources and of their history."""

    _fhir_version: str | None = None  # where it is known

    def import_from(
        self, uri: str, *, content_structure: ContentStructure | str = "RESOURCE", show: bool | None = None
    ) -> Operation:
        """Start an import of files from Cloud Storage, and return the operation at once.

        Calls ``POST {store}:import`` (v1, v1beta1); needs ``healthcare.fhirStores.import``. The counter
        counts resources, a resource that comes twice counts twice; one that cannot be imported counts as
        a failure and does not stop the rest. The response is an empty ImportResourcesResponse.

        Parameters
        ----------
        uri : str
            ``gs://bucket/path``, with ``*``, ``**`` and ``?`` as wildcards.
        content_structure : str
            RESOURCE (a resource per line), BUNDLE (a bundle per line), RESOURCE_PRETTY or
            BUNDLE_PRETTY (one per file).
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        return self._import("import", uri, content_structure, {}, version=None, show=show)

    def import_history(
        self,
        uri: str,
        *,
        content_structure: ContentStructure | str = "BUNDLE",
        max_errors: int | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start an import of resource histories, and return the operation at once.

        Calls ``POST {store}:importHistory`` (v1beta1 only, whatever the dataset uses); needs
        ``healthcare.fhirStores.import`` (the permission is our guess, by analogy). The store needs
        ``enableHistoryModifications``, a field of v1beta1. The counter counts resource versions. The
        response is an empty ImportResourcesResponse.

        Parameters
        ----------
        uri : str
            ``gs://bucket/path`` with wildcards; what `export_history` writes.
        content_structure : str
            BUNDLE (a history bundle per line) and so on, as for `import_from`.
        max_errors : int, optional
            Errors after which the service cancels the operation; 100 by default, -1 for no limit.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        more = {} if max_errors is None else {"maxErrorCount": str(max_errors)}
        return self._import("importHistory", uri, content_structure, more, version="v1beta1", show=show)

    def export_to(
        self,
        uri: str,
        *,
        types: str | Iterable[str] | None = None,
        since: Since = None,
        schema_type: SchemaType | str | None = None,
        recursive_depth: int | None = None,
        write_disposition: WriteDisposition | str | None = None,
        partition_by: Partition | str | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start an export of the current resources, and return the operation at once.

        Calls ``POST {store}:export`` (v1, v1beta1); needs ``healthcare.fhirStores.export``. The counter
        counts resources. The response is an empty ExportResourcesResponse: ``op.load()`` reads what was
        written to Cloud Storage, ``{operation}_{Type}`` objects of a resource per line.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder`` or ``bq://project.dataset``. Several exports may share one folder.
        types : str or iterable of str, optional
            Resource types; all by default.
        since : str, date, datetime or timedelta, optional
            Only resources updated after this time: RFC 3339 text; a date, or its text, from its beginning in
            UTC; a datetime with a time zone; a timedelta before now. ``"last"``: since this machine's last
            export of this store that went well and held these types, by the service's clock; the first time
            all is exported, with a warning.
        schema_type, recursive_depth, write_disposition, partition_by : optional
            Of a BigQuery export: ANALYTICS or ANALYTICS_V2; 1 to 5; WRITE_EMPTY, WRITE_TRUNCATE or
            WRITE_APPEND; HOUR, DAY, MONTH or YEAR of the last update.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        schema = _schema(schema_type, recursive_depth, partition_by)
        body: dict[str, Any]
        if requests.is_bigquery(uri):
            destination = requests.given(datasetUri=uri, schemaConfig=schema)
            if write_disposition is not None:
                disposition = requests.one_of(
                    write_disposition, get_args(WriteDisposition), "write_disposition"
                )
                destination["writeDisposition"] = disposition
            body = {"bigqueryDestination": destination}
        elif schema or write_disposition is not None:
            raise ConfigError(
                f"schema, partition and write_disposition are for BigQuery; {uri!r} is no bq://project.dataset"
            )
        else:
            body = {"gcsDestination": {"uriPrefix": requests.gcs_uri(uri, "destination")}}
        return self._export("export", uri, body, types=types, since=since, version=None, show=show)

    def export_history(
        self,
        uri: str,
        *,
        types: str | Iterable[str] | None = None,
        since: Since = None,
        max_versions: int | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start an export of all versions of the resources, and return the operation at once.

        Calls ``POST {store}:exportHistory`` (v1beta1 only, whatever the dataset uses); needs
        ``healthcare.fhirStores.export`` (the permission is our guess, by analogy). The counter counts
        resources. The response is an empty ExportResourcesResponse: ``op.load()`` reads the
        ``{operation}_history_{Type}`` objects, a history Bundle per line.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder``.
        types : str or iterable of str, optional
            Resource types; all by default.
        since : str, date, datetime or timedelta, optional
            Only versions written after this time, as in `export_to`.
        max_versions : int, optional
            At most so many versions of a resource, the newest ones; all by default.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        body: dict[str, Any] = {"gcsDestination": {"uriPrefix": requests.gcs_uri(uri, "destination")}}
        if max_versions is not None:
            body["maxResourceVersions"] = str(max_versions)
        return self._export(
            "exportHistory", uri, body, types=types, since=since, version="v1beta1", show=show
        )

    def bulk_export(
        self,
        *,
        group: str | None = None,
        types: str | Iterable[str] | None = None,
        since: Since = None,
        show: bool | None = None,
    ) -> Operation:
        """Start a FHIR bulk data export (``$export``), and return an operation for it at once.

        Calls ``GET {store}/fhir/$export``, or ``GET {store}/fhir/Group/{group}/$export`` (v1, v1beta1);
        needs ``healthcare.fhirStores.export`` (our guess). The response is no operation of the API but
        HTTP 202 and an address to ask: there is no counter, the state is the HTTP status, and the
        response is the manifest (``transactionTime``, ``output`` with type and url of each file). The
        files go to the folder that the store names (``create(bulk_export_uri=…)``), as
        ``{id}_{Type}.ndjson``. ``op.cancel()`` calls ``DELETE``. `bulk_export_operation` gets back to it.

        Parameters
        ----------
        group : str, optional
            Id of a Group: the resources of its patients, organised by patient. The whole store by default.
        types : str or iterable of str, optional
            Resource types; all by default.
        since : str, date, datetime or timedelta, optional
            Only resources updated after this time, as in `export_to`.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        names = requests.type_names(types, self._fhir_version)
        since_last_export.warn_of_imports(self._client, self.name)
        return start_bulk_export(
            self._client,
            self.name,
            version=self._version,
            group=None if group is None else addresses.segment(group, "group"),
            types=names,
            since=self._since(since, "bulkExport", names, self._bulk_export),
            not_found_hint=self._missing,
            show=show,
        )

    def bulk_export_operation(self, export_id: str) -> Operation:
        """Return the current handle of a bulk export of this store.

        Calls ``GET {store}/operations/{id}``; needs ``healthcare.fhirStores.getFhirOperation`` (our guess,
        by its name).
        """
        name = addresses.child(self.name, "operations", export_id, "export")
        return self._bulk_export(name)

    def _import(
        self,
        verb: str,
        uri: str,
        structure: str,
        more: dict[str, Any],
        *,
        version: str | None,
        show: bool | None,
    ) -> Operation:
        source = requests.gcs_uri(uri, "source")
        body = {
            "contentStructure": requests.one_of(structure, get_args(ContentStructure), "content_structure"),
            "gcsSource": {"uri": source},
            **more,
        }
        return self._start(verb, body, version=version, source=source, destination=self.name, show=show)

    def _export(
        self,
        verb: str,
        uri: str,
        body: dict[str, Any],
        *,
        types: str | Iterable[str] | None,
        since: Since,
        version: str | None,
        show: bool | None,
    ) -> Operation:
        names = requests.type_names(types, self._fhir_version)
        after = self._since(since, verb, names, self._operation)
        body |= requests.given(_type=",".join(names), _since=after)
        return self._start(
            verb,
            body,
            version=version,
            source=self.name,
            destination=uri,
            types=names,
            since=after,
            show=show,
        )

    def _since(
        self, value: Since, verb: str, types: tuple[str, ...], attach: Callable[[str], Operation]
    ) -> str | None:
        """Return since when a method exports; ``"last"`` is since it was last used and went well."""
        method = f"{self.collection}.{verb}"
        last = partial(since_last_export.last_success, self._client, self.name, method, types, attach)
        return since_last_export.since_text(value, last)

    def _operation(self, name: str) -> Operation:
        return self._client.get(name)

    def _bulk_export(self, name: str) -> Operation:
        return attach_bulk_export(self._client, name, version=self._version)


def _schema(
    schema_type: SchemaType | str | None, depth: int | None, partition_by: str | None
) -> dict[str, Any]:
    """Return the SchemaConfig of a BigQuery export."""
    schema: dict[str, Any] = {}
    if schema_type is not None:
        schema["schemaType"] = requests.one_of(schema_type, get_args(SchemaType), "schema_type")
    if depth is not None:
        schema["recursiveStructureDepth"] = str(depth)
    if partition_by is not None:
        unit = requests.one_of(partition_by, get_args(Partition), "partition_by")
        schema["lastUpdatedPartitionConfig"] = {"type": unit}
    return schema
