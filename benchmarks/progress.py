"""How many metadata objects a second become Progress, beside parsing their JSON."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from lro_notebook import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

TIME = "2026-03-04T09:00:00.123456Z"
SHAPES: dict[str, dict[str, Any]] = {
    "healthcare": {
        "@type": "type.googleapis.com/google.cloud.healthcare.v1.OperationMetadata",
        "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirStoreService.ImportResources",
        "createTime": TIME,
        "logsUrl": "https://console.cloud.google.com/logs/query/x",
        "counter": {"pending": "750", "success": "240", "failure": "10"},
    },
    "times only": {
        "createTime": TIME,
        "endTime": TIME,
        "verb": "create",
        "target": "projects/p",
        "apiVersion": "v1",
    },
    "vertex": {"genericMetadata": {"createTime": TIME, "updateTime": TIME}, "progressPercentage": 40},
    "firestore": {
        "startTime": TIME,
        "operationState": "PROCESSING",
        "progressDocuments": {"completedWork": "10", "estimatedWork": "100"},
        "progressBytes": {"completedWork": "10", "estimatedWork": "100"},
    },
    "empty": {},
}
TIMES = 20_000


def rate(function: Callable[[Any], object], value: object) -> float:
    """Return calls a second, the best of three."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(TIMES):
            function(value)
        best = min(best, time.perf_counter() - began)
    return TIMES / best


if __name__ == "__main__":
    for name, metadata in SHAPES.items():
        read, parsed = rate(Progress.from_metadata, metadata), rate(json.loads, json.dumps(metadata))
        print(f"{name:12} {read:10,.0f} a second, {read / parsed:.2f} of json.loads")
