"""`CellOutput`: what one cell shows of the operations that it started, live and then for good.

One operation is a card, several are one table. A cell output has two parts: a saved one in HTML and text,
which is what a saved notebook keeps, and a widget view with the live numbers and the Cancel button. While
the widget is on the page, its style hides the saved part. At the end the saved part is final and the widget
goes away; that of many operations stays, with its pages and filter, for as long as the kernel lives. The
clocks tick in the scheduler's thread, or in that of a cell that waits; nothing here sends a request.
"""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lro_notebook import forking
from lro_notebook.jupyter import card_html, table_html
from lro_notebook.jupyter.card_model import CardCache, aged
from lro_notebook.jupyter.live_widget import LiveWidget
from lro_notebook.jupyter.table_model import FEW
from lro_notebook.operations.scheduler import Scheduler, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lro_notebook.jupyter.card_model import Card
    from lro_notebook.operations.operation import Operation

REFRESH = 5.0  # seconds after which a running operation is saved again
LINGER = 30.0  # seconds for which widgets stay after the end once somebody has clicked on them
LEAVING = 1.0  # seconds that the end of the kernel waits for a redraw to end
_VIEW = "application/vnd.jupyter.widget-view+json"


class _Cancelling:
    """A scheduler job that asks once for an operation to be cancelled."""

    def __init__(self, operation: Operation, tell: Callable[[str], object]) -> None:
        self._operation, self._tell = operation, tell

    def run(self) -> None:
        """Ask from a request thread, so that the button answers at once."""
        self._operation.cancel()

    def on_crash(self, error: BaseException) -> None:
        """Report that the request failed."""
        self._tell(type(error).__name__)


class CellOutput:
    """Shows operations in one cell.

    Parameters
    ----------
    operations : sequence of Operation
        What to show first; more may be added.
    publish : callable
        Takes a MIME bundle, a display id, and whether that output exists already.
    scheduler : Scheduler
        Ticks the clocks and sends the cancel requests.
    leafed_through : bool
        Whether somebody may leaf through many operations after their end. If not, nothing live stays.
    moves : bool
        Whether the page shows what threads send. If not, somebody calls `tick` in the thread of a cell.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        publish: Callable[[dict[str, Any], str, bool], object],
        *,
        scheduler: Scheduler | None = None,
        leafed_through: bool = True,
        moves: bool = True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.operations = list(operations)
        self._publish, self._clock, self._now = publish, clock, now
        self._scheduler = scheduler or shared()
        self._leafed_through = leafed_through
        self.moves = moves
        self._key = uuid.uuid4().hex[:12]
        self._lock = threading.RLock()
        self._live: LiveWidget | None = None
        self._left: LiveWidget | None = None
        self._over = False
        self._lingers_until: float | None = None
        self._cards = CardCache()
        self._saved_at, self._saved_words = 0.0, list[str]()
        self._note: str | None = None
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Take a new lock, which no thread of the parent holds; the parent goes on updating the page."""
        self._lock = threading.RLock()

    @property
    def comm_ids(self) -> list[str]:
        """The comms whose messages are for our widgets."""
        live = self._live
        return live.comm_ids if live is not None else []

    @property
    def follows(self) -> bool:
        """Whether operations that have not ended are shown."""
        return self._live is not None and not self._over

    @property
    def root(self) -> Any:
        """The widget that holds all that lives on the page; None where nothing does."""
        live = self._live
        return live.root if live is not None else None

    def show(self) -> None:
        """Show the operations in the running cell."""
        with self._lock:
            self._save(update=False)
            if self._ended():
                if self._has_pages():
                    self._go_live(update=False)
                    self._over = True
                return
            _watch(self.operations)
            self._go_live(update=False)
        self._keep_moving()

    def add(self, *operations: Operation) -> None:
        """Show more operations; a card becomes a table."""
        with self._lock:
            self.operations.extend(operations)
            self._lingers_until = None
            _watch(operations)
            if self._live is not None:
                self._over = False
                self._draw(self._live)
            else:
                self._save(update=True)
                self._go_live(update=self._over)
        self._keep_moving()

    def note(self, text: str | None) -> None:
        """Show a line about the cell itself; empty for none, None for what holds while no cell waits."""
        self._note = text

    def tick(self) -> None:
        """Update the live parts; once all has ended, make the end final."""
        if self._ended():
            self.finish()
        else:
            self.redraw()

    def redraw(self) -> None:
        """Update the live parts."""
        with self._lock:
            if self._live is not None:
                self._draw(self._live)

    def finish(self) -> None:
        """Replace everything live by the final saved part, if all has ended.

        Removing a widget that somebody has clicked on would take the focus away, so such a widget stays a
        while and shows the end. Widgets with pages stay.
        """
        if not self._ended():
            return
        with self._lock:
            live = self._live
            if live is not None and self._has_pages():
                self._scheduler.untick(self.tick)
                if not self._over:
                    self._over = True
                    self._draw(live)
                    self._save(update=True)
                return
            if live is not None and live.clicked and self._lingers(live):
                return
            self._scheduler.untick(self.tick)
            if live is None:
                return
            self._over = True
            self._save(update=True)  # hidden until the live part is gone, or both would be seen for a moment
            self._live = None
            self._publish({"text/html": "", "text/plain": ""}, f"{self._key}-live", True)  # noqa: FBT003
            # A reloaded page gets no updates of outputs but still shows the widget, so the widget shows the
            # end too, and stays.
            now = self._now()
            live.end(_rendered(self._cards.cards(self.operations, now), self._told(), now)[0])
            self._save(update=True)
            self._left = live

    def close(self) -> None:
        """Let go of the widgets that were left for reloaded pages or to leaf through."""
        with self._lock:
            left, self._left = self._left, None
            if left is None and self._over and self._live is not None:
                left, self._live = self._live, None
                self._publish({"text/html": "", "text/plain": ""}, f"{self._key}-live", True)  # noqa: FBT003
        if left is not None:
            left.close()

    def leave(self) -> None:
        """Show what is saved, as it is now, instead of the live part: the kernel ends."""
        if not self._lock.acquire(timeout=LEAVING):
            return
        try:
            live = self._live
            if live is None:
                return
            self._scheduler.untick(self.tick)
            if not self._over:
                self._save(update=True)
            live.leave()
        finally:
            self._lock.release()

    def _keep_moving(self) -> None:
        if self.moves:
            self._scheduler.tick_with(self.tick)

    def _told(self) -> str:
        """Return the line about the cell itself."""
        if self._note is not None:
            return self._note
        if self.moves or self._ended():
            return ""
        return f"moves while a cell waits: {'op.wait()' if len(self.operations) == 1 else 'lro.wait([…])'}"

    def _ended(self) -> bool:
        return all(operation.resource.done for operation in self.operations)

    def _has_pages(self) -> bool:
        return self._leafed_through and len(self.operations) > FEW

    def _lingers(self, live: LiveWidget) -> bool:
        """Show the end in the widgets and save it, once; return whether the widgets still stay."""
        if self._lingers_until is None:
            self._lingers_until = self._clock() + LINGER
            self._draw(live)
            self._save(update=True)
        return self._clock() < self._lingers_until

    def _draw(self, live: LiveWidget) -> None:
        """Update the widgets; save again if that is due or, for a few operations, if a state has changed."""
        now = self._now()
        cards = self._cards.cards(self.operations, now)
        live.update(cards, self._told(), now)
        if self._over:
            return
        news = len(cards) <= FEW and _words(cards) != self._saved_words
        if news or self._clock() - self._saved_at >= REFRESH:
            self._save(update=True)

    def _save(self, *, update: bool) -> None:
        now = self._now()
        cards = self._cards.cards(self.operations, now)
        key = self._key if self._live is not None or self._has_pages() or not self._ended() else ""
        self._saved_at, self._saved_words = self._clock(), _words(cards)
        html, text = _rendered(cards, self._told(), now, key)
        self._publish({"text/html": html, "text/plain": text}, f"{self._key}-saved", update)

    def _go_live(self, *, update: bool) -> None:
        self._over = False
        now = self._now()
        live = self._live = LiveWidget(self._key, self._cancel, self.redraw)
        if not self.moves:
            live.root.add_class("lro-still")
        live.update(self._cards.cards(self.operations, now), self._told(), now)
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
    """Return operations as they are at `now`, as HTML that stands alone."""
    return _rendered(CardCache().cards(operations, now), "", now)[0]


def _rendered(cards: Sequence[Card], note: str, now: datetime, key: str = "") -> tuple[str, str]:
    """Return what a saved notebook keeps, as HTML and text: a card, or a table of several."""
    if len(cards) != 1:
        return table_html.saved_table(cards, now, key), table_html.table_text(cards, now)
    card = aged(cards[0], now, note)
    return card_html.saved_card(card, key), card_html.card_text(card)


def _words(cards: Sequence[Card]) -> list[str]:
    return [card.word for card in cards]


def _watch(operations: Sequence[Operation]) -> None:
    """Have operations polled as often as somebody who watches them expects."""
    for operation in operations:
        operation.poller.watched = True
