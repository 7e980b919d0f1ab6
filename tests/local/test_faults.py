"""Faults: the service killed inside every kind of operation, a full disk, very many operations."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from local.conftest import DATASET
from patience import GIVE_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.conftest import Program

resource = pytest.importorskip("resource", reason="Windows has no limits on files, and no SIGKILL")
pytestmark = pytest.mark.service

COUNT = 3000
BETA = f"/v1beta1/{DATASET}/"


def whole(program: Program) -> None:
    """Check the database of a service, and that no unfinished file is left."""
    assert list((program.buckets / ".partial").iterdir()) == []
    with closing(sqlite3.connect(program.data_dir / "service.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def begin(program: Program, path: str, body: dict[str, Any]) -> str:
    answer = program.client.post(path, json=body).raise_for_status()
    return str(answer.json()["name"]).removeprefix(f"{DATASET}/")


def filled(program: Program, name: str, lines: list[str]) -> str:
    store = program.store(name)
    program.imported(store, program.put_lines(f"demo-out/{name}.ndjson", lines))
    return store


def success(operation: dict[str, Any]) -> int:
    return int(operation["metadata"].get("counter", {}).get("success", 0))


def killed_inside(
    launch: Callable[..., Program], program: Program, paths: list[str], drafts: Sequence[str] = ()
) -> Program:
    """Kill a service once all operations are under way, and start it again on the same data.

    What `drafts` have written to files that are not in place does not count.
    """
    for path in paths:
        program.until(path, lambda found: success(found) > 0)
    assert not any(program.operation(path).get("done") for path in paths)
    program.kill()
    again = launch()
    for path in paths:
        operation = again.operation(path)
        assert operation["error"]["code"] == 10
        assert 0 < success(operation) < COUNT or (path in drafts and success(operation) == 0)
        assert "pending" not in operation["metadata"].get("counter", {})
    whole(again)
    return again


def test_what_changes_a_store_is_killed_with_true_counters(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    rolled, deleted, source = (filled(program, name, patients(COUNT)) for name in ("rb", "bd", "src"))
    moment = datetime.now(UTC).isoformat()
    again_ = [
        {
            "resource": {"resourceType": "Patient", "id": f"p{n}"},
            "request": {"method": "PUT", "url": f"Patient/p{n}"},
        }
        for n in range(COUNT)
    ]
    changed = {"resourceType": "Bundle", "type": "transaction", "entry": again_}
    program.client.post(f"{rolled}/fhir", json=changed).raise_for_status()
    history = program.store("hist")
    stamp = {"versionId": "3", "lastUpdated": "2020-01-01T00:00:00Z"}
    versions = [json.dumps({"resourceType": "Patient", "id": f"h{n}", "meta": stamp}) for n in range(COUNT)]
    program.put_lines("demo-out/versions", versions)
    safe = program.store("safe")
    program.pace(1000)
    paths = [
        begin(
            program,
            f"{rolled}:rollback",
            {"rollbackTime": moment, "resultGcsBucket": "demo-out", "force": True},
        ),
        begin(program, f"{deleted}:bulkDelete", {}),
        begin(program, f"{source}:deidentify", {"destinationStore": f"{DATASET}/{safe}", "config": {}}),
        begin(
            program,
            f"{program.endpoint}{BETA}{history}:importHistory",
            {"gcsSource": {"uri": "gs://demo-out/versions"}, "contentStructure": "RESOURCE"},
        ),
        begin(
            program,
            f"{program.endpoint}/v1/{DATASET}:deidentify",
            {"destinationDataset": "projects/local/locations/local/datasets/new", "config": {}},
        ),
    ]
    again = killed_inside(launch, program, paths)
    counts = [success(again.operation(path)) for path in paths]
    order = sorted(f"p{n}" for n in range(COUNT))
    edge = [
        len(again.client.get(f"{rolled}/fhir/Patient/{order[n]}/_history").json()["entry"])
        for n in (0, counts[0] - 1, counts[0], COUNT - 1)
    ]
    assert edge == [3, 3, 2, 2]
    assert again.total(deleted, "Patient") == COUNT - counts[1]
    assert again.total(safe, "Patient") == counts[2]
    assert again.total(history, "Patient") == counts[3]
    assert again.client.get(f"{history}/fhir/Patient/h0").json()["meta"] == stamp


def test_what_writes_files_is_killed_without_a_half_file(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = filled(program, "s", patients(COUNT))
    consents = filled(
        program,
        "c",
        [
            json.dumps(
                {
                    "resourceType": "Consent",
                    "id": f"c{n}",
                    "status": "active",
                    "scope": {},
                    "patient": {"reference": "Patient/1"},
                }
            )
            for n in range(COUNT)
        ],
    )
    destination = {"gcsDestination": {"uriPrefix": "gs://demo-out/out"}}
    mask = {"updateMask": "bulkExportGcsDestination"}
    where = {"bulkExportGcsDestination": destination["gcsDestination"]}
    program.client.patch(store, params=mask, json=where).raise_for_status()
    program.pace(1000)
    bulk = program.client.get(f"{store}/fhir/$export", headers={"Prefer": "respond-async"})
    paths = [
        begin(program, f"{program.endpoint}{BETA}{store}:exportHistory", destination),
        begin(program, f"{store}:bulkDelete", {**destination, "validateOnly": True}),
        begin(program, f"{consents}:applyConsents", {}),
    ]
    again = killed_inside(launch, program, paths, paths[:1])
    assert not (again.buckets / "demo-out/out").exists()
    status = bulk.headers["Content-Location"].partition(DATASET)[2].lstrip("/")
    ended = again.client.get(status)
    assert (ended.status_code, ended.json()["resourceType"]) == (500, "OperationOutcome")
    assert again.total(store, "Patient") == COUNT


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on a running process is Linux's")
def test_a_full_disk_is_an_error_and_no_corruption(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = filled(program, "s", patients(COUNT))
    big = program.put_lines("demo-out/big.ndjson", patients(40_000))
    other = program.store("t")
    process = psutil.Process(program.process.pid)
    # No file may grow past this size: the database with what comes, and the file of an export.
    files = program.data_dir.glob("service.sqlite3*")
    limit = max(file.stat().st_size for file in files) + 400_000
    process.rlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    operation = program.start_import(other, big)
    ended = program.ended(operation)
    body = {"version": "R4", "labels": {"filling": "x" * 100_000}}
    answers = (
        program.client.post("fhirStores", params={"fhirStoreId": f"x{n}"}, json=body) for n in range(20)
    )
    refused = next(answer for answer in answers if answer.is_error)
    assert refused.status_code == 429
    assert "make room" in refused.json()["error"]["message"]
    assert program.client.get(f"{store}/fhir/Patient/p1").status_code == 200
    process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert ended["error"]["code"] == 8
    assert program.total(other, "Patient") == success(ended)
    assert program.imported(other, big)["metadata"]["counter"] == {"success": "40000"}
    program.end()
    whole(launch())


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on a running process is Linux's")
def test_an_export_to_a_full_disk_fails_and_leaves_nothing(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch()
    store = filled(program, "s", patients(20_000))
    process = psutil.Process(program.process.pid)
    program.pace(1)
    operation = program.start_export(store, "gs://demo-out/full")
    program.until(operation, success)
    process.rlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    program.pace(None)
    deadline = time.monotonic() + GIVE_UP
    while list((program.buckets / ".partial").iterdir()):
        assert time.monotonic() < deadline
    process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ended = program.ended(operation)
    assert ended["error"]["code"] == 8
    assert not (program.buckets / "demo-out/full").exists()
    assert "error" not in program.ended(program.start_export(store, "gs://demo-out/full"))


def test_two_hundred_operations_that_are_queued_at_once_all_end(
    launch: Callable[..., Program], patients: Callable[..., list[str]]
) -> None:
    program = launch("--max-operations", "200")
    store = program.store("s")
    uri = program.put_lines("demo-out/few.ndjson", patients(20))
    program.pace(0.001)
    started = [program.start_import(store, uri) for _ in range(200)]
    assert program.client.post(f"{store}:import", json={"gcsSource": {"uri": uri}}).status_code == 429
    program.pace(None)
    for path in started:
        assert program.ended(path)["metadata"]["counter"] == {"success": "20"}
    assert program.total(store, "Patient") == 20
