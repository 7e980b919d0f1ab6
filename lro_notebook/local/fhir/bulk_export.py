"""FHIR bulk data export: ``$export`` of a store or a Group, its status, its cancellation.

The protocol differs from that of operations (https://hl7.org/fhir/uv/bulkdata/export.html): the start
responds with 202 and a status URL, which responds with 202 while the export runs and with a manifest at the
end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response, not_found
from lro_notebook.local.datasets import stores
from lro_notebook.local.fhir import rows
from lro_notebook.local.fhir.interactions.responses import check_version
from lro_notebook.local.fhir.references import everything_of, references
from lro_notebook.local.http.service import DATASET_PATH, api_version, dataset_name, service_of, store_of
from lro_notebook.local.http.start_operation import cancel_operation_now, start_operation_now
from lro_notebook.local.operations import records, request_fields
from lro_notebook.local.operations.method import Method, Step
from lro_notebook.local.operations.output_files import Shards, place, workspace, write_lines
from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Context, Job, Steps

_STORE = DATASET_PATH + "/fhirStores/{store}"
_FORMATS = ("", "ndjson", "application/ndjson", "application/fhir+ndjson")


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """A checked bulk export; `group` None is the whole store."""

    store: Store
    destination: Location
    types: frozenset[str] | None
    since: int | None
    group: str | None
    url: str


def parse(context: Context, store: Store, query: Mapping[str, Any]) -> BulkRequest:
    """Check the query of a ``$export``."""
    dataset, _, identifier = store.name.partition("/fhirStores/")
    body = stores.get_store(context.connection, dataset, identifier, collection="fhirStores")
    if "bulkExportGcsDestination" not in body:
        raise ServiceError(
            Code.FAILED_PRECONDITION,
            f"{store.name} has no folder for bulk exports; set bulkExportGcsDestination.uriPrefix "
            "with fhirStores.patch",
        )
    if query.get("outputFormat", query.get("_outputFormat", "")) not in _FORMATS:
        raise invalid_argument("_outputFormat: the only format is application/fhir+ndjson")
    group = query.get("group")
    if group is not None and query.get("organizeOutputBy") != "Patient":
        raise invalid_argument("organizeOutputBy: must be Patient for the export of a Group")
    if group is not None:
        stored = rows.read(context.connection, store.key, "Group", group)
        if stored is None or stored.body is None:
            raise not_found(f"Group/{group} does not exist in {store.name}")
    return BulkRequest(
        store,
        request_fields.destination(context.buckets, body, "bulkExportGcsDestination"),
        request_fields.types(query.get("_type", ""), "_type"),
        request_fields.moment(query, "_since"),
        group,
        query["url"],
    )


def run(job: Job, request: BulkRequest) -> Steps:
    """Write a snapshot of the store, type by type; return the manifest."""
    begun, output = timestamp(records.microseconds()), []
    job.buckets.folder(request.destination.bucket)
    with job.database.read() as connection, workspace(job) as drafts:
        stores.require_store(connection, request.store)
        chosen = yield from _chosen(connection, request)
        counts = rows.counts(connection, request.store.key, since=request.since)
        for type_ in counts:
            if request.types is None or type_ in request.types:
                bodies = rows.bodies(connection, request.store.key, type_, since=request.since)
                wanted = (
                    body for identifier, body in bodies if chosen is None or f"{type_}/{identifier}" in chosen
                )
                output += yield from _write_type(job, request, type_, wanted, drafts)
    return {
        "transactionTime": begun,
        "request": request.url,
        "requiresAccessToken": True,
        "output": output,
        "error": [],
    }


def _chosen(
    connection: sqlite3.Connection, request: BulkRequest
) -> Generator[Step, None, frozenset[str] | None]:
    """Return the resources that the export of a Group holds, as ``Patient/1234``; None without a Group."""
    if request.group is None:
        return None
    stored = rows.read(connection, request.store.key, "Group", request.group)
    patients = references(stored.body) if stored is not None and stored.body else frozenset()
    everything = yield from everything_of(connection, request.store.key, patients)
    return everything | {f"Group/{request.group}"}


def _write_type(
    job: Job, request: BulkRequest, type_: str, bodies: Iterator[bytes], drafts: Path
) -> Generator[Step, None, list[dict[str, Any]]]:
    """Write the files of a resource type, and return their entries of the manifest."""
    target = request.destination
    with Shards(drafts, f"{job.operation}_{type_}", job.shard_bytes, suffix=".ndjson") as shards:
        yield from write_lines(job, shards, bodies)
    names_ = yield from place([shards], job.buckets.path(target))
    folder = f"gs://{target.bucket}/{target.path}".rstrip("/")
    return [{"type": type_, "url": f"{folder}/{name}"} for name in names_]


async def export(request: Request) -> Response:
    """``fhir.bulk-export``, ``bulk-export-group`` and ``bulk-export-group-post``."""
    if request.method == "POST":
        check_version(request, "bulk-export-group-post")
    if "respond-async" not in request.headers.get("prefer", ""):
        raise invalid_argument("Prefer: a bulk export needs the header 'Prefer: respond-async'")
    service = service_of(request)
    with service.database.read() as connection:
        store = store_of(request, connection, "fhirStores")
    query: dict[str, Any] = {**request.query_params, "url": str(request.url)}
    query.pop("group", None)
    if "group" in request.path_params:
        query["group"] = resource_names.fhir_id(request.path_params["group"])
    number = await run_in_threadpool(
        start_operation_now, request, METHOD, store, query, parent=store.name, resource=store.name
    )
    location = f"{service.endpoint}/{api_version(request)}/{store.name}/operations/{number}"
    return Response(status_code=202, headers={"Content-Location": location})


def status(request: Request) -> Response:
    """``fhirStores.operations.get-fhir-operation-status``."""
    operation = _operation(request)
    if not operation.get("done"):
        return Response(status_code=202, headers={"X-Progress": "in progress", "Retry-After": "1"})
    error = operation.get("error")
    if error is None:
        response = {key: value for key, value in operation["response"].items() if key != "@type"}
        endpoint = service_of(request).endpoint
        output = [{**file, "url": _fetched_from(endpoint, file["url"])} for file in response["output"]]
        return json_response({**response, "output": output})
    if error["code"] == Code.CANCELLED:
        raise _gone(request)
    raise ServiceError(Code(error["code"]), error["message"], status=500)


def cancel(request: Request) -> Response:
    """``fhirStores.operations.delete-fhir-operation``; an error if the export has ended."""
    if not cancel_operation_now(service_of(request), _parent(request), request.path_params["operation"]):
        raise ServiceError(Code.FAILED_PRECONDITION, "the export has already ended; its files remain")
    return json_response({}, status=202)


def _operation(request: Request) -> dict[str, Any]:
    service = service_of(request)
    with service.database.read() as connection:
        identifier = request.path_params["operation"]
        return records.get(
            connection, _parent(request), identifier, endpoint=service.endpoint, ends=service.worker.ends
        )


def _fetched_from(endpoint: str, uri: str) -> str:
    """Return the address from which an object is downloaded, with the token of the service."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return f"{endpoint}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"


def _parent(request: Request) -> str:
    return f"{dataset_name(request)}/fhirStores/{request.path_params['store']}"


def _gone(request: Request) -> ServiceError:
    return not_found(f"export {_parent(request)}/operations/{request.path_params['operation']} was cancelled")


METHOD = Method(
    "fhir.FhirService.BulkExport", "fhir.BulkExportManifest", parse, run, log="ExportFhirLogEntry"
)

ROUTES = [
    Route(f"{_STORE}/fhir/$export", export, methods=["GET"]),
    Route(f"{_STORE}/fhir/Group/{{group}}/$export", export, methods=["GET", "POST"]),
    Route(f"{_STORE}/operations/{{operation}}", status, methods=["GET"]),
    Route(f"{_STORE}/operations/{{operation}}", cancel, methods=["DELETE"]),
]
