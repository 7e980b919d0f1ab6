"""What a tick of the live table costs the kernel: 1,000 operations of which 50 have changed.

Usage: python benchmarks/table.py

Processor time and bytes of one tick, beside 50 cards (what a table replaces). The widgets are real; their
messages are counted instead of sent.
"""

from __future__ import annotations

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import comm
from comm.base_comm import BaseComm
from measured import record

from lro_notebook import Operation, OperationResource
from lro_notebook.jupyter.cell_output import CellOutput
from lro_notebook.operations.poller import OperationPoller
from lro_notebook.operations.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT, CHANGED, ROUNDS = 1_000, 50, 40
AIM_MS, AIM_BYTES = 5.0, 20_000
BEGAN = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
DATASET = "projects/hospital/locations/europe-west3/datasets/research"


class Counted(BaseComm):
    """A comm that counts the bytes that it would send."""

    sent = 0

    def publish_msg(
        self,
        msg_type: str,
        data: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,  # noqa: ARG002 - as in comm
        buffers: list[bytes] | None = None,  # noqa: ARG002 - as in comm
        **_: Any,
    ) -> None:
        """Count a message."""
        Counted.sent += len(msg_type) + len(json.dumps(data or {}))


class Idle(Scheduler):
    """A scheduler whose clocks tick when the benchmark says so."""

    def tick_with(self, ticker: Callable[[], object]) -> None:
        """Do nothing."""

    untick = tick_with


def resource(number: int, done: int) -> OperationResource:
    """Return a running import that has done so much of its 10,000 units."""
    counter = {"success": str(done), "failure": str(number % 3), "pending": str(10_000 - done)}
    metadata = {
        "@type": "type.googleapis.com/google.cloud.healthcare.v1.OperationMetadata",
        "apiMethodName": "google.cloud.healthcare.v1.fhir.FhirStoreService.ImportResources",
        "createTime": BEGAN.isoformat(),
        "logsUrl": "https://console.cloud.google.com/logs/query",
        "target": f"{DATASET}/fhirStores/ward-{number}",
        "counter": counter,
    }
    return OperationResource(f"{DATASET}/operations/{4208170392110303 + number}", metadata=metadata)


class Page:
    """Operations, a clock, and the cell outputs that show them."""

    def __init__(self, *, together: bool) -> None:
        self.scheduler, self.seconds, self.rounds = Idle(), 0.0, 0
        self.operations = [Operation(self._poller(number)) for number in range(COUNT)]
        groups = [self.operations] if together else [[operation] for operation in self.operations[:CHANGED]]
        self.cell_outputs = [
            CellOutput(
                group, self._publish, scheduler=self.scheduler, clock=lambda: self.seconds, now=self._now
            )
            for group in groups
        ]
        for cell_output in self.cell_outputs:
            cell_output.show()

    def change(self) -> None:
        """Let a quarter of a second pass, in which so many operations have changed."""
        self.seconds += 0.25
        self.rounds += 1
        for number in range(CHANGED):
            changed = resource(number, 10 * self.rounds)
            self.operations[number].poller.update(changed)

    def tick(self) -> None:
        """Bring everything up to date."""
        for cell_output in self.cell_outputs:
            cell_output.redraw()

    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=60 + self.seconds)

    def _publish(self, bundle: dict[str, Any], *_: object) -> None:
        Counted.sent += len(json.dumps(bundle))

    def _poller(self, number: int) -> OperationPoller:
        return OperationPoller(object(), resource(number, 0), scheduler=self.scheduler, now=self._now)  # type: ignore[arg-type]  # asked nothing


def measure(page: Page) -> tuple[float, float, float, float]:
    """Return the median and the worst of the milliseconds, and of the bytes, of a tick."""
    times, sizes = [], []
    for _ in range(ROUNDS):
        page.change()
        Counted.sent, began = 0, time.thread_time()
        page.tick()
        times.append(1e3 * (time.thread_time() - began))
        sizes.append(Counted.sent)
    return statistics.median(times), max(times), statistics.median(sizes), max(sizes)


def main() -> None:
    """Measure and print."""
    comm.create_comm = Counted
    began = time.perf_counter()
    table = Page(together=True)
    shown = time.perf_counter() - began
    cards = measure(Page(together=False))
    ms, worst, size, largest = measure(table)
    print(f"{COUNT:,} operations shown in {shown:.2f} s; {CHANGED} of them change in a tick")
    print(f"table: {ms:.2f} ms a tick, {size:,.0f} bytes; the worst {worst:.2f} ms, {largest:,.0f} bytes")
    print(f"  of what is aimed at: {ms / AIM_MS:.2f} of {AIM_MS:g} ms, {size / AIM_BYTES:.2f} of 20 kB")
    print(f"  of {CHANGED} cards: {ms / cards[0]:.2f} of the time, {size / cards[2]:.2f} of the bytes")
    record(
        "table",
        {
            "operations": COUNT,
            "changed": CHANGED,
            "ms": ms,
            "kb": size / 1000,
            "shown_s": shown,
            "time_of_cards": ms / cards[0],
            "bytes_of_cards": size / cards[2],
        },
    )


if __name__ == "__main__":
    main()
