"""How many metadata objects a second become Progress, by shape; the aim is 100,000."""

from __future__ import annotations

import time
import timeit
from functools import partial
from typing import Any

from measured import record

from lro_notebook import Progress

_AT = "2026-03-04T09:00:00.123456Z"
SHAPES: dict[str, dict[str, Any]] = {
    "empty": {},
    "times and verb": {"createTime": _AT, "endTime": _AT, "verb": "create", "target": "projects/p/x/y"},
    "counter": {
        "apiMethodName": "x.Import",
        "createTime": _AT,
        "counter": {"success": "10", "pending": "90"},
        "logsUrl": "https://x.example.com",
    },
    "pairs": {
        "startTime": _AT,
        "operationState": "PROCESSING",
        "progressDocuments": {"completedWork": "10", "estimatedWork": "90"},
        "progressBytes": {"completedWork": "10", "estimatedWork": "90"},
    },
    "nested common": {"genericMetadata": {"createTime": _AT, "updateTime": _AT}},
}


def main() -> None:
    """Print the figure of each shape, by the time that this thread worked: others may work too."""
    calls, rates = 5_000, {}
    for name, metadata in SHAPES.items():
        run = timeit.Timer(partial(Progress.from_metadata, metadata), timer=time.thread_time)
        seconds = min(run.repeat(number=calls, repeat=7))
        rates[name] = calls / seconds
        print(f"{name:15} {rates[name]:>10,.0f} a second")
    record("progress", {"a_second": rates, "least_a_second": min(rates.values())})


if __name__ == "__main__":
    main()
