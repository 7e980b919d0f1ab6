"""HL7v2 stores: the start helpers of ``projects.locations.datasets.hl7V2Stores``, and their messages."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Self

from lro_notebook.healthcare import metrics, requests
from lro_notebook.healthcare.deprecated_arguments import renamed
from lro_notebook.healthcare.store import Store
from lro_notebook.http import addresses
from lro_notebook.http.paging import paginate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import pandas as pd

    from lro_notebook.operations.operation import Operation

VIEWS = ("RAW_ONLY", "PARSED_ONLY", "FULL", "SCHEMATIZED_ONLY", "BASIC")
CHANGE_TYPES = ("ALL", "CREATE", "UPDATE", "DELETE")
PARSER_VERSIONS = ("V1", "V2", "V3")


class Hl7v2Store(Store):
    """An HL7v2 store of a dataset.

    Examples
    --------
    >>> hl7v2 = ds.hl7v2_store("messages").create(parser_version="V3", exist_ok=True)
    >>> hl7v2.import_from("gs://lro-sample/hl7v2/messages.ndjson").wait().state
    'SUCCEEDED'
    >>> next(hl7v2.messages())["messageType"]
    'ADT'
    """

    collection = "hl7V2Stores"
    maker = "hl7v2_store"

    def create(
        self,
        *,
        parser_version: str | None = None,
        settings: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
    ) -> Self:
        """Create the store, and return it.

        Calls ``POST {dataset}/hl7V2Stores`` (v1, v1beta1); needs ``healthcare.hl7V2Stores.create``.

        Parameters
        ----------
        parser_version : str, optional
            V1 (the service's default; MSH fields are numbered one lower than in HL7), V2, or V3 (also
            unescapes separators). It cannot be changed later.
        settings : mapping, optional
            Further fields of a Hl7V2Store, such as ``{"rejectDuplicateMessage": True}`` or
            ``{"parserConfig": {"schema": …}}``.
        exist_ok : bool
            Leave a store that already exists as it is, instead of raising an error.
        """
        body = dict(settings or {})
        if parser_version is not None:
            version = requests.one_of(parser_version, PARSER_VERSIONS, "parser_version")
            body["parserConfig"] = {**body.get("parserConfig", {}), "version": version}
        return self._create(body, exist_ok=exist_ok)

    def metrics(self) -> pd.DataFrame:
        """Return how much is in the store, without an export.

        Google counts with a delay: what was just written may be missing. Calls
        ``GET {store}:getHL7v2StoreMetrics`` (v1, v1beta1); needs ``healthcare.hl7V2Stores.get``.

        Returns
        -------
        pandas.DataFrame
            A row per message type, the most frequent first: ``type`` (text), ``count`` and ``bytes``
            (Int64, NA where the service tells none).
        """
        return metrics.by_type(self._ask("getHL7v2StoreMetrics"), "messageType")

    def import_from(self, uri: str, *, show: bool | None = None) -> Operation:
        """Start an import of messages from Cloud Storage, and return the operation at once.

        Calls ``POST {store}:import`` (v1, v1beta1); needs ``healthcare.hl7V2Stores.import``. The counter
        counts messages; one that cannot be read is a failure and does not stop the rest, and one whose
        bytes are in the store already gets its new labels and counts as a success. The response is an
        empty ImportMessagesResponse.

        Parameters
        ----------
        uri : str
            ``gs://bucket/path`` of newline-delimited JSON, ``{"data": base64, "labels": {…}}`` on each
            line, with ``*``, ``**`` and ``?`` as wildcards.
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
        body = {"gcsSource": {"uri": source}}
        return self._start("import", body, source=source, destination=self.name, show=show)

    def export_to(
        self,
        uri: str,
        *,
        message_view: str = "FULL",
        start_time: str | datetime | None = None,
        end_time: str | datetime | None = None,
        filter: str | None = None,  # noqa: A002 - the name of the API's field
        show: bool | None = None,
    ) -> Operation:
        """Start an export of messages in the order of their send time, and return the operation at once.

        Calls ``POST {store}:export`` (v1, v1beta1); needs ``healthcare.hl7V2Stores.export``. The counter
        counts messages. The response is an empty ExportMessagesResponse.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder`` for newline-delimited JSON.
        message_view : str
            FULL, RAW_ONLY (data), PARSED_ONLY (parsedData), SCHEMATIZED_ONLY (schematizedData, in stores
            with a schema), or BASIC (names only).
        start_time, end_time : str or datetime, optional
            Bounds of the send time (MSH-7), the first inclusive, the second exclusive.
        filter : str, optional
            As in `messages`.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        after = requests.timestamp(start_time, "start_time")
        destination = {
            "uriPrefix": requests.gcs_uri(uri, "destination"),
            "contentStructure": "MESSAGE_JSON",
            "messageView": requests.one_of(message_view, VIEWS, "message_view"),
        }
        before = requests.timestamp(end_time, "end_time")
        body = {
            "gcsDestination": destination,
            **requests.given(startTime=after, endTime=before, filter=filter),
        }
        return self._start("export", body, source=self.name, destination=uri, since=after, show=show)

    @renamed(
        rollback_time="time",
        result_gcs_bucket="result_bucket",
        input_gcs_object="input_object",
        force="not dry_run",
    )
    def rollback(
        self,
        time: str | datetime,
        result_bucket: str,
        *,
        change_type: str | None = None,
        operation_ids: Iterable[str] = (),
        input_object: str | None = None,
        exclude_rollbacks: bool = False,
        dry_run: bool = True,
        everything: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start a rollback of the messages to an earlier time, and return the operation at once.

        Calls ``POST {store}:rollback`` (v1, v1beta1); needs ``healthcare.hl7V2Stores.rollback``. The
        counter counts messages. The response is a RollbackHl7V2MessagesResponse with ``hl7v2Store``.
        The names of the messages concerned are written to ``rollback_resources/{operation}/`` of the bucket.

        Parameters
        ----------
        time : str or datetime
            Time to go back to (RFC 3339, or a datetime with a time zone).
        result_bucket : str
            Bucket for the list of what was, or would be, rolled back.
        change_type : str, optional
            Only changes of this type: CREATE, UPDATE or DELETE; ALL by default.
        operation_ids : iterable of str
            Only changes by the operations with these ids.
        input_object : str, optional
            ``gs://…`` object with the ids of the messages to bring back, one on a line.
        exclude_rollbacks : bool
            Leave out what earlier rollbacks changed.
        dry_run : bool
            Only list what would be rolled back; False makes the changes (``force``).
        everything : bool
            Required to make the changes without any filter but the time.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid, or the call would affect the whole store; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        operations = [str(identifier) for identifier in operation_ids]
        limits = operations or input_object or dry_run
        requests.confirm_all("rollback", everything=everything, filters=limits)
        moment = requests.timestamp(time, "time")
        source = None if input_object is None else requests.gcs_uri(input_object, "input_object")
        body = {
            "rollbackTime": moment,
            "resultGcsBucket": requests.gcs_bucket(result_bucket, "result_bucket"),
            "changeType": requests.one_of(change_type or "ALL", CHANGE_TYPES, "change_type"),
            **requests.given(
                filteringFields={"operationIds": operations} if operations else None,
                inputGcsObject=source,
                excludeRollbacks=exclude_rollbacks,
                force=not dry_run,
            ),
        }
        return self._start("rollback", body, source=source, destination=self.name, since=moment, show=show)

    def messages(
        self,
        *,
        filter: str | None = None,  # noqa: A002 - the name of the API's field
        view: str = "FULL",
        order_by: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Iterate over the messages of the store, page after page.

        Calls ``GET {store}/messages`` (v1, v1beta1); needs ``healthcare.hl7V2Messages.list``.

        Parameters
        ----------
        filter : str, optional
            Such as ``message_type = "ADT" AND send_date >= "2026-01-31"``, ``PatientId("123", "MRN")`` or
            ``labels."priority" = "high"``.
        view : str
            As `message_view` of `export_to`.
        order_by : str, optional
            ``send_time``, or ``send_time desc``.
        page_size : int, optional
            Messages per request.
        """
        params: dict[str, str | int] = requests.given(
            filter=filter, view=requests.one_of(view, VIEWS, "view"), orderBy=order_by, pageSize=page_size
        )
        path = addresses.join(self.name, "messages")

        def fetch(token: str | None) -> dict[str, Any]:
            return self._call("GET", path, params={**params, **requests.given(pageToken=token)})

        for page in paginate(fetch, "hl7V2Messages", where=path):
            yield from page

    def message(self, message_id: str, *, view: str = "FULL") -> dict[str, Any]:
        """Return a message by its id or its full name.

        Calls ``GET {store}/messages/{id}`` (v1, v1beta1); needs ``healthcare.hl7V2Messages.get``.
        """
        path = addresses.child(self.name, "messages", message_id, "message")
        return self._call("GET", path, params={"view": requests.one_of(view, VIEWS, "view")})

    def create_message(self, data: bytes | str, *, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Store a message, and return it as the service shows it.

        Calls ``POST {store}/messages`` (v1, v1beta1); needs ``healthcare.hl7V2Messages.create``.

        Parameters
        ----------
        data : bytes or str
            The message, with carriage returns between its segments; text is sent as UTF-8.
        labels : mapping, optional
            Labels to find it by.
        """
        return self._write(addresses.join(self.name, "messages"), {"message": _message(data, labels)})

    def ingest(self, data: bytes | str, *, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Store a message as `create_message` does, and return ``{"hl7Ack": base64, "message": {…}}``.

        Calls ``POST {store}/messages:ingest`` (v1, v1beta1); needs ``healthcare.hl7V2Messages.ingest``.
        """
        return self._write(
            addresses.join(self.name, "messages", verb="ingest"), {"message": _message(data, labels)}
        )


def _message(data: bytes | str, labels: Mapping[str, str] | None) -> dict[str, Any]:
    raw = data.encode() if isinstance(data, str) else data
    return {"data": base64.b64encode(raw).decode(), **requests.given(labels=dict(labels or {}))}
