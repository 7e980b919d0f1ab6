"""Putting objects in place: a draft beside the buckets becomes the object at once, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.storage import checksums, object_resource, preconditions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lro_notebook.local.core.buckets import Buckets
    from lro_notebook.local.http.service import Service
    from lro_notebook.local.storage.object_resource import Storage, Stored

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
#: What would have no effect here, so it is refused; the rest of an object's fields is for its service to set.
_REFUSED = ("acl", "eventBasedHold", "kmsKeyName", "retention", "temporaryHold")


class Target(NamedTuple):
    """Where an upload or a copy goes.

    Attributes
    ----------
    fields : mapping
        Fields of the object in the request's body.
    query : mapping
        Parameters of the request, with its preconditions.
    """

    bucket: str
    name: str
    fields: Mapping[str, Any]
    query: Mapping[str, str]


def noted_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an object in a body that are kept; raise on those that would have no effect."""
    for name in _REFUSED:
        if body.get(name):
            raise ServiceError(
                Code.UNIMPLEMENTED, f"{name}: the local service does not have it; leave it out"
            )
    metadata = body.get("metadata")
    if metadata is not None and not (
        isinstance(metadata, dict)
        and all(isinstance(text, str) for text in metadata.values() if text is not None)
    ):
        raise invalid_argument("metadata: expected an object of strings")
    noted = {name: body[name] for name in object_resource.NOTED if body.get(name) is not None}
    if metadata:
        noted["metadata"] = {key: text for key, text in metadata.items() if text is not None}
    return noted


def draft_path(folders: Buckets) -> Path:
    """Return a new path for an unfinished file; what is there when the service starts is removed."""
    return folders.partial / f"upload-{secrets.token_hex(16)}"


@contextmanager
def draft(folders: Buckets) -> Iterator[Path]:
    """Give a path for an unfinished file, which is removed if it was not put in place."""
    path = draft_path(folders)
    try:
        with room():
            yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def room() -> Iterator[None]:
    """Raise HTTP 507 where the disk is full: 429 would make clients try again for minutes."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            message = "the disk of the buckets is full, and nothing was written; make room and try again"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message, status=507) from error
        raise


def check(service: Service, target: Target) -> Stored | None:
    """Return the object that is in the place now; raise if none can be there, or by a precondition."""
    object_resource.locate(service.buckets, target.bucket, target.name)
    before = object_resource.find(service, target.bucket, target.name)
    generation, meta = ("0", "0") if before is None else (before.generation, before.metageneration)
    name = preconditions.failed(target.query, generation, meta)
    if name is not None:
        raise preconditions.error(name, f"gs://{target.bucket}/{target.name}", generation)
    return before


def put(service: Service, storage: Storage, target: Target, path: Path) -> Stored:
    """Make the file at `path` the object, and return it."""
    note = {**noted_of(target.fields), **_sums(target, path)}
    with storage.writing:
        before = check(service, target)
        place = _free(service, target)
        # File systems note times in steps of milliseconds; each write must be a generation of its own.
        now = max(time.time_ns(), 0 if before is None else before.nanoseconds + 1_000_000)
        os.utime(path, ns=(now, now))
        place = objects.place(path, place)
        status = place.stat()
        after = object_resource.Stored(
            target.bucket, target.name, place, status.st_size, status.st_mtime_ns, note
        )
        with service.database.write() as connection:
            object_resource.note(connection, after)
    return after


def _free(service: Service, target: Target) -> Path:
    """Return the file of an object: itself, or in the folder of its name; empty folders there are removed."""
    location, file = object_resource.locate(service.buckets, target.bucket, target.name)
    place = service.buckets.path(location)
    is_free = place.is_dir() and not place.is_symlink() and object_resource.remove_empty(place)
    return place if is_free else file


def _sums(target: Target, path: Path) -> dict[str, str]:
    """Return the checksums of a file, which must be those that the request gives."""
    sums = checksums.of(path)
    found = {"md5Hash": sums.md5, "crc32c": sums.crc32c}
    for name, text in found.items():
        given = target.fields.get(name)
        if given and given != text:
            raise invalid_argument(
                f"{name}: the request says {str(given)[:40]!r}, what arrived has {text!r}; upload it again"
            )
    return found
