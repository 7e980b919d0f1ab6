"""What a request on a DICOM store names: a part of it, and the instances there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local.core.service_errors import not_found
from lro_notebook.local.dicom import rows
from lro_notebook.local.dicom.rows import Part, Scope
from lro_notebook.local.http.service import service_of, store_of

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request

    from lro_notebook.local.core.service_errors import ServiceError
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.rows import Row


def part_of(request: Request, connection: sqlite3.Connection) -> Part:
    """Return the part that a request names; its store must exist."""
    path = request.path_params
    store = store_of(request, connection, "dicomStores")
    return Part(store, Scope(path.get("study"), path.get("series"), path.get("instance")))


def existing_part(request: Request) -> Part:
    """Return the part that a request names, which must hold instances."""
    with service_of(request).database.read() as connection:
        part = part_of(request, connection)
        if not rows.instances(connection, part.store.key, part.scope):
            raise part_not_found(part)
    return part


def row_of(request: Request, connection: sqlite3.Connection) -> tuple[Row, Store]:
    """Return the instance that a request names, and its store."""
    part = part_of(request, connection)
    instances = rows.instances(connection, part.store.key, part.scope)
    if not instances:
        raise part_not_found(part)
    return instances[0], part.store


def data_of(request: Request) -> bytes:
    """Return the file of the instance that a request names."""
    with service_of(request).database.read() as connection:
        row, _ = row_of(request, connection)
        return rows.data(connection, row.number) or b""


def part_not_found(part: Part) -> ServiceError:
    """Return the error for a part of a store that holds nothing."""
    name = f"{part.store.name}/dicomWeb/{part.scope.path}"
    return not_found(
        f"{name[:500]} does not exist; list the studies with GET {part.store.name}/dicomWeb/studies"
    )
