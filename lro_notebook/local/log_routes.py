"""``POST /v2/entries:list`` as Cloud Logging has it, for the failures of this service's operations.

The filter is a subset: comparisons joined by AND, of the fields below.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core.resource_names import operation_number
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response
from lro_notebook.local.http.paging import number_of, token_of
from lro_notebook.local.http.service import read_json, service_of
from lro_notebook.local.operations import records, request_fields
from lro_notebook.local.operations.records import timestamp
from lro_notebook.local.registry import STORE_KINDS
from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

_TYPES = "type.googleapis.com/google.cloud.healthcare.logging"
_PAGE_DEFAULT = 50
_PAGE_MAX = 1000
_COMPARED = re.compile(
    r"\s*(operation\.id|operation\.producer|timestamp|severity|logName)\s*(>=|<=|=)(.*)", re.DOTALL
)
#: Log entry type -> its name in ``logName`` (our guess, except for queries of accessible data), and the
#: names of its fields for the source and the resource of a failure (google/cloud/healthcare/logging/*.proto).
_SHAPES: Mapping[str, tuple[str, str, str]] = {
    "ImportFhirLogEntry": ("fhir_import", "source", "resourceId"),
    "ExportFhirLogEntry": ("fhir_export", "destination", "resourceName"),
    "FhirConfigureSearchLogEntry": ("fhir_configure_search", "source", "resourceId"),
    "ImportDicomLogEntry": ("dicom_import", "source", "resourceName"),
    "ExportDicomLogEntry": ("dicom_export", "source", "resourceName"),
    "ImportHl7V2LogEntry": ("hl7v2_import", "source", "resourceName"),
    "DeidentifyLogEntry": ("deidentify", "source", "resourceName"),
    "QueryAccessibleDataLogEntry": ("query_accessible_data", "source", "resourceName"),
}
_OTHER = ("operation", "source", "resourceName")
_SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR")


class Filter(NamedTuple):
    """A parsed filter: an operation, its method, a span of time; None matches any."""

    operation: str | None = None
    producer: str | None = None
    start: int = 0
    end: int = 2**62
    nothing: bool = False


async def list_entries(request: Request) -> Response:
    """``entries.list`` of Cloud Logging: the failures of operations, oldest first."""
    body = await read_json(request)
    if not request_fields.texts(body, "resourceNames"):
        raise invalid_argument("resourceNames: name a project, such as projects/local")
    if body.get("orderBy", "timestamp asc") not in ("", "timestamp asc"):
        raise ServiceError(Code.UNIMPLEMENTED, "orderBy: the local service lists by 'timestamp asc' only")
    limit = min(max(request_fields.int64(body, "pageSize", 0), 0), _PAGE_MAX) or _PAGE_DEFAULT
    wanted = parse_filter(body.get("filter", ""))
    after = number_of(request, body.get("pageToken", ""), default=0)
    projects = {name for name in body["resourceNames"] if re.fullmatch(r"projects/[^/]+", name)}
    if wanted.nothing or not projects:
        return json_response({})
    number = None
    if wanted.operation is not None:
        number = operation_number(wanted.operation.rpartition("/")[2], dataset=wanted.operation[:200])
    with service_of(request).database.read() as connection:
        rows = records.log_rows(
            connection, operation=number, start=wanted.start, end=wanted.end, after=after, limit=limit + 1
        )
    entries = [_entry(row) for row in rows[:limit]]
    shown = [
        entry
        for entry in entries
        if "/".join(entry["operation"]["id"].split("/")[:2]) in projects
        and wanted.operation in (None, entry["operation"]["id"])
        and wanted.producer in (None, entry["operation"]["producer"])
    ]
    page: dict[str, Any] = {"entries": shown} if shown else {}
    if len(rows) > limit:
        page["nextPageToken"] = token_of(request, rows[limit - 1].number)
    return json_response(page)


def parse_filter(text: object) -> Filter:
    """Return a parsed filter, or raise."""
    text = request_fields.expression(text, "filter", 'severity = "ERROR"')
    fields: dict[str, Any] = {}
    for clause in re.split(r"\bAND\b|\n", text) if text.strip() else ():
        match = _COMPARED.fullmatch(clause)
        value = None if match is None else _value(match[3].strip())
        if match is None or value is None:
            raise invalid_argument(
                "filter: the local service reads operation.id, operation.producer, timestamp, severity "
                "and logName, compared with a value and joined by AND"
            )
        fields |= _clause(match[1], match[2], value)
    return Filter(**fields)


def _value(text: str) -> str | None:
    """Return a value without its quotes; None where there is a quote within."""
    value = text.removeprefix('"').removesuffix('"')
    return None if '"' in value else value


def _clause(field: str, comparison: str, value: str) -> dict[str, Any]:
    if field == "timestamp":
        time = parse_timestamp(value)
        if not isinstance(time, datetime) or comparison == "=":
            raise invalid_argument("filter: compare timestamp with >= or <= and an RFC 3339 time")
        return {"start" if comparison == ">=" else "end": round(time.timestamp() * 1_000_000)}
    if field == "severity":
        # All entries are errors.
        matching = _SEVERITIES if comparison == ">=" else ("ERROR",)
        return {} if value in matching else {"nothing": True}
    if comparison != "=":
        raise invalid_argument(f"filter: compare {field} with =")
    if field == "logName":
        return {}
    return {field.rpartition(".")[2].replace("id", "operation"): value}


def _entry(row: records.LogRow) -> dict[str, Any]:
    """Return a failure as a LogEntry."""
    log, source_field, resource_field = _SHAPES.get(row.log, _OTHER)
    name = f"{row.parent}/operations/{row.operation}"
    project = row.parent.split("/")[1]
    payload = {
        "@type": f"{_TYPES}.{row.log or 'OperationLogEntry'}",
        "error": {"code": row.code, "message": row.message},
        source_field: row.source,
        resource_field: row.resource,
    }
    return {
        "logName": f"projects/{project}/logs/healthcare.googleapis.com%2F{log}",
        "resource": _monitored(row.target),
        "timestamp": timestamp(row.time),
        "receiveTimestamp": timestamp(row.time),
        "severity": "ERROR",
        "insertId": str(row.number),
        "operation": {
            "id": name,
            "producer": f"healthcare.googleapis.com/{row.method.rpartition('.')[2]}",
        },
        "jsonPayload": {key: value for key, value in payload.items() if value},
    }


def _monitored(target: str) -> dict[str, Any]:
    """Return the MonitoredResource of a store or dataset."""
    parts = target.split("/")
    labels = {"project_id": parts[1], "location": parts[3], "dataset_id": parts[5]}
    kind = next((kind for kind in STORE_KINDS if kind.collection in parts[6:7]), None)
    if kind is None:
        return {"type": "healthcare_dataset", "labels": labels}
    return {
        "type": f"healthcare_{kind.label}_store",
        "labels": {**labels, f"{kind.label}_store_id": parts[7]},
    }


ROUTES = [Route("/v2/entries:list", list_entries, methods=["POST"])]
