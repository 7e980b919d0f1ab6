"""The script of faults: which call is meant, what can be scripted, and in which order it happens."""

from __future__ import annotations

from typing import Any

import pytest

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http.faults import Fault, Faults, method_of, parse

DATASET = "/v1/projects/p/locations/l/datasets/d"


@pytest.mark.parametrize(
    ("verb", "path", "method"),
    [
        ("POST", "/v1/projects/p/locations/l/datasets", "datasets.create"),
        ("GET", "/v1/projects/p/locations/l/datasets", "datasets.list"),
        ("GET", DATASET, "datasets.get"),
        ("DELETE", DATASET, "datasets.delete"),
        ("POST", f"{DATASET}:deidentify", "datasets.deidentify"),
        ("POST", f"{DATASET}/fhirStores/s:import", "fhirStores.import"),
        ("PATCH", f"{DATASET}/fhirStores/s", "fhirStores.patch"),
        ("POST", f"{DATASET}/hl7V2Stores/s/messages:ingest", "messages.ingest"),
        ("GET", f"{DATASET}/operations/1", "operations.get"),
        ("GET", f"{DATASET}/operations", "operations.list"),
        ("POST", f"{DATASET}/operations/1:cancel", "operations.cancel"),
        ("GET", f"{DATASET}/fhirStores/s/fhir/Patient/1", "fhir"),
        ("GET", f"{DATASET}/fhirStores/s/fhir/Group/1/$export", "fhir.bulk-export"),
        ("DELETE", f"{DATASET}/dicomStores/s/dicomWeb/studies/1", "dicomWeb"),
        ("GET", "/storage/v1/b/bucket/o", "storage"),
        ("GET", "/download/storage/v1/b/bucket/o/x", "storage"),
        ("POST", "/upload/storage/v1/b/bucket/o", "storage"),
        ("POST", "/batch/storage/v1", ""),
        ("POST", "/v2/entries:list", "entries.list"),
        ("PATCH", "/.lro-local", ""),
        ("POST", "/.lro-local/faults", ""),
        ("GET", "/openapi.json", ""),
    ],
)
def test_a_call_is_named_as_in_googles_reference(verb: str, path: str, method: str) -> None:
    assert method_of(verb, path) == method


def test_faults_happen_in_order_as_often_as_they_say_and_to_their_calls_alone() -> None:
    faults = Faults()
    first, second, other = (
        Fault("operations.*", "status", times=2),
        Fault("*", "lost"),
        Fault("*", "error", times=3),
    )
    for fault in (first, second, other):
        faults.add(fault)
    assert faults.on_response("fhirStores.import") == second
    assert faults.on_response("fhirStores.import") is None
    assert faults.on_response("operations.get") == first
    assert [(each["what"], each["times"]) for each in faults.to_come()] == [("status", 1), ("error", 3)]
    assert faults.on_operation("fhirStores.import") == other
    assert faults.calls == {"fhirStores.import": 2, "operations.get": 1}
    faults.clear()
    assert (faults.to_come(), faults.calls) == ([], {})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "method and what"),
        ({"method": "*", "what": "error", "colour": 1}, "method and what"),
        ({"method": "*", "what": "explode"}, "expected one of status, lost"),
        ({"method": 1, "what": "error"}, "method: expected text"),
        ({"method": "*", "what": "hang", "after": True}, "after: expected a whole number"),
        ({"method": "*", "what": "failures", "units": -1}, "units: expected a whole number"),
        ({"method": "*", "what": "status", "status": 302}, "from 400 to 599"),
        ({"method": "*", "what": "error", "code": 0}, "from 1 to 16"),
    ],
)
def test_what_cannot_be_scripted_is_refused_with_what_is_expected(body: dict[str, Any], says: str) -> None:
    with pytest.raises(ServiceError, match=says):
        parse(body)
