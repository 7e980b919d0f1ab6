"""What one cell publishes, collected without a kernel, and the operations that it shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fakes import Clock, ManualScheduler, operation

from lro_notebook import Operation, OperationResource
from lro_notebook.jupyter.card_widget import ASK
from lro_notebook.jupyter.cell_output import CellOutput
from lro_notebook.operations.poller import OperationPoller

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        self.leafed_through = True
        self.moves = True

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
            leafed_through=self.leafed_through,
            moves=self.moves,
        )
        cell_output.show()
        return cell_output


class Seen:
    """What a front end shows of a cell output that lives: its widgets, found as people find them."""

    def __init__(self, cell_output: CellOutput) -> None:
        self.root = cell_output.root

    def widgets(self, kind: str = "") -> list[Any]:
        """Return the widgets, in their order; those of one kind, if it is given, such as ``Button``."""
        return [widget for widget, _ in _within(self.root) if not kind or type(widget).__name__ == kind]

    def of(self, kind: str, description: str = "") -> Any:
        """Return the one widget of a kind, with a description if it is given."""
        (found,) = (one for one in self.widgets(kind) if description in ("", one.description))
        return found

    @property
    def cancel(self) -> Any:
        """The button that asks the service to stop, whatever it says now."""
        (found,) = (one for one in self.widgets("Button") if one.tooltip == ASK)
        return found

    @property
    def html(self) -> str:
        """The HTML of all parts."""
        return "".join(widget.value for widget in self.widgets("HTML"))

    @property
    def text(self) -> str:
        """The words that are seen, without those of controls."""
        return re.sub(r"<style.*?</style>|<[^>]*>", " ", self.html, flags=re.DOTALL)

    def is_visible(self, widget: Any) -> bool:
        """Tell whether a widget is shown, and not hidden with what it is in."""
        return next(shown for each, shown in _within(self.root) if each is widget)


def _within(widget: Any, *, shown: bool = True) -> Iterator[tuple[Any, bool]]:
    """Yield a widget and those in it, each with whether it is shown."""
    shown = shown and widget.layout.display != "none"
    yield widget, shown
    for child in getattr(widget, "children", ()):
        yield from _within(child, shown=shown)


def counter(success: int, pending: int) -> dict[str, Any]:
    counts = {"success": str(success), "pending": str(pending)}
    return {"createTime": "2026-03-04T09:00:00Z", "apiMethodName": "x.ImportResources", "counter": counts}


def end(op: Operation, **fields: Any) -> None:
    data = operation(name=op.name, done=True, metadata=counter(10, 0), **fields)
    op.poller.update(OperationResource.from_dict(data))
