"""What a long journal costs: the bookkeeping of a start, a look-up, the table; 1,000 and 1,000,000 rows.

Usage: python benchmarks/journal.py [rows]
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from measured import record as write_figures

from lro_notebook.operations.journal import PRUNE_EVERY, Journal, StartRecord
from lro_notebook.operations.resource import format_timestamp
from lro_notebook.reports.frames import started_frame

if TYPE_CHECKING:
    from collections.abc import Callable

DATASET = "projects/my-project/locations/us-central1/datasets/my-dataset"
ENDPOINT = "https://healthcare.googleapis.com"


def record(moment: datetime) -> StartRecord:
    """Return what is noted of an export."""
    return StartRecord(
        service=ENDPOINT,
        method="fhirStores.export",
        target=f"{DATASET}/fhirStores/demo",
        requested=moment,
        source=f"{DATASET}/fhirStores/demo",
        destination="gs://demo-out/run",
        types=("Patient", "Observation"),
    )


def fill(journal: Journal, count: int, *, age: timedelta) -> None:
    """Write `count` rows of exports that ended, the oldest `age` ago."""
    began = datetime.now(UTC) - age
    journal.refused(journal.intend(record(began)))  # makes the file
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO started (service, method, target, source, destination, types, requested, name, "
            "state, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'SUCCEEDED', ?)",
            (
                (
                    ENDPOINT,
                    "fhirStores.export",
                    f"{DATASET}/fhirStores/demo",
                    f"{DATASET}/fhirStores/demo",
                    f"gs://demo-out/run-{number}",
                    "Patient,Observation",
                    format_timestamp(began + age * number / count),
                    f"{DATASET}/operations/{number}",
                    format_timestamp(began + age * number / count),
                )
                for number in range(count)
            ),
        )


def start(journal: Journal, number: int) -> None:
    """Do what one start and its end write."""
    moment = datetime.now(UTC)
    name = f"{DATASET}/operations/new-{number}"
    journal.answered(journal.intend(record(moment)), name)
    journal.ended(name, "SUCCEEDED", moment, service=ENDPOINT)


def seconds(work: Callable[[int], object], times: int) -> float:
    """Return the median of so many goes."""
    taken = []
    for number in range(times):
        began = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def measured(count: int, folder: Path) -> dict[str, float]:
    """Return the seconds of each use of a journal of so many rows."""
    journal = Journal(folder / f"{count}.sqlite3")
    fill(journal, count, age=timedelta(days=300))
    step = max(1, count // 50)
    found = {
        "start and end": seconds(lambda number: start(journal, number), 200),
        "prune": seconds(lambda _: journal.prune(count, datetime.now(UTC)), 20),
        "find": seconds(
            lambda number: journal.find(f"{DATASET}/operations/{number * step}", service=ENDPOINT), 50
        ),
        "find, none": seconds(lambda number: journal.find(f"operations/{number}", service=ENDPOINT), 50),
        "count": seconds(lambda _: len(journal), 5),
        "newest 1,000": seconds(lambda _: started_frame(journal.pages(1000)), 10),
    }
    me = psutil.Process()
    before = me.memory_info().rss
    began = time.perf_counter()
    frame = started_frame(journal.pages())
    found["all"] = time.perf_counter() - began
    print(
        f"{count:,} rows: {journal.path.stat().st_size / 1e6:.0f} MB on disk; all {len(frame):,} rows "
        f"as a frame hold {(me.memory_info().rss - before) / 1e6:.0f} MB"
    )
    return found


def pruned(count: int, folder: Path) -> float:
    """Show what a start costs while half a million rows are too old."""
    journal = Journal(folder / "old.sqlite3")
    fill(journal, count, age=timedelta(days=1200))
    began = time.perf_counter()
    for number in range(2 * PRUNE_EVERY):
        start(journal, number)
    each = (time.perf_counter() - began) / (2 * PRUNE_EVERY)
    print(
        f"a start and its end while old rows are removed: {each * 1e3:.2f} ms; {len(journal):,} rows are left"
    )
    return each


def main() -> None:
    """Measure both, and tell the ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        few, many = measured(1000, Path(name)), measured(count, Path(name))
        print(f"{'ms':16}{'1,000 rows':>12}{f'{count:,} rows':>18}{'ratio':>8}")
        for what, much in many.items():
            print(f"{what:16}{few[what] * 1e3:12.2f}{much * 1e3:18.2f}{much / few[what]:8.1f}")
        pruning = pruned(count // 5, Path(name))
    write_figures(
        "journal",
        {
            "rows": count,
            "ms": {what: much * 1e3 for what, much in many.items()},
            "prune_start_ms": pruning * 1e3,
            "ms_of_1000_rows": {what: much * 1e3 for what, much in few.items()},
        },
    )


if __name__ == "__main__":
    main()
