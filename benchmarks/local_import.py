"""How fast the embedded service imports, next to bare `orjson.loads` and `executemany` of the same lines.

Run: ``python benchmarks/local_import.py [RESOURCES]``. Both run together on the same machine, so the ratio
is meaningful even where the absolute figures are not.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import orjson
from measured import record

from lro_notebook import local

_BATCH = 1000
_POLL = 0.05
_SOURCE = "gs://bench-in/*.ndjson"


def main(resources: int) -> None:
    """Print both speeds, their ratio, and the latency of status requests meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lines = root / "service" / "buckets" / "bench-in" / "Observation.ndjson"
        lines.parent.mkdir(parents=True)
        lines.write_bytes(b"".join(observation(number) for number in range(resources)))
        bare = min(_bare(lines, root / f"bare-{attempt}.sqlite3") for attempt in range(3))
        service = local.ensure(root / "service")
        try:
            results = [_import(service, f"store-{attempt}") for attempt in range(3)]
        finally:
            local.stop(root / "service")
    full = min(seconds for seconds, _ in results)
    latencies = sorted(latency for _, samples in results for latency in samples)
    p99 = statistics.quantiles(latencies, n=100)[98]
    print(f"resources                 {resources:>10,}")
    print(f"orjson + executemany      {resources / bare:>10,.0f} a second")
    print(f"import through service    {resources / full:>10,.0f} a second")
    print(f"ratio                     {bare / full:>10.2f}   (at least 0.33)")
    print(f"status request, median    {statistics.median(latencies) * 1000:>10.1f} ms")
    print(f"status request, 99 %      {p99 * 1000:>10.1f} ms")
    print(f"status request, slowest   {latencies[-1] * 1000:>10.1f} ms")
    record(
        "local_import",
        {
            "resources": resources,
            "a_second": resources / full,
            "of_bare": bare / full,
            "status_median_ms": statistics.median(latencies) * 1000,
            "status_p99_ms": p99 * 1000,
            "status_slowest_ms": latencies[-1] * 1000,
        },
    )


def observation(number: int) -> bytes:
    """Return a resource of about 900 bytes, as in bulk exports."""
    coding = {"system": "http://loinc.org", "code": "8302-2", "display": "Body Height"}
    resource = {
        "resourceType": "Observation",
        # Spread like the random ids of real data, so that the index is filled in no order.
        "id": f"{number * 2654435761 % 2**32:08x}-{number:08x}",
        "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-body-height"]},
        "status": "final",
        "category": [{"coding": [{**coding, "code": "vital-signs", "display": "Vital signs"}]}],
        "code": {"coding": [coding], "text": "Body Height"},
        "subject": {"reference": f"Patient/{number % 1000:08x}"},
        "encounter": {"reference": f"Encounter/{number // 7:08x}"},
        "effectiveDateTime": "2026-01-31T09:00:00+01:00",
        "issued": "2026-01-31T09:00:00.123+01:00",
        "valueQuantity": {
            "value": 150 + number % 50,
            "unit": "cm",
            "system": "http://unitsofmeasure.org",
            "code": "cm",
        },
        "note": [{"text": "Measured without shoes, standing upright, by the nurse of the day."}],
    }
    return orjson.dumps(resource) + b"\n"


def _bare(lines: Path, path: Path) -> float:
    """Return the seconds that reading, parsing and inserting the lines takes."""
    start = time.perf_counter()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE resources (type TEXT, id TEXT, body BLOB, UNIQUE (type, id))")
    rows: list[tuple[str, str, bytes]] = []
    with lines.open("rb") as file:
        for line in file:
            resource = orjson.loads(line)
            rows.append((resource["resourceType"], resource["id"], line))
            if len(rows) == _BATCH:
                _insert(connection, rows)
                rows = []
    _insert(connection, rows)
    connection.close()
    return time.perf_counter() - start


def _insert(connection: sqlite3.Connection, rows: list[tuple[str, str, bytes]]) -> None:
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO resources (type, id, body) VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")


def _import(service: local.Running, store: str) -> tuple[float, list[float]]:
    """Return the seconds from the start request to the end that a poll sees, and each poll's own."""
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=f"{service.endpoint}/v1/", headers=headers, timeout=60) as client:
        name = f"{service.dataset}/fhirStores"
        client.post(name, params={"fhirStoreId": store}, json={"version": "R4"}).raise_for_status()
        start = time.perf_counter()
        body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": _SOURCE}}
        operation = client.post(f"{name}/{store}:import", json=body).raise_for_status().json()["name"]
        latencies = []
        while True:
            asked = time.perf_counter()
            state = client.get(operation).raise_for_status().json()
            latencies.append(time.perf_counter() - asked)
            if state.get("done"):
                return time.perf_counter() - start, latencies
            time.sleep(_POLL)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
