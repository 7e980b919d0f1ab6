"""Rows of DICOM instances. Every function takes an open connection and does no other I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.operations import request_fields
from lro_notebook.local.operations.records import Failure, microseconds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from lro_notebook.local.core.buckets import Buckets, Location
    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.dicom.dicom_file import Instance, Metadata

#: The large columns come last, so that SQLite reads the others without them.
TABLES = """
CREATE TABLE IF NOT EXISTS instances (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    store INTEGER NOT NULL REFERENCES stores (key) ON DELETE CASCADE,
    study TEXT NOT NULL,
    series TEXT NOT NULL,
    id TEXT NOT NULL,
    updated INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    class_updated INTEGER NOT NULL,
    size INTEGER NOT NULL,
    metadata BLOB NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (store, study, series, id)
);
"""
CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")

#: ``/studies/{uid}[/series/{uid}[/instances/{uid}]]``
_PATH_WORDS = ("studies", "series", "instances")
_FILTER = "filterConfig.resourcePathsGcsUri"


class Scope(NamedTuple):
    """A part of a store: all of it, a study, a series, or one instance."""

    study: str | None = None
    series: str | None = None
    id: str | None = None

    @property
    def path(self) -> str:
        """The part of a resource name after ``dicomWeb/``."""
        pairs = zip(_PATH_WORDS, self, strict=True)
        return "/".join(f"{word}/{uid}" for word, uid in pairs if uid is not None)


class Part(NamedTuple):
    """The part of a store that a request names."""

    store: Store
    scope: Scope


class Row(NamedTuple):
    """An instance without its content: row number, UIDs, and size of its file in bytes."""

    number: int
    study: str
    series: str
    id: str
    size: int

    @property
    def path(self) -> str:
        """The part of its resource name after ``dicomWeb/``."""
        return Scope(self.study, self.series, self.id).path


class StorageInfo(NamedTuple):
    """How an instance is stored; sizes in bytes, time in microseconds since 1970."""

    storage_class: str
    class_updated: int
    size: int
    metadata_size: int


def scope_of(item: Instance) -> Scope:
    """Return where in a store an instance is."""
    return Scope(item.study, item.series, item.id)


def put_many(
    connection: sqlite3.Connection, store: int, incoming: Iterable[Instance], *, storage_class: str
) -> None:
    """Store instances; existing ones stay unchanged."""
    moment = microseconds()
    connection.executemany(
        "INSERT INTO instances (store, study, series, id, updated, storage_class, class_updated, size, "
        "metadata, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (
                store,
                item.study,
                item.series,
                item.id,
                moment,
                storage_class,
                moment,
                len(item.data),
                item.metadata,
                item.data,
            )
            for item in incoming
        ],
    )


def put(connection: sqlite3.Connection, store: int, item: Instance, *, replaces: bool) -> bool:
    """Store an instance; return whether it is there now.

    The same file again changes nothing. Another one with these UIDs is only stored if it `replaces` it.
    """
    found = instances(connection, store, scope_of(item))
    if not found:
        put_many(connection, store, [item], storage_class=CLASSES[0])
    elif replaces:
        replace_many(connection, [(found[0].number, item)])
    else:
        return data(connection, found[0].number) == item.data
    return True


def replace_many(connection: sqlite3.Connection, changed: Iterable[tuple[int, Instance]]) -> None:
    """Replace the files of instances."""
    moment = microseconds()
    connection.executemany(
        "UPDATE instances SET updated = ?, size = ?, metadata = ?, data = ? WHERE number = ?",
        [(moment, len(item.data), item.metadata, item.data, number) for number, item in changed],
    )


def instances(connection: sqlite3.Connection, store: int, scope: Scope = Scope()) -> list[Row]:  # noqa: B008 - immutable
    """Return the instances in a part of a store, in the order of their arrival."""
    selected = connection.execute(
        "SELECT number, study, series, id, size FROM instances WHERE store = ?1 "
        "AND (?2 IS NULL OR study = ?2) "
        "AND (?3 IS NULL OR series = ?3) AND (?4 IS NULL OR id = ?4) ORDER BY number",
        (store, *scope),
    )
    return [Row(*row) for row in selected]


def data(connection: sqlite3.Connection, number: int) -> bytes | None:
    """Return the file of an instance; None if it is gone."""
    row = connection.execute("SELECT data FROM instances WHERE number = ?", (number,)).fetchone()
    return None if row is None else bytes(row[0])


def metadata(connection: sqlite3.Connection, store: int, scope: Scope) -> Iterator[Metadata]:
    """Yield the metadata of the instances in a part of a store, by their UIDs."""
    selected = connection.execute(
        "SELECT metadata FROM instances WHERE store = ?1 AND (?2 IS NULL OR study = ?2) "
        "AND (?3 IS NULL OR series = ?3) AND (?4 IS NULL OR id = ?4) ORDER BY study, series, id",
        (store, *scope),
    )
    return (orjson.loads(text) for (text,) in selected)


def delete_many(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Remove instances."""
    connection.executemany("DELETE FROM instances WHERE number = ?", [(number,) for number in numbers])


def set_class(connection: sqlite3.Connection, numbers: Sequence[int], storage_class: str) -> None:
    """Note another storage class for instances."""
    moment = microseconds()
    connection.executemany(
        "UPDATE instances SET storage_class = ?, class_updated = ? WHERE number = ?",
        [(storage_class, moment, number) for number in numbers],
    )


def storage_info(connection: sqlite3.Connection, number: int) -> StorageInfo:
    """Return how an instance, which must exist, is stored."""
    row = connection.execute(
        "SELECT storage_class, class_updated, size, length(metadata) FROM instances WHERE number = ?",
        (number,),
    ).fetchone()
    return StorageInfo(*row)


def sizes(connection: sqlite3.Connection, store: int, scope: Scope) -> tuple[int, int, int, int, int]:
    """Return the numbers of studies, series and instances, and the bytes of files and metadata."""
    row: tuple[int, int, int, int, int] = connection.execute(
        "SELECT count(DISTINCT study), count(DISTINCT study || '/' || series), count(*), "
        "coalesce(sum(size), 0), coalesce(sum(length(metadata)), 0) FROM instances "
        "WHERE store = ?1 AND (?2 IS NULL OR study = ?2) AND (?3 IS NULL OR series = ?3)",
        (store, scope.study, scope.series),
    ).fetchone()
    return row


def storage_class_of(body: Mapping[str, Any], *, default: str | None) -> str:
    """Return the storage class in the ``blobStorageSettings`` of a request."""
    settings = body.get("blobStorageSettings") or {}
    name = settings.get("blobStorageClass") if isinstance(settings, dict) else ""
    if name in (None, "BLOB_STORAGE_CLASS_UNSPECIFIED"):
        name = default
    if name not in CLASSES:
        raise invalid_argument(f"blobStorageSettings.blobStorageClass: expected one of {', '.join(CLASSES)}")
    return str(name)


def filter_of(folders: Buckets, body: Mapping[str, Any]) -> Location | None:
    """Return the object with the resource paths of a request's ``filterConfig``; None for all."""
    config = request_fields.json_object(body, "filterConfig")
    return request_fields.one_object(folders, config.get("resourcePathsGcsUri"), _FILTER) if config else None


def failure(store: Store, row: Row, why: object) -> Failure:
    """Return the failure of an instance."""
    return Failure("", f"{store.name}/dicomWeb/{row.path}", Code.INVALID_ARGUMENT, str(why))


def chosen(instances: Iterable[Row], folders: Buckets, location: Location | None) -> list[Row]:
    """Return the instances that the resource paths in an object name; all without an object."""
    if location is None:
        return list(instances)
    ((_, path),) = folders.match(location)
    scopes = set()
    for number, line in enumerate(objects.read_object(path).decode(errors="replace").splitlines(), 1):
        if line.strip():
            scopes.add(_scope(line.strip(), f"{location.uri}:{number}"))
    return [
        row
        for row in instances
        if not scopes.isdisjoint(
            {Scope(row.study), Scope(row.study, row.series), Scope(row.study, row.series, row.id)}
        )
    ]


def _scope(text: str, source: str) -> Scope:
    words = text.strip("/").split("/")
    names, uids = words[::2], words[1::2]
    if not uids or len(names) != len(uids) or tuple(names) != _PATH_WORDS[: len(names)] or not all(uids):
        raise invalid_argument(
            f"{source}: expected a path such as /studies/1.2.3/series/4.5.6/instances/7.8.9"
        )
    return Scope(*uids)
