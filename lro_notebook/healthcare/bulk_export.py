"""FHIR bulk data export (``$export``) behind the interface of an operation.

It is another protocol: the start answers 202 with the address to ask, the state is the HTTP status
there, and ``X-Progress`` says in words how far it is (https://hl7.org/fhir/uv/bulkdata/export.html).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lro_notebook.errors import ApiError, Code, ConfigError, LroError, StartUnknown
from lro_notebook.healthcare import requests
from lro_notebook.http import addresses
from lro_notebook.http.responses import ResponseLost
from lro_notebook.jupyter import auto_display
from lro_notebook.operations.journal import StartRecord
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.resource import OperationResource, Status, format_timestamp

if TYPE_CHECKING:
    from lro_notebook.http.session import Response, Session
    from lro_notebook.operations.client import Client

_HEADERS = {"Accept": "application/fhir+json", "Prefer": "respond-async"}
_ACCEPTED = 202
#: The address of an object's content in the JSON API of Cloud Storage.
_DOWNLOAD = re.compile(
    r"(?P<host>https?://[^/]+)(?:/download)?/storage/v1/b/(?P<bucket>[^/?#]+)/o/(?P<name>[^/?#]+)\?alt=media"
)
#: Statuses that end an export; the other 5xx may pass.
_FATAL = frozenset({500, 501})


class ExportStatus:
    """The state of one export at its service; a `poller.Source`."""

    def __init__(
        self, session: Session, name: str, *, version: str, requested: datetime | None = None
    ) -> None:
        self._session, self._name, self._path = session, name, addresses.join(version, name)
        self._requested = requested
        self._cancelled = False

    @property
    def lane(self) -> str:
        """The host that is asked."""
        return self._session.endpoint

    def poll(self) -> OperationResource:
        """Read the state with a single request."""
        missing = "Records of exports that ended or were cancelled are kept for a limited time."
        try:
            response = self._session.exchange("GET", self._path, role="poll", not_found_hint=missing)
        except ApiError as error:
            ended = self._end_of(error)
            if ended is None:
                raise
            return OperationResource(self._name, done=True, metadata=self._metadata(), error=ended)
        if response.status == _ACCEPTED:
            metadata = self._metadata(response.headers.get("X-Progress", ""))
            return OperationResource(self._name, metadata=metadata)
        manifest = _with_objects(response.data, self._session.endpoint)
        return OperationResource(self._name, done=True, metadata=self._metadata(), response=manifest)

    get = poll

    def cancel(self) -> None:
        """Ask for its cancellation."""
        self._session.call("DELETE", self._path, role="read")
        self._cancelled = True

    def _end_of(self, error: ApiError) -> Status | None:
        """Return how the export ended, if `error` says that it has."""
        if self._cancelled and error.code is Code.NOT_FOUND:
            return Status(Code.CANCELLED.value, "The export was cancelled")
        return Status(error.code.value, error.message) if error.status in _FATAL else None

    def _metadata(self, said: str = "") -> dict[str, Any]:
        metadata: dict[str, Any] = {"apiMethodName": "bulkExport"}
        if self._requested is not None:
            metadata["createTime"] = format_timestamp(self._requested)
        if said:
            metadata["statusMessage"] = said
        if self._cancelled:
            metadata["cancelRequested"] = True
        return metadata


def _with_objects(manifest: Any, endpoint: str) -> Any:
    """Return a manifest that names objects of Cloud Storage by their gs:// URIs, not by their addresses."""
    output = manifest.get("output") if isinstance(manifest, dict) else None
    if not isinstance(output, list):
        return manifest
    return {**manifest, "output": [_with_object(file, endpoint) for file in output]}


def _with_object(file: Any, endpoint: str) -> Any:
    match = _DOWNLOAD.fullmatch(str(file.get("url"))) if isinstance(file, dict) else None
    if match is None or match["host"] not in (endpoint, "https://storage.googleapis.com"):
        return file
    return {**file, "url": f"gs://{match['bucket']}/{unquote(match['name'])}"}


def start_bulk_export(
    client: Client,
    store: str,
    *,
    version: str,
    group: str | None,
    types: tuple[str, ...],
    since: str | None,
    not_found_hint: str,
    show: bool | None,
) -> Operation:
    """Start an export of a FHIR store, see `FhirStore.bulk_export`."""
    record = StartRecord(
        service=client.service,
        method="fhirStores.bulkExport",
        target=store,
        requested=datetime.now(UTC),
        source=store,
        destination=_destination(client, store, version=version, not_found_hint=not_found_hint),
        types=types,
        since=since,
    )
    row = client.journal.intend(record)
    try:
        response = _send(client, record, version=version, group=group, not_found_hint=not_found_hint)
    except ResponseLost as lost:
        raise StartUnknown(
            f"{record.method} on {store} was sent, but {lost}; it may or may not run, and was not sent "
            "again. Look for new files at its destination before you start it once more."
        ) from lost
    except LroError:
        client.journal.refused(row)
        raise
    location = unquote(response.headers.get("Content-Location", ""))  # a URL: names in it are quoted
    name = _name_in(location, store)
    if name is None:
        raise StartUnknown(
            f"{record.method} on {store} was accepted, but the response does not say where to ask for it. "
            "Look for new files at its destination before you start it once more."
        )
    client.journal.answered(row, name)
    operation = _handle(client, name, version=version, record=record)
    operation.poller.follow()
    auto_display.show(operation, show)
    return operation


def attach_bulk_export(client: Client, name: str, *, version: str) -> Operation:
    """Return the current handle of an export that was started before."""
    record = client.journal.find(name, service=client.service, loopback=client.session.loopback)
    return _handle(client, name, version=version, record=record).refresh()


def _send(
    client: Client, record: StartRecord, *, version: str, group: str | None, not_found_hint: str
) -> Response:
    params: dict[str, str | int] = {}
    if record.types:
        params["_type"] = ",".join(record.types)
    if record.since:
        params["_since"] = record.since
    if group is not None:
        params["organizeOutputBy"] = "Patient"
    place = "fhir" if group is None else addresses.join("fhir", "Group", group)
    path = addresses.join(version, record.target, place, "$export")
    return client.session.exchange(
        "GET", path, role="start", params=params, headers=_HEADERS, not_found_hint=not_found_hint
    )


def _name_in(location: str, store: str) -> str | None:
    """Return the name of the export of `store` whose address a response gives; None where it gives none."""
    head, separator, identifier = location.rpartition(f"{store}/operations/")
    usable = separator and head.endswith("/") and addresses.GRAMMARS["export"].allows(identifier)
    return addresses.join(store, "operations", identifier) if usable else None


def _destination(client: Client, store: str, *, version: str, not_found_hint: str) -> str:
    """Return the folder that a store names for its exports. Calls ``GET {store}``."""
    body = client.session.call(
        "GET", addresses.join(version, store), role="read", not_found_hint=not_found_hint
    )
    uri = (body.get("bulkExportGcsDestination") or {}).get("uriPrefix")
    if not isinstance(uri, str):
        raise ConfigError(
            f"{store} names no folder for bulk exports; create it with bulk_export_uri='gs://bucket/folder', "
            "or set bulkExportGcsDestination.uriPrefix"
        )
    return requests.gcs_uri(uri, f"bulkExportGcsDestination.uriPrefix of {store}:")


def _handle(client: Client, name: str, *, version: str, record: StartRecord | None) -> Operation:
    requested = None if record is None else record.requested
    source = ExportStatus(client.session, name, version=version, requested=requested)
    poller = OperationPoller(source, OperationResource(name))
    return Operation(poller, client=client, record=record)
