"""What FHIR search costs and gives in the embedded service: imports with and without an index, and searches.

Run: ``python benchmarks/search.py [RESOURCES]``. Imports of the same lines alternate, so their ratio is
meaningful even where the absolute figures are not. Searches are asked 20 times each; the first one of a store
builds the index of its parameters, and is shown apart.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
from local_import import observation

from lro_notebook import local

_POLL = 0.02
_REPEATS = 20
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
                _compare(client, f"{service.dataset}/fhirStores")
        finally:
            local.stop(root)


def _compare(client: httpx.Client, stores: str) -> None:
    rates = {}
    for name, search in {"no index": "", **_INDEXED}.items():
        store = f"{stores}/{name.replace(' ', '-')}"
        client.post(stores, params={"fhirStoreId": store.rpartition("/")[2]}, json={"version": "R4"})
        if search:
            client.get(f"{store}/fhir/Observation?{search}").raise_for_status()
        rates[name], latencies = _import(client, store)
        p99 = statistics.quantiles(latencies, n=100)[98] * 1000
        print(
            f"import, {name:<17} {rates[name]:>9,.0f} a second   ratio {rates[name] / rates['no index']:.2f}"
            f"   status median {statistics.median(latencies) * 1000:.1f} ms, p99 {p99:.1f} ms"
        )
    print(f"{'search':<58} {'first':>10} {'median':>8} {'p90':>8} {'found':>9}")
    for search in _SEARCHES:
        first, *times = (_search(client, f"{stores}/five-parameters", search) for _ in range(_REPEATS + 1))
        seconds = sorted(time for time, _ in times)
        print(
            f"{search:<58} {first[0] * 1000:>7.0f} ms {statistics.median(seconds) * 1000:>5.1f} ms "
            f"{seconds[int(_REPEATS * 0.9)] * 1000:>5.1f} ms {first[1]:>9,}"
        )


def _search(client: httpx.Client, store: str, search: str) -> tuple[float, int]:
    """Return the seconds of one search, and the total that it tells."""
    start = time.perf_counter()
    bundle = client.get(f"{store}/fhir/Observation?{search}").raise_for_status().json()
    return time.perf_counter() - start, bundle["total"]


def _import(client: httpx.Client, store: str) -> tuple[float, list[float]]:
    """Return resources a second, and the seconds of each status request meanwhile."""
    body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": "gs://bench-in/*.ndjson"}}
    start = time.perf_counter()
    operation = client.post(f"{store}:import", json=body).raise_for_status().json()["name"]
    latencies = []
    while True:
        asked = time.perf_counter()
        state = client.get(operation).raise_for_status().json()
        latencies.append(time.perf_counter() - asked)
        if state.get("done"):
            number = int(state["metadata"]["counter"]["success"])
            return number / (time.perf_counter() - start), latencies
        time.sleep(_POLL)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
