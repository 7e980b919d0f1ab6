"""Handles of operations that nobody asks for: tests show and draw them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fakes import Clock, ManualScheduler, operation

from lro_notebook import Operation, OperationResource
from lro_notebook.jupyter.card_model import Card, card_of
from lro_notebook.operations.journal import StartRecord
from lro_notebook.operations.poller import OperationPoller

NOW = datetime(2026, 3, 4, 9, 3, 10, tzinfo=UTC)
CREATED = "2026-03-04T09:00:00Z"


class Silent:
    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None: ...


def handle(data: dict[str, object], **record: object) -> Operation:
    clock = Clock()
    poller = OperationPoller(
        Silent(),
        OperationResource.from_dict(data),
        scheduler=ManualScheduler(clock),
        clock=clock,
        now=lambda: NOW,
    )
    base = {
        "service": "s",
        "method": "fhirStores.export",
        "target": "projects/p/fhirStores/demo",
        "requested": NOW,
    }
    return Operation(poller, record=StartRecord(**{**base, **record}) if record else None)  # type: ignore[arg-type]


def counted(**counter: int) -> dict[str, object]:
    return {"createTime": CREATED, "counter": {key: str(value) for key, value in counter.items()}}


def running() -> Card:
    op = handle(
        operation(metadata=counted(success=41_000, failure=200, pending=41_200)),
        source="projects/p/locations/l/datasets/d/fhirStores/demo",
        destination="gs://out/run-1",
    )
    return replace(card_of(op, NOW), rate=1_200.0, left=34.4)
