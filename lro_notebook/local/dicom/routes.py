"""Routes of DICOM stores: DICOMweb search, metadata and files, deletion and changes, storage."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, json_response, not_found
from lro_notebook.local.dicom import (
    delete,
    dicom_file,
    dicomweb_search,
    rows,
    set_blob_storage_settings,
    update_metadata,
)
from lro_notebook.local.dicom.rows import Part, Scope
from lro_notebook.local.http.service import (
    DATASET_PATH,
    api_version,
    dataset_name,
    read_body,
    read_json,
    service_of,
    store_of,
)
from lro_notebook.local.http.start_operation import start_operation
from lro_notebook.local.operations.records import timestamp

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.dicom_file import Metadata
    from lro_notebook.local.dicom.dicomweb_search import Level
    from lro_notebook.local.dicom.rows import Row
    from lro_notebook.local.operations.method import Method

_STORE = f"{DATASET_PATH}/dicomStores/{{store}}"
_WEB = f"{_STORE}/dicomWeb"
_STUDY = f"{_WEB}/studies/{{study}}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"
_DICOM_JSON = "application/dicom+json"


def search_studies(request: Request) -> Response:
    """``searchForStudies``."""
    return _search(request, "studies")


def search_series(request: Request) -> Response:
    """``searchForSeries`` of a store or a study."""
    return _search(request, "series")


def search_instances(request: Request) -> Response:
    """``searchForInstances`` of a store, a study or a series."""
    return _search(request, "instances")


def metadata(request: Request) -> Response:
    """``retrieveMetadata`` of a study, a series or an instance."""
    with service_of(request).database.read() as connection:
        part = _part(request, connection)
        instances = list(rows.metadata(connection, part.store.key, part.scope))
    if not instances:
        raise _part_not_found(part)
    return _dicom_json(instances)


def instance(request: Request) -> Response:
    """``retrieveInstance``: the stored file, alone or as the one part of a multipart response."""
    with service_of(request).database.read() as connection:
        row, _ = _row(request, connection)
        content = rows.data(connection, row.number) or b""
    accepted = request.headers.get("accept", "*/*").replace(" ", "")
    if "multipart/related" not in accepted:
        if "application/dicom" not in accepted and "*/*" not in accepted:
            raise ServiceError(
                Code.UNIMPLEMENTED, "Accept: the local service renders no images; ask for application/dicom"
            )
        return Response(content, media_type="application/dicom")
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return Response(
        head + content + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'},
    )


def delete_instance(request: Request) -> Response:
    """``instances.delete``."""
    with service_of(request).database.write() as connection:
        row, _ = _row(request, connection)
        rows.delete_many(connection, [row.number])
    return json_response({})


async def delete_study(request: Request) -> Response:
    """``studies.delete``: an operation."""
    part = await run_in_threadpool(_existing, request)
    return await _start(request, delete.STUDY_METHOD, part, {})


async def delete_series(request: Request) -> Response:
    """``series.delete``: an operation."""
    part = await run_in_threadpool(_existing, request)
    return await _start(request, delete.SERIES_METHOD, part, {})


async def update_study(request: Request) -> Response:
    """``studies.updateMetadata`` of v1beta1: an operation."""
    patch = await _patch(request)
    part = await run_in_threadpool(_existing, request)
    return await _start(request, update_metadata.STUDY_METHOD, part, patch)


async def update_series(request: Request) -> Response:
    """``series.updateMetadata`` of v1beta1: an operation."""
    patch = await _patch(request)
    part = await run_in_threadpool(_existing, request)
    return await _start(request, update_metadata.SERIES_METHOD, part, patch)


async def update_instance(request: Request) -> Response:
    """``instances.updateMetadata`` of v1beta1; no operation."""
    patch = await _patch(request)
    return await run_in_threadpool(_update_instance, request, patch)


async def set_storage(request: Request) -> Response:
    """``setBlobStorageSettings`` of a study: an operation."""
    body = await read_json(request)
    part = await run_in_threadpool(_existing, request)
    return await _start(request, set_blob_storage_settings.METHOD, part, body)


def storage_info(request: Request) -> Response:
    """``instances.getStorageInfo``."""
    with service_of(request).database.read() as connection:
        row, store = _row(request, connection)
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
        part = _part(request, connection)
        studies, series, instances, size, structured = rows.sizes(connection, part.store.key, part.scope)
    if part.scope.study and not instances:
        raise _part_not_found(part)
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
    search = dicomweb_search.search_of(level, request.query_params.multi_items())
    with service_of(request).database.read() as connection:
        part = _part(request, connection)
        instances = rows.metadata(connection, part.store.key, part.scope)
        return _dicom_json(dicomweb_search.results(level, instances, search))


def _update_instance(request: Request, patch: object) -> Response:
    with service_of(request).database.write() as connection:
        row, _ = _row(request, connection)
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


def _part(request: Request, connection: sqlite3.Connection) -> Part:
    path = request.path_params
    store = store_of(request, connection, "dicomStores")
    return Part(store, Scope(path.get("study"), path.get("series"), path.get("instance")))


def _existing(request: Request) -> Part:
    """Return the part that a request names, which must hold instances."""
    with service_of(request).database.read() as connection:
        part = _part(request, connection)
        if not rows.instances(connection, part.store.key, part.scope):
            raise _part_not_found(part)
    return part


def _row(request: Request, connection: sqlite3.Connection) -> tuple[Row, Store]:
    part = _part(request, connection)
    instances = rows.instances(connection, part.store.key, part.scope)
    if not instances:
        raise _part_not_found(part)
    return instances[0], part.store


def _part_not_found(part: Part) -> ServiceError:
    name = f"{part.store.name}/dicomWeb/{part.scope.path}"
    return not_found(
        f"{name[:500]} does not exist; list the studies with GET {part.store.name}/dicomWeb/studies"
    )


def _dicom_json(items: list[Metadata]) -> Response:
    return Response(orjson.dumps(items), media_type=_DICOM_JSON)


#: Custom methods come before the studies and instances whose UIDs they would look like.
ROUTES = [
    Route(f"{_STORE}:getDICOMStoreMetrics", metrics, methods=["GET"]),
    Route(f"{_WEB}/studies", search_studies, methods=["GET"]),
    Route(f"{_WEB}/series", search_series, methods=["GET"]),
    Route(f"{_WEB}/instances", search_instances, methods=["GET"]),
    Route(f"{_STUDY}:setBlobStorageSettings", set_storage, methods=["POST"]),
    Route(f"{_STUDY}:getStudyMetrics", metrics, methods=["GET"]),
    Route(f"{_SERIES}:getSeriesMetrics", metrics, methods=["GET"]),
    Route(f"{_INSTANCE}:getStorageInfo", storage_info, methods=["GET"]),
    Route(f"{_STUDY}/metadata", metadata, methods=["GET"]),
    Route(f"{_STUDY}/metadata", update_study, methods=["PATCH"]),
    Route(f"{_STUDY}/series", search_series, methods=["GET"]),
    Route(f"{_STUDY}/instances", search_instances, methods=["GET"]),
    Route(_STUDY, delete_study, methods=["DELETE"]),
    Route(f"{_SERIES}/metadata", metadata, methods=["GET"]),
    Route(f"{_SERIES}/metadata", update_series, methods=["PATCH"]),
    Route(f"{_SERIES}/instances", search_instances, methods=["GET"]),
    Route(_SERIES, delete_series, methods=["DELETE"]),
    Route(f"{_INSTANCE}/metadata", metadata, methods=["GET"]),
    Route(f"{_INSTANCE}/metadata", update_instance, methods=["PATCH"]),
    Route(_INSTANCE, instance, methods=["GET"]),
    Route(_INSTANCE, delete_instance, methods=["DELETE"]),
]
