"""Transactions of FHIR in any order, good and bad: all or nothing, and no reference leads nowhere."""

from __future__ import annotations

import tempfile
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from local.fhir.search_store import Store

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir.interactions.bundle_entries import read
from lro_notebook.local.fhir.interactions.bundles import Transaction
from lro_notebook.local.fhir.interactions.changes import Changes
from lro_notebook.local.fhir.interactions.integrity import missing
from lro_notebook.local.fhir.interactions.store_settings import settings_of
from lro_notebook.local.fhir.structure.elements import resource_types
from lro_notebook.local.fhir.structure.validation import Rules, findings

if TYPE_CHECKING:
    import random
    import sqlite3
    from collections.abc import Callable

    from lro_notebook.local.fhir.interactions.store_settings import Settings

_BASE = "http://127.0.0.1/v1/s/fhir"
_NAMES = [f"{type_}/{number}" for type_ in ("Patient", "Group") for number in range(4)]
_JSON: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**62, "", "x", "2026-02-30", [], {}, [None], [[]], {"a": 1}, {"reference": 7},
    {"reference": "Patient/1"}, {"resourceType": "Patient"}, {"resourceType": 3}, "\ue000" * 3,
)  # fmt: skip


def _transactions(chance: random.Random) -> tuple[int, int]:
    """Execute Bundles made of odd entries; after each, the store must be whole."""
    tried = held = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), enableUpdateCreate=True)
        try:
            for _ in range(800):
                entries = [_entry(chance) for _ in range(chance.randrange(1, 5))]
                tried += 1
                held += _execute(store, entries)
        finally:
            store.database.close()
    return tried, held


def _execute(store: Store, entries: list[dict[str, Any]]) -> bool:
    """Execute a transaction; tell whether it has left the store whole, or as it was."""
    body = orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    with store.database.read() as connection:
        before = _state(connection)
    try:
        with store.database.write() as connection:
            settings = settings_of(connection, store.store)
            changes = Changes(connection, settings)
            done = Transaction(changes, _BASE).run(read(body, _BASE)[1])
            changes.settle()
    except ServiceError as refused:
        with store.database.read() as connection:
            return refused.status < 500 and _state(connection) == before  # noqa: PLR2004 - the service's fault
    with store.database.read() as connection:
        return len(done) == len(entries) and _is_whole(connection, settings)


def _entry(chance: random.Random) -> dict[str, Any]:
    name, other = chance.choice(_NAMES), chance.choice([*_NAMES, "urn:uuid:a", "Patient?identifier=1", "x"])
    type_, _, identifier = name.partition("/")
    resource: dict[str, Any] = {
        "resourceType": type_,
        "id": identifier,
        "identifier": [{"value": identifier}],
    }
    if type_ == "Group":
        resource |= {"type": "person", "actual": True, "member": [{"entity": {"reference": other}}]}
    elif not chance.randrange(3):
        resource["link"] = [{"other": {"reference": other}, "type": "refer"}]
    if not chance.randrange(10):
        resource[chance.choice(("active", "name", "x", "meta", "id"))] = chance.choice(_JSON)
    method = chance.choice(("POST", "PUT", "PUT", "PUT", "DELETE", "GET", "PATCH"))
    if method == "PATCH":
        value = chance.choice(([{"value": "x"}], chance.choice(_JSON)))
        steps = orjson.dumps([{"op": "replace", "path": "/identifier", "value": value}])
        data = b64encode(steps).decode()
        resource = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    found = name if method == "GET" else chance.choice((name, name, f"{type_}?identifier={identifier}"))
    url = type_ if method == "POST" else found
    if not chance.randrange(30):
        url = chance.choice((type_, f"{name}/_history/1", "?", ""))
    request: dict[str, Any] = {"method": method, "url": url}
    if not chance.randrange(10):
        request[chance.choice(("ifMatch", "ifNoneExist", "ifNoneMatch"))] = chance.choice(
            ('W/"1"', "*", "identifier=1", "nope=1", "")
        )
    entry: dict[str, Any] = {"request": request}
    if method in ("POST", "PUT", "PATCH"):
        entry["resource"] = resource
    if not chance.randrange(2):
        entry["fullUrl"] = chance.choice(("urn:uuid:a", "http://x.org/Patient/1", ""))
    return entry


def _state(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return [
        row
        for table in ("resources", "history")
        for row in connection.execute(
            f"SELECT type, id, version, body FROM {table} ORDER BY type, id, version"  # noqa: S608
        )
    ]


def _is_whole(connection: sqlite3.Connection, settings: Settings) -> bool:
    """Tell whether every reference of every resource leads to one that is there."""
    documents = [orjson.loads(body) for (body,) in connection.execute("SELECT body FROM resources")]
    return not missing(connection, settings, documents)


def _odd_resources(chance: random.Random) -> tuple[int, int]:
    """Validate resources with odd values at odd places; it must end with a list of findings."""
    tried = held = 0
    types = sorted(resource_types())
    keys = (
        "id", "meta", "text", "status", "code", "value", "name", "extension", "contained", "subject", "_id",
        "valueString", "link", "entry", "resource", "parameter", "repeat", "timing",
    )  # fmt: skip
    for _ in range(20_000):
        document: dict[str, Any] = {"resourceType": chance.choice(types)}
        place = document
        for _ in range(chance.randrange(1, 5)):
            key = chance.choice(keys)
            place[key] = chance.choice(_JSON)
            if not chance.randrange(2):
                inner: dict[str, Any] = {}
                place[key] = chance.choice((inner, [inner]))
                place = inner
        tried += 1
        found = findings(document, Rules())
        held += all(each.path and each.message for each in found)
    return tried, held


ATTACKS: list[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
    ("FHIR transactions of good and bad entries", _transactions),
    ("FHIR resources with odd values, held against their structure", _odd_resources),
]
