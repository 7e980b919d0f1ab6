"""`Surface`: what one cell shows of the operations that it started, live and then for good.

One operation is a card, several are one table. A surface has two outputs: a snapshot in html and text,
which is what a saved notebook keeps, and a widget view with the live parts and the Cancel button. While
the widget is on the page its style hides the snapshot; at the end the snapshot is final and the widget
goes away. Clocks tick in the scheduler's thread; nothing here sends a request.
"""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter import render
from lro_notebook.jupyter.view import view_of
from lro_notebook.polling import Scheduler, shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.jupyter.view import CardView
    from lro_notebook.operation import Operation

REFRESH = 5.0  # seconds between two snapshots of a running operation
CANCELLING = "Cancelling…"
_VIEW = "application/vnd.jupyter.widget-view+json"


class _Cancelling:
    """A scheduler job that asks for the cancellation of operations, once."""

    def __init__(self, operations: list[Operation], tell: Callable[[str], object]) -> None:
        self._operations, self._tell = operations, tell

    def run(self) -> None:
        """Ask; the request goes out in a request thread, so the button answers at once."""
        for operation in self._operations:
            operation.cancel()

    def abandon(self, error: BaseException) -> None:
        """Tell that it could not be asked."""
        self._tell(type(error).__name__)


class Surface:
    """Shows operations in one cell.

    Parameters
    ----------
    operations : list of Operation
        What to show first; more may be added.
    publish : callable
        Takes a MIME bundle, a display id and whether that output exists already.
    scheduler : Scheduler
        Ticks the clocks, and sends the cancellations.
    """

    def __init__(
        self,
        operations: list[Operation],
        publish: Callable[[dict[str, Any], str, bool], object],
        *,
        scheduler: Scheduler | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.operations = list(operations)
        self._publish, self._clock, self._now = publish, clock, now
        self._scheduler = scheduler or shared()
        self._key = uuid.uuid4().hex[:12]
        self._lock = threading.RLock()
        self._live: _Live | None = None
        self._left: _Live | None = None
        self._over = False
        self._saved_at, self._saved_words = 0.0, ""
        self._note = ""

    @property
    def comm_ids(self) -> list[str]:
        """The comms whose messages are ours."""
        live = self._live
        return live.comm_ids if live is not None else []

    def show(self) -> None:
        """Show the operations in the cell that runs."""
        with self._lock:
            self._save(update=False)
            if self._ended():
                return
            self._go_live(update=False)
        self._scheduler.tick_with(self.tick)

    def add(self, operation: Operation) -> None:
        """Show one more operation: the card becomes a table."""
        with self._lock:
            self.operations.append(operation)
            self._save(update=True)
            if self._live is not None:
                self._live.update(self._views())
            else:
                self._go_live(update=self._over)
        self._scheduler.tick_with(self.tick)

    def note(self, text: str) -> None:
        """Show a line that the operations themselves do not say; empty for none."""
        self._note = text

    def tick(self) -> None:
        """Bring the live parts up to date; make the end final."""
        if self._ended():
            self.finish()
            return
        with self._lock:
            if self._live is None:
                return
            views = self._views()
            self._live.update(views)
            if self._clock() - self._saved_at >= REFRESH or _words(views) != self._saved_words:
                self._save(update=True)

    def finish(self) -> None:
        """Put the final snapshot in place of everything live, if all has ended."""
        if not self._ended():
            return
        self._scheduler.untick(self.tick)
        with self._lock:
            live, self._live = self._live, None
            if live is None:
                return
            self._over = True
            self._save(update=True)
            self._publish({"text/html": "", "text/plain": ""}, f"{self._key}-live", True)  # noqa: FBT003
            # A page that was loaded again gets no updates of outputs, but still shows the widget: so that
            # says the end too, and stays.
            live.end(render.alone(self._views()))
            self._left = live

    def close(self) -> None:
        """Let go of the widgets that were left for pages that were loaded again."""
        with self._lock:
            left, self._left = self._left, None
        if left is not None:
            left.close()

    def _ended(self) -> bool:
        return all(operation.resource.done for operation in self.operations)

    def _views(self) -> list[CardView]:
        now = self._now()
        return [view_of(operation, now, trouble=self._note) for operation in self.operations]

    def _save(self, *, update: bool) -> None:
        views = self._views()
        key = "" if self._ended() else self._key
        text = render.text(views[0]) if len(views) == 1 else render.table_text(views)
        self._saved_at, self._saved_words = self._clock(), _words(views)
        bundle = {"text/html": render.alone(views, key), "text/plain": text}
        self._publish(bundle, f"{self._key}-saved", update)

    def _go_live(self, *, update: bool) -> None:
        self._over = False
        self._live = _Live(self._key, self._views(), self._cancel)
        view = {"version_major": 2, "version_minor": 0, "model_id": self._live.root.model_id}
        self._publish({_VIEW: view, "text/html": "", "text/plain": ""}, f"{self._key}-live", update)

    def _cancel(self) -> None:
        running = [operation for operation in self.operations if not operation.resource.done]
        self._scheduler.schedule(_Cancelling(running, self._not_cancelled))

    def _not_cancelled(self, why: str) -> None:
        self.note(f"cannot be cancelled: {why}")
        with self._lock:
            if self._live is not None:
                self._live.allow_click()


def _words(views: list[CardView]) -> str:
    return " ".join(view.word for view in views)


class _Live:
    """The widgets of a surface."""

    def __init__(self, key: str, views: list[CardView], cancel: Callable[[], object]) -> None:
        import ipywidgets  # noqa: PLC0415 - only in a notebook

        self._cancel, self._clicked = cancel, False
        self._style = ipywidgets.HTML(render.STYLE + render.hiding(key))
        self._head = ipywidgets.HTML()
        self._numbers = ipywidgets.HTML()
        self._button = ipywidgets.Button(tooltip="Ask the service to stop; what was done until then remains")
        self._button.on_click(self._click)
        self._row = ipywidgets.HBox([self._numbers, self._button])
        self._row.add_class("lro-row")
        self.root = ipywidgets.VBox([self._style, self._head, self._row])
        self.root.add_class("lro-card")
        self.update(views)

    @property
    def comm_ids(self) -> list[str]:
        return [self._button.model_id] if self._button.model_id else []

    def update(self, views: list[CardView]) -> None:
        """Bring the widgets up to date; a part that has not changed is not sent."""
        if len(views) == 1:
            self._head.value, self._numbers.value = render.header(views[0]), render.live(views[0])
        else:
            self._head.value, self._numbers.value = render.table(views), ""
        if all(view.state == "CANCELLING" or view.ended for view in views):
            self._button.description = CANCELLING
        else:
            free = "Cancel" if len(views) == 1 else "Cancel all"
            self._button.description = CANCELLING if self._clicked else free

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        for widget in (self.root, self._row, self._style, self._head, self._numbers, self._button):
            widget.close()

    def end(self, html: str) -> None:
        """Show how it ended, and nothing to click."""
        self._head.value = html
        self._row.layout.display = "none"
        self.root.remove_class("lro-card").add_class("lro-ended")

    def allow_click(self) -> None:
        """Let the button be clicked again."""
        self._clicked = False

    def _click(self, _: object) -> None:
        """Answer a click, in whichever thread it comes: only note it and hand it on."""
        if not self._clicked:
            self._clicked = True
            self._button.description = CANCELLING
            self._cancel()
