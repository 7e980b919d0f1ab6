"""FHIR stores of the service, filled, changed and asked by tests over HTTP."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.conftest import DATASET

if TYPE_CHECKING:
    from local.conftest import Program


def patient(identifier: str, **fields: Any) -> str:
    return json.dumps({"resourceType": "Patient", "id": identifier, **fields})


def now() -> str:
    """Return the time now, later than all that was committed and earlier than all that comes."""
    time.sleep(0.002)
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    time.sleep(0.002)
    return moment


def load(service: Program, store: str, *lines: str) -> dict[str, Any]:
    """Import resources into a new or existing store."""
    if service.client.get(store).status_code == 404:
        service.store(store.rpartition("/")[2])
    uri = service.put_lines(f"demo-out/in-{time.time_ns()}.ndjson", lines)
    return service.imported(store, uri)


def run(service: Program, path: str, body: dict[str, Any], *, version: str = "v1") -> dict[str, Any]:
    """Start an operation and return it as it ended well."""
    answer = service.client.post(f"{service.endpoint}/{version}/{DATASET}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    name = answer.json()["name"].removeprefix(f"{DATASET}/")
    operation = service.ended(name)
    assert "error" not in operation, operation
    return operation


def body(service: Program, store: str, name: str) -> dict[str, Any] | None:
    answer = service.client.get(f"{store}/fhir/{name}")
    return answer.json() if answer.status_code == 200 else None


def number(operation: dict[str, Any]) -> str:
    return str(operation["name"]).rpartition("/")[2]


def changed_store(service: Program, name: str) -> tuple[str, str, dict[str, Any]]:
    """Return a store in which one resource was updated, one deleted and one created after a time."""
    store = f"fhirStores/{name}"
    load(service, store, patient("kept"), patient("updated", gender="male"), patient("deleted"))
    moment = now()
    # An import would replace the resource, and keep no version of it.
    updated = patient("updated", gender="female")
    service.client.put(f"{store}/fhir/Patient/updated", content=updated).raise_for_status()
    operation = load(service, store, patient("created"))
    service.client.delete(f"{store}/fhir/Patient/deleted").raise_for_status()
    return store, moment, operation
