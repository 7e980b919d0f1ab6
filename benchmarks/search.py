"""What FHIR search costs and gives in the embedded service: imports with and without an index, and searches.

Run: ``python benchmarks/search.py [RESOURCES]``. Imports of the same lines alternate, and their work is the
CPU time of the service's process, so their ratio is meaningful even on a busy machine. Each search is asked
20 times; the first search by a parameter builds its index, and is shown apart. With three parameters, an
import should keep 0.56 of its speed: 20,000 of 36,000 resources a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from local_import import observation
from measured import record

from lro_notebook import local

_POLL = 0.02
_REPEATS = 20
_ROUNDS = 3
#: Parameters that are indexed while resources are imported.
_INDEXED = {
    "three parameters": "code=x&patient=x&date=2020",
    "five parameters": "code=x&patient=x&date=2020&status=x&category=x",
}
_SEARCHES = (
    "patient=Patient/00000007",
    "patient=Patient/00000007&code=8302-2&date=ge2026-01-01",
    "code=http://loinc.org|8302-2&_count=50",
    "date=ge2026-01-01&_count=50",
    "status=final&category=vital-signs&_count=50",
    "encounter=0000000a",
    "value-quantity=gt198||cm&patient=00000007",
    "_lastUpdated=ge2026-01-01&_count=50",
    "_summary=count",
)


def main(resources: int) -> None:
    """Print the rates of the imports, and the times of searches."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lines = root / "buckets" / "bench-in" / "Observation.ndjson"
        lines.parent.mkdir(parents=True)
        with lines.open("wb") as file:
            file.writelines(observation(number) for number in range(resources))
        service = local.ensure(root)
        try:
            headers = {"Authorization": f"Bearer {service.token}"}
            with httpx.Client(base_url=f"{service.endpoint}/v1/", headers=headers, timeout=3600) as client:
                about = client.get(f"{service.endpoint}/.lro-local").raise_for_status().json()
                process = psutil.Process(int(about["pid"]))
                kept, found = _compare(client, f"{service.dataset}/fhirStores", process)
        finally:
            local.stop(root)
    record("search", {"resources": resources, "speed_kept": kept, "searches": found})


def _compare(
    client: httpx.Client, stores: str, process: psutil.Process
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return what share of its speed an import keeps with an index, and the milliseconds of searches."""
    best: dict[str, float] = {}
    for attempt in range(_ROUNDS):
        for name, search in {"no index": "", **_INDEXED}.items():
            store = f"{stores}/{name.replace(' ', '-')}-{attempt}"
            client.post(stores, params={"fhirStoreId": store.rpartition("/")[2]}, json={"version": "R4"})
            if search:
                client.get(f"{store}/fhir/Observation?{search}").raise_for_status()
            rate, work, latencies = _import(client, store, process)
            best[name] = min(work, best.get(name, work))
            p99 = statistics.quantiles(latencies, n=100)[98] * 1000
            print(
                f"import, {name:<17} {rate:>8,.0f} a second   {work * 1e6:>5.1f} µs of work each   "
                f"status median {statistics.median(latencies) * 1000:.1f} ms, p99 {p99:.1f} ms"
            )
    kept = {name: best["no index"] / best[name] for name in _INDEXED}
    found = {}
    for name, share in kept.items():
        print(f"{name}: {share:.2f} of the speed without an index")
    print(f"{'search':<58} {'first':>10} {'median':>8} {'p90':>8} {'found':>9}")
    for search in _SEARCHES:
        first, *times = (_search(client, f"{stores}/five-parameters-0", search) for _ in range(_REPEATS + 1))
        seconds = sorted(time for time, _ in times)
        print(
            f"{search:<58} {first[0] * 1000:>7.0f} ms {statistics.median(seconds) * 1000:>5.1f} ms "
            f"{seconds[int(_REPEATS * 0.9)] * 1000:>5.1f} ms {first[1]:>9,}"
        )
        found[search] = {
            "first_ms": first[0] * 1000,
            "median_ms": statistics.median(seconds) * 1000,
            "found": first[1],
        }
    return kept, found


def _search(client: httpx.Client, store: str, search: str) -> tuple[float, int]:
    """Return the seconds of one search, and the total that it tells."""
    start = time.perf_counter()
    bundle = client.get(f"{store}/fhir/Observation?{search}").raise_for_status().json()
    return time.perf_counter() - start, bundle["total"]


def _import(client: httpx.Client, store: str, process: psutil.Process) -> tuple[float, float, list[float]]:
    """Return resources a second, the service's own seconds for each, and those of each status request."""
    body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": "gs://bench-in/*.ndjson"}}
    start, before = time.perf_counter(), sum(process.cpu_times()[:2])
    operation = client.post(f"{store}:import", json=body).raise_for_status().json()["name"]
    latencies = []
    while True:
        asked = time.perf_counter()
        state = client.get(operation).raise_for_status().json()
        latencies.append(time.perf_counter() - asked)
        if state.get("done"):
            number = int(state["metadata"]["counter"]["success"])
            work = (sum(process.cpu_times()[:2]) - before) / number
            return number / (time.perf_counter() - start), work, latencies
        time.sleep(_POLL)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
