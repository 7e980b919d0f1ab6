"""`CellOutput`: what one cell shows of the operations that it started, live and then for good.

One operation is a card, several are one table. A cell output has two outputs: a snapshot in html and text,
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

from lro_notebook import forking
from lro_notebook.jupyter import card_html, table_html
from lro_notebook.jupyter.card_model import Latest, aged
from lro_notebook.jupyter.table_widget import FEW
from lro_notebook.jupyter.widgets import Live
from lro_notebook.operations.scheduler import Scheduler, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lro_notebook.jupyter.card_model import CardView
    from lro_notebook.operations.operation import Operation

REFRESH = 5.0  # seconds between two snapshots of a running operation
LINGER = 30.0  # seconds for which widgets that somebody has clicked on stay after the end
_VIEW = "application/vnd.jupyter.widget-view+json"


class _Cancelling:
    """A scheduler job that asks for the cancellation of an operation, once."""

    def __init__(self, operation: Operation, tell: Callable[[str], object]) -> None:
        self._operation, self._tell = operation, tell

    def run(self) -> None:
        """Ask; the request goes out in a request thread, so the button answers at once."""
        self._operation.cancel()

    def on_crash(self, error: BaseException) -> None:
        """Tell that it could not be asked."""
        self._tell(type(error).__name__)


class CellOutput:
    """Shows operations in one cell.

    Parameters
    ----------
    operations : sequence of Operation
        What to show first; more may be added.
    publish : callable
        Takes a MIME bundle, a display id and whether that output exists already.
    scheduler : Scheduler
        Ticks the clocks, and sends the cancellations.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
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
        self._live: Live | None = None
        self._left: Live | None = None
        self._over = False
        self._lingers_until: float | None = None
        self._latest = Latest()
        self._saved_at, self._saved_words = 0.0, list[str]()
        self._note = ""
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Have a lock that no thread of the parent holds; the page is the parent's, whose clock ticks."""
        self._lock = threading.RLock()

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
            _watch(self.operations)
            self._go_live(update=False)
        self._scheduler.tick_with(self.tick)

    def add(self, *operations: Operation) -> None:
        """Show more operations: the card becomes a table."""
        with self._lock:
            self.operations.extend(operations)
            self._lingers_until = None
            _watch(operations)
            if self._live is not None:
                self._draw(self._live)
            else:
                self._save(update=True)
                self._go_live(update=self._over)
        self._scheduler.tick_with(self.tick)

    def note(self, text: str) -> None:
        """Show a line that the operations themselves do not say; empty for none."""
        self._note = text

    def tick(self) -> None:
        """Bring the live parts up to date; make the end final."""
        if self._ended():
            self.finish()
        else:
            self.redraw()

    def redraw(self) -> None:
        """Bring the live parts up to date."""
        with self._lock:
            if self._live is not None:
                self._draw(self._live)

    def finish(self) -> None:
        """Put the final snapshot in place of everything live, if all has ended.

        The focus of who has clicked on a widget would be lost with it, so that it stays a while, and tells
        the end.
        """
        if not self._ended():
            return
        with self._lock:
            live = self._live
            if live is not None and live.clicked and self._lingers(live):
                return
            self._scheduler.untick(self.tick)
            self._live = None
            if live is None:
                return
            self._over = True
            self._save(update=True)
            self._publish({"text/html": "", "text/plain": ""}, f"{self._key}-live", True)  # noqa: FBT003
            # A page that was loaded again gets no updates of outputs, but still shows the widget: so that
            # says the end too, and stays.
            now = self._now()
            live.end(_alone(self._latest.views(self.operations, now), self._note, now)[0])
            self._left = live

    def close(self) -> None:
        """Let go of the widgets that were left for pages that were loaded again."""
        with self._lock:
            left, self._left = self._left, None
        if left is not None:
            left.close()

    def _ended(self) -> bool:
        return all(operation.resource.done for operation in self.operations)

    def _lingers(self, live: Live) -> bool:
        """Show the end in the widgets and save it, once; tell whether they are to stay yet."""
        if self._lingers_until is None:
            self._lingers_until = self._clock() + LINGER
            self._draw(live)
            self._save(update=True)
        return self._clock() < self._lingers_until

    def _draw(self, live: Live) -> None:
        """Update the widgets, and the snapshot if it is old or, for a few operations, tells other states."""
        now = self._now()
        views = self._latest.views(self.operations, now)
        live.update(views, self._note, now)
        news = len(views) <= FEW and _words(views) != self._saved_words
        if news or self._clock() - self._saved_at >= REFRESH:
            self._save(update=True)

    def _save(self, *, update: bool) -> None:
        now = self._now()
        views = self._latest.views(self.operations, now)
        key = self._key if self._live is not None or not self._ended() else ""
        self._saved_at, self._saved_words = self._clock(), _words(views)
        html, text = _alone(views, self._note, now, key)
        self._publish({"text/html": html, "text/plain": text}, f"{self._key}-saved", update)

    def _go_live(self, *, update: bool) -> None:
        self._over = False
        now = self._now()
        live = self._live = Live(self._key, self._cancel, self.redraw)
        live.update(self._latest.views(self.operations, now), self._note, now)
        view = {"version_major": 2, "version_minor": 0, "model_id": live.root.model_id}
        self._publish({_VIEW: view, "text/html": "", "text/plain": ""}, f"{self._key}-live", update)

    def _cancel(self, places: Sequence[int]) -> None:
        for place in places:
            self._scheduler.schedule(_Cancelling(self.operations[place], self._not_cancelled))

    def _not_cancelled(self, why: str) -> None:
        self.note(f"cannot be cancelled: {why}")
        with self._lock:
            if self._live is not None:
                self._live.allow_clicks()


def html_of(operations: Sequence[Operation], now: datetime) -> str:
    """Return operations as they are at `now`, as html that stands alone."""
    return _alone(Latest().views(operations, now), "", now)[0]


def _alone(views: Sequence[CardView], note: str, now: datetime, key: str = "") -> tuple[str, str]:
    """Return what a saved notebook keeps, as html and text: a card, or a table of several."""
    if len(views) != 1:
        return table_html.saved_table(views, now, key), table_html.table_text(views, now)
    view = aged(views[0], now, note)
    return card_html.snapshot(view, key), card_html.text(view)


def _words(views: Sequence[CardView]) -> list[str]:
    return [view.word for view in views]


def _watch(operations: Sequence[Operation]) -> None:
    """Have operations looked at as often as somebody who watches them expects."""
    for operation in operations:
        operation.poller.watched = True
