"""Rows of datasets, and of stores of any kind. Functions take an open connection and do no other I/O."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument, not_found
from lro_notebook.local.discovery import masks
from lro_notebook.local.discovery.document import document

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence


#: How many stores a name that is not there is compared with.
_COMPARED = 1_000


class Store(NamedTuple):
    """A store: its row key and its resource name."""

    key: int
    name: str


def add_dataset(connection: sqlite3.Connection, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Insert a dataset and return it; raise if the name exists."""
    if has_dataset(connection, name):
        raise already_exists(name)
    dataset = {"name": name, **{key: value for key, value in body.items() if key != "name"}}
    row = (name, parent_of(name), orjson.dumps(dataset))
    connection.execute("INSERT INTO datasets (name, parent, body) VALUES (?, ?, ?)", row)
    return dataset


def has_dataset(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a dataset exists."""
    return connection.execute("SELECT 1 FROM datasets WHERE name = ?", (name,)).fetchone() is not None


def get_dataset(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    """Return a dataset, which must exist."""
    row = connection.execute("SELECT body FROM datasets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise _dataset_not_found(name)
    dataset: dict[str, Any] = orjson.loads(row[0])
    return dataset


def list_datasets(
    connection: sqlite3.Connection, parent: str, *, after: str, limit: int
) -> list[dict[str, Any]]:
    """Return up to `limit` datasets of a location whose name comes after `after`, by name."""
    rows = connection.execute(
        "SELECT body FROM datasets WHERE parent = ? AND name > ? ORDER BY name LIMIT ?",
        (parent, after, limit),
    )
    return [orjson.loads(body) for (body,) in rows]


def locations(connection: sqlite3.Connection, project: str) -> list[str]:
    """Return the ids of the locations in which a project has datasets."""
    prefix = f"projects/{project}/locations/"
    rows = connection.execute(
        "SELECT DISTINCT parent FROM datasets WHERE parent > ? AND parent < ?", (prefix, f"{prefix[:-1]}0")
    )
    return [parent.removeprefix(prefix) for (parent,) in rows]


def patch_dataset(
    connection: sqlite3.Connection, name: str, body: Mapping[str, Any], paths: Sequence[masks.Path]
) -> dict[str, Any]:
    """Change the fields of a dataset, which must exist, that a mask names, and return it."""
    dataset = masks.apply(get_dataset(connection, name), body, paths)
    check_dataset(dataset)
    connection.execute("UPDATE datasets SET body = ? WHERE name = ?", (orjson.dumps(dataset), name))
    return dataset


def delete_dataset(connection: sqlite3.Connection, name: str) -> list[int]:
    """Delete a dataset with all its content; return the operations that were still active."""
    get_dataset(connection, name)
    # The range of names below it: "0" is the character after "/".
    below = (name, f"{name}/", f"{name}0")
    active = connection.execute(
        "SELECT id FROM operations WHERE (parent = ? OR parent > ? AND parent < ?) AND ended IS NULL", below
    )
    numbers = [number for (number,) in active]
    connection.execute("DELETE FROM operations WHERE parent = ? OR parent > ? AND parent < ?", below)
    connection.execute("DELETE FROM datasets WHERE name = ?", (name,))
    return numbers


def delete_all(connection: sqlite3.Connection) -> None:
    """Delete every dataset with all its content, and every operation."""
    connection.execute("DELETE FROM operations")
    connection.execute("DELETE FROM datasets")


def add_store(
    connection: sqlite3.Connection, dataset: str, identifier: str, body: Mapping[str, Any], *, collection: str
) -> dict[str, Any]:
    """Insert a store and return it; its fields are stored unchanged."""
    get_dataset(connection, dataset)
    name = f"{dataset}/{collection}/{identifier}"
    key = (dataset, collection, identifier)
    if connection.execute("SELECT 1 FROM stores WHERE (dataset, collection, id) = (?, ?, ?)", key).fetchone():
        raise already_exists(name)
    store = {"name": name, **{key: value for key, value in body.items() if key != "name"}}
    connection.execute(
        "INSERT INTO stores (dataset, collection, id, body) VALUES (?, ?, ?, ?)", (*key, orjson.dumps(store))
    )
    return store


def get_store(
    connection: sqlite3.Connection, dataset: str, identifier: str, *, collection: str
) -> dict[str, Any]:
    """Return a store, which must exist, as the API shows it."""
    row = _store_row(connection, dataset, identifier, collection=collection)
    store: dict[str, Any] = orjson.loads(row[1])
    return store


def patch_store(
    connection: sqlite3.Connection,
    dataset: str,
    identifier: str,
    body: Mapping[str, Any],
    *,
    collection: str,
    paths: Sequence[masks.Path],
) -> dict[str, Any]:
    """Change the fields of a store, which must exist, that a mask names, and return it."""
    key, before = _store_row(connection, dataset, identifier, collection=collection)
    was = orjson.loads(before)
    schema = f"{collection[0].upper()}{collection[1:-1]}"
    store = masks.with_immutable(document("v1beta1"), schema, was, masks.apply(was, body, paths))
    connection.execute("UPDATE stores SET body = ? WHERE key = ?", (orjson.dumps(store), key))
    return store


def find_store(connection: sqlite3.Connection, dataset: str, identifier: str, *, collection: str) -> Store:
    """Return the key and name of a store, which must exist."""
    row = _store_row(connection, dataset, identifier, collection=collection)
    return Store(row[0], f"{dataset}/{collection}/{identifier}")


def destination_of(connection: sqlite3.Connection, source: Store, body: Mapping[str, Any]) -> Store:
    """Return the store that ``destinationStore`` names: not the source, but in its location."""
    collection, name = source.name.split("/")[-2], body.get("destinationStore")
    dataset, _, identifier = name.rpartition(f"/{collection}/") if isinstance(name, str) else ("", "", "")
    if not dataset or not identifier or "/" in identifier:
        raise invalid_argument(
            f"destinationStore: expected a name such as projects/P/locations/L/datasets/D/{collection}/S"
        )
    if parent_of(dataset) != parent_of(parent_of(source.name)):
        raise invalid_argument("destinationStore: name a store in the same location as the source")
    if name == source.name:
        raise invalid_argument("destinationStore: name a store other than the source")
    return find_store(connection, dataset, identifier, collection=collection)


def name_of(connection: sqlite3.Connection, key: int) -> str:
    """Return the name of a store that is there."""
    row = connection.execute("SELECT dataset, collection, id FROM stores WHERE key = ?", (key,)).fetchone()
    return "/".join(row)


def require_store(connection: sqlite3.Connection, store: Store) -> None:
    """Raise if the store was deleted in the meantime."""
    if connection.execute("SELECT 1 FROM stores WHERE key = ?", (store.key,)).fetchone() is None:
        raise not_found(f"{store.name} was deleted while the operation ran")


def list_stores(
    connection: sqlite3.Connection, dataset: str, *, collection: str, after: str, limit: int
) -> list[dict[str, Any]]:
    """Return up to `limit` stores of a dataset whose id comes after `after`, by id."""
    get_dataset(connection, dataset)
    rows = connection.execute(
        "SELECT body FROM stores WHERE dataset = ? AND collection = ? AND id > ? ORDER BY id LIMIT ?",
        (dataset, collection, after, limit),
    )
    return [orjson.loads(body) for (body,) in rows]


def delete_store(connection: sqlite3.Connection, dataset: str, identifier: str, *, collection: str) -> None:
    """Delete a store with all its content."""
    key, _ = _store_row(connection, dataset, identifier, collection=collection)
    connection.execute("DELETE FROM stores WHERE key = ?", (key,))


def check_dataset(body: Mapping[str, Any]) -> None:
    """Raise on invalid fields of a new dataset."""
    zone = body.get("timeZone", "")
    if not isinstance(zone, str) or (zone and not _is_zone(zone)):
        raise invalid_argument("timeZone: expected the name of a time zone, such as America/New_York")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return not available_timezones()  # a machine without the database of time zones knows none
    return True


def already_exists(name: str) -> ServiceError:
    """Return the error for a name that exists."""
    return ServiceError(Code.ALREADY_EXISTS, f"{name} already exists; use it, or delete it first")


def parent_of(name: str) -> str:
    """Return the name of the parent of a dataset, store or other resource."""
    return re.sub(r"/[^/]+/[^/]+\Z", "", name)


def _store_row(
    connection: sqlite3.Connection, dataset: str, identifier: str, *, collection: str
) -> tuple[int, bytes]:
    row: tuple[int, bytes] | None = connection.execute(
        "SELECT key, body FROM stores WHERE (dataset, collection, id) = (?, ?, ?)",
        (dataset, collection, identifier),
    ).fetchone()
    if row is None:
        get_dataset(connection, dataset)
        told = "SELECT id FROM stores WHERE (dataset, collection) = (?, ?) ORDER BY id LIMIT ?"
        there = [one for (one,) in connection.execute(told, (dataset, collection, _COMPARED))]
        near = difflib.get_close_matches(identifier[:80], there, n=1, cutoff=0.7)
        meant = f"did you mean {near[0]!r}? Or " if near else ""
        raise not_found(
            f"{dataset}/{collection}/{identifier[:80]} does not exist; {meant}create it with "
            f"POST {dataset}/{collection}?{collection[:-1]}Id={identifier[:80]}"
        )
    return row


def _dataset_not_found(name: str) -> ServiceError:
    parent, _, identifier = name.rpartition("/")
    return not_found(
        f"dataset {name[:300]} does not exist; create it with POST {parent}?datasetId={identifier[:80]}, "
        f"or list the datasets with GET {parent}"
    )
