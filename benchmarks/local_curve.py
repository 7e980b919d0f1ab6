"""How the rates of the embedded service's import and export change with the size of the data.

Run: ``python benchmarks/local_curve.py [RESOURCES ...]``. The columns "flat" compare a rate with
that of the smallest size: 1.00 is flat. Memory is the peak of the service's process.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from local_import import observation
from measured import record

from lro_notebook import local

_POLL = 0.02
_SIZES = (10_000, 40_000, 100_000)


def main(sizes: list[int]) -> None:
    """Print a row per size."""
    print("  resources    import/s   flat    export/s   flat   status p50     p99   memory")
    first: tuple[float, float] | None = None
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        service = local.ensure(Path(folder) / "service")
        try:
            for size in sizes:
                row = _measure(service, size)
                first = first or (row["import"], row["export"])
                rows[str(size)] = {
                    "import_a_second": row["import"],
                    "export_a_second": row["export"],
                    "import_of_first": row["import"] / first[0],
                    "export_of_first": row["export"] / first[1],
                    "status_median_ms": row["p50"] * 1000,
                    "status_p99_ms": row["p99"] * 1000,
                    "memory_mb": row["memory"] / 2**20,
                }
                print(
                    f"{size:>11,} {row['import']:>11,.0f} {row['import'] / first[0]:>6.2f} "
                    f"{row['export']:>11,.0f} {row['export'] / first[1]:>6.2f} "
                    f"{row['p50'] * 1000:>9.1f} ms {row['p99'] * 1000:>4.0f} ms {row['memory'] >> 20:>5} MB"
                )
        finally:
            local.stop(Path(folder) / "service")
    record("local_curve", {"resources": rows})


def _measure(service: local.Running, size: int) -> dict[str, Any]:
    """Import and export `size` resources in a store of their own."""
    name = f"curve-{size}"
    source = service.buckets / name / "Observation.ndjson"
    source.parent.mkdir()
    with source.open("wb") as file:
        file.writelines(observation(number) for number in range(size))
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=f"{service.endpoint}/v1/", headers=headers, timeout=60) as client:
        stores = f"{service.dataset}/fhirStores"
        client.post(stores, params={"fhirStoreId": name}, json={"version": "R4"}).raise_for_status()
        store = f"{stores}/{name}"
        body = {"contentStructure": "RESOURCE", "gcsSource": {"uri": f"gs://{name}/*.ndjson"}}
        imported, latencies, memory = _run(client, f"{store}:import", body)
        body = {"gcsDestination": {"uriPrefix": f"gs://{name}/out"}}
        exported, _, later = _run(client, f"{store}:export", body)
        client.delete(store).raise_for_status()
    quantiles = statistics.quantiles(latencies, n=100)
    return {
        "import": size / imported,
        "export": size / exported,
        "p50": quantiles[49],
        "p99": quantiles[98],
        "memory": max(memory, later),
    }


def _run(client: httpx.Client, path: str, body: dict[str, Any]) -> tuple[float, list[float], int]:
    """Return the seconds of an operation and of each status request, and the service's memory in bytes."""
    pid = int(client.get(str(client.base_url.copy_with(path="/.lro-local"))).json()["pid"])
    process, memory = psutil.Process(pid), 0
    start = time.perf_counter()
    operation = client.post(path, json=body).raise_for_status().json()["name"]
    latencies: list[float] = []
    while True:
        asked = time.perf_counter()
        state = client.get(operation).raise_for_status().json()
        latencies.append(time.perf_counter() - asked)
        memory = max(memory, process.memory_info().rss)
        if state.get("done"):
            return time.perf_counter() - start, latencies, memory
        time.sleep(_POLL)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(_SIZES))
