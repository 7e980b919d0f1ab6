"""Routes of DICOM stores: DICOMweb, deletion and changes, storage classes and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.local.core import nesting
from lro_notebook.local.core.service_errors import invalid_argument, json_response, not_found
from lro_notebook.local.dicom import (
    delete,
    dicom_file,
    rows,
    set_blob_storage_settings,
    update_metadata,
)
from lro_notebook.local.dicom.request_target import existing_part, part_not_found, part_of, row_of
from lro_notebook.local.dicom.web import responses, retrieve, search, store_instances
from lro_notebook.local.http.service import (
    DATASET_PATH,
    api_version,
    dataset_name,
    read_body,
    read_json,
    service_of,
)
from lro_notebook.local.http.start_operation import start_operation
from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    from starlette.requests import Request

    from lro_notebook.local.dicom.rows import Part
    from lro_notebook.local.dicom.web.levels import Level
    from lro_notebook.local.operations.method import Method

_STORE = f"{DATASET_PATH}/dicomStores/{{store}}"
_WEB = f"{_STORE}/dicomWeb"
_STUDY = f"{_WEB}/studies/{{study}}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"
_NOTHING_FOUND = 204


def search_studies(request: Request) -> Response:
    """``searchForStudies``."""
    return _search(request, "studies")


def search_series(request: Request) -> Response:
    """``searchForSeries`` of a store or a study."""
    return _search(request, "series")


def search_instances(request: Request) -> Response:
    """``searchForInstances`` of a store, a study or a series."""
    return _search(request, "instances")


def delete_instance(request: Request) -> Response:
    """``instances.delete``."""
    with service_of(request).database.write() as connection:
        row, _ = row_of(request, connection)
        rows.delete_many(connection, [row.number])
    return json_response({})


async def delete_study(request: Request) -> Response:
    """``studies.delete``: an operation."""
    part = await run_in_threadpool(existing_part, request)
    return await _start(request, delete.STUDY_METHOD, part, {})


async def delete_series(request: Request) -> Response:
    """``series.delete``: an operation."""
    part = await run_in_threadpool(existing_part, request)
    return await _start(request, delete.SERIES_METHOD, part, {})


async def update_study(request: Request) -> Response:
    """``studies.updateMetadata`` of v1beta1: an operation."""
    patch = await _patch(request)
    part = await run_in_threadpool(existing_part, request)
    return await _start(request, update_metadata.STUDY_METHOD, part, patch)


async def update_series(request: Request) -> Response:
    """``series.updateMetadata`` of v1beta1: an operation."""
    patch = await _patch(request)
    part = await run_in_threadpool(existing_part, request)
    return await _start(request, update_metadata.SERIES_METHOD, part, patch)


async def update_instance(request: Request) -> Response:
    """``instances.updateMetadata`` of v1beta1; no operation."""
    patch = await _patch(request)
    return await run_in_threadpool(_update_instance, request, patch)


async def set_storage(request: Request) -> Response:
    """``setBlobStorageSettings`` of a study: an operation."""
    body = await read_json(request)
    part = await run_in_threadpool(existing_part, request)
    return await _start(request, set_blob_storage_settings.METHOD, part, body)


def storage_info(request: Request) -> Response:
    """``instances.getStorageInfo``."""
    with service_of(request).database.read() as connection:
        row, store = row_of(request, connection)
        info = rows.storage_info(connection, row.number)
    return json_response(
        {
            "referencedResource": f"{store.name}/dicomWeb/{row.path}",
            "blobStorageInfo": {
                "sizeBytes": str(info.size),
                "storageClass": info.storage_class,
                "storageClassUpdateTime": timestamp(info.class_updated),
            },
            "structuredStorageInfo": {"sizeBytes": str(info.metadata_size)},
        }
    )


def metrics(request: Request) -> Response:
    """``getDICOMStoreMetrics``, ``getStudyMetrics`` and ``getSeriesMetrics``."""
    with service_of(request).database.read() as connection:
        part = part_of(request, connection)
        studies, series, instances, size, structured = rows.sizes(connection, part.store.key, part.scope)
    if part.scope.study and not instances:
        raise part_not_found(part)
    name = f"{part.store.name}/dicomWeb/{part.scope.path}"
    counts = {
        "instanceCount": instances,
        "blobStorageSizeBytes": size,
        "structuredStorageSizeBytes": structured,
    }
    if part.scope.series:
        head = {"series": name}
    elif part.scope.study:
        head, counts = {"study": name}, {"seriesCount": series, **counts}
    else:
        head, counts = {"name": part.store.name}, {"studyCount": studies, "seriesCount": series, **counts}
    return json_response({**head, **{field: str(number) for field, number in counts.items()}})


async def _start(request: Request, method: Method, part: Part, body: Any) -> Response:
    return await start_operation(
        request, method, part, body, dataset=dataset_name(request), resource=part.store.name
    )


def _search(request: Request, level: Level) -> Response:
    wanted = search.search_of(level, request.query_params.multi_items())
    with service_of(request).database.read() as connection:
        part = part_of(request, connection)
        instances = rows.metadata(connection, part.store.key, part.scope)
        found = search.results(level, instances, wanted)
    return responses.several(request, found) if found else Response(status_code=_NOTHING_FOUND)


def _update_instance(request: Request, patch: object) -> Response:
    with service_of(request).database.write() as connection:
        row, _ = row_of(request, connection)
        content = rows.data(connection, row.number) or b""
        try:
            changed = dicom_file.patched(content, dicom_file.check_patch(patch))
        except dicom_file.ParseError as parse_error:
            raise invalid_argument(str(parse_error)) from parse_error
        rows.replace_many(connection, [(row.number, changed)])
    return json_response({})


async def _patch(request: Request) -> Any:
    if api_version(request) != "v1beta1":
        raise not_found("updateMetadata is a method of v1beta1; v1 has none")
    try:
        return nesting.loads(await read_body(request))
    except nesting.Unreadable as error:
        raise invalid_argument(f"the request body cannot be read: {error}") from error


#: Custom methods come before the studies and instances whose UIDs they would look like.
ROUTES = [
    Route(f"{_STORE}:getDICOMStoreMetrics", metrics, methods=["GET"]),
    Route(f"{_WEB}/studies", search_studies, methods=["GET"]),
    Route(f"{_WEB}/studies", store_instances.store, methods=["POST"]),
    Route(f"{_WEB}/studies", store_instances.update, methods=["PUT"]),
    Route(f"{_WEB}/series", search_series, methods=["GET"]),
    Route(f"{_WEB}/instances", search_instances, methods=["GET"]),
    Route(f"{_STUDY}:setBlobStorageSettings", set_storage, methods=["POST"]),
    Route(f"{_STUDY}:getStudyMetrics", metrics, methods=["GET"]),
    Route(f"{_SERIES}:getSeriesMetrics", metrics, methods=["GET"]),
    Route(f"{_INSTANCE}:getStorageInfo", storage_info, methods=["GET"]),
    Route(f"{_STUDY}/metadata", retrieve.metadata, methods=["GET"]),
    Route(f"{_STUDY}/metadata", update_study, methods=["PATCH"]),
    Route(f"{_STUDY}/series", search_series, methods=["GET"]),
    Route(f"{_STUDY}/instances", search_instances, methods=["GET"]),
    Route(_STUDY, retrieve.study_or_series, methods=["GET"]),
    Route(_STUDY, store_instances.store, methods=["POST"]),
    Route(_STUDY, store_instances.update, methods=["PUT"]),
    Route(_STUDY, delete_study, methods=["DELETE"]),
    Route(f"{_SERIES}/metadata", retrieve.metadata, methods=["GET"]),
    Route(f"{_SERIES}/metadata", update_series, methods=["PATCH"]),
    Route(f"{_SERIES}/instances", search_instances, methods=["GET"]),
    Route(_SERIES, retrieve.study_or_series, methods=["GET"]),
    Route(_SERIES, delete_series, methods=["DELETE"]),
    Route(f"{_INSTANCE}/metadata", retrieve.metadata, methods=["GET"]),
    Route(f"{_INSTANCE}/metadata", update_instance, methods=["PATCH"]),
    Route(f"{_INSTANCE}/rendered", retrieve.pictures, methods=["GET"]),
    Route(f"{_INSTANCE}/frames/{{frames}}", retrieve.some_frames, methods=["GET"]),
    Route(f"{_INSTANCE}/frames/{{frames}}/rendered", retrieve.pictures, methods=["GET"]),
    Route(f"{_INSTANCE}/bulkdata/{{path:path}}", retrieve.bulk_data, methods=["GET"]),
    Route(_INSTANCE, retrieve.instance, methods=["GET"]),
    Route(_INSTANCE, delete_instance, methods=["DELETE"]),
]
