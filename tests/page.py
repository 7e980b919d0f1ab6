"""What one cell publishes, collected without a kernel, and the operations that it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fakes import Clock, ManualScheduler, operation

from lro_notebook import Operation, OperationResource
from lro_notebook.jupyter.card_widget import CardWidget
from lro_notebook.jupyter.cell_output import CellOutput
from lro_notebook.jupyter.table_widget import TableWidget
from lro_notebook.operations.poller import OperationPoller

VIEW = "application/vnd.jupyter.widget-view+json"
NOW = datetime(2026, 3, 4, 9, 0, 5, tzinfo=UTC)


class Source:
    def __init__(self) -> None:
        self.cancelled = 0

    def poll(self) -> OperationResource:
        raise AssertionError

    get = poll

    def cancel(self) -> None:
        self.cancelled += 1


class Ticking(ManualScheduler):
    """A scheduler whose clocks tick when the test says so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.tickers: list[Any] = []

    def tick_with(self, ticker: Any) -> None:
        if ticker not in self.tickers:
            self.tickers.append(ticker)

    def untick(self, ticker: Any) -> None:
        if ticker in self.tickers:
            self.tickers.remove(ticker)

    def tick(self) -> None:
        for ticker in list(self.tickers):
            ticker()


class Page:
    """Collects what is published: the outputs of a cell by display id."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.scheduler = Ticking(self.clock)
        self.outputs: dict[str, dict[str, Any]] = {}
        self.published = 0

    def publish(self, bundle: dict[str, Any], display_id: str, update: bool) -> None:  # noqa: FBT001 - as it is called
        assert update == (display_id in self.outputs)
        self.published += 1
        self.outputs[display_id] = bundle

    @property
    def saved(self) -> dict[str, Any]:
        return next(bundle for key, bundle in self.outputs.items() if key.endswith("-saved"))

    @property
    def live(self) -> dict[str, Any]:
        return next((bundle for key, bundle in self.outputs.items() if key.endswith("-live")), {})

    def handle(self, number: int) -> tuple[Operation, Source]:
        source = Source()
        data = operation(name=f"operations/{number}", metadata=counter(1, 9))
        poller = OperationPoller(
            source,
            OperationResource.from_dict(data),
            scheduler=self.scheduler,
            clock=self.clock,
            now=lambda: NOW,
        )
        return Operation(poller), source

    def show(self, *operations: Operation) -> CellOutput:
        cell_output = CellOutput(
            list(operations),
            self.publish,
            scheduler=self.scheduler,  # type: ignore[arg-type]  # driven by hand
            clock=self.clock,
            now=lambda: NOW,
        )
        cell_output.show()
        return cell_output


def card(cell_output: CellOutput) -> CardWidget:
    assert cell_output._live is not None
    assert isinstance(cell_output._live._content, CardWidget)
    return cell_output._live._content


def table(cell_output: CellOutput) -> TableWidget:
    assert cell_output._live is not None
    assert isinstance(cell_output._live._content, TableWidget)
    return cell_output._live._content


def counter(success: int, pending: int) -> dict[str, Any]:
    counts = {"success": str(success), "pending": str(pending)}
    return {"createTime": "2026-03-04T09:00:00Z", "apiMethodName": "x.ImportResources", "counter": counts}


def end(op: Operation, **fields: Any) -> None:
    data = operation(name=op.name, done=True, metadata=counter(10, 0), **fields)
    op.poller.update(OperationResource.from_dict(data))
