"""`CardBody`: the widgets of one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter import card_html
from lro_notebook.jupyter.card_model import aged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import CardView

CANCELLING, ENDED = "Cancelling…", "Ended"  # what a button says
ASK = "Ask the service to stop; what was done until then remains"
HEAD = 5.0  # seconds after which the head is drawn again, with the line over time


class CardBody:
    """Title, progress and the Cancel button of one operation.

    Parameters
    ----------
    cancel : callable
        Is told of a click: the places of the operations to cancel, here always the first.
    """

    sheets = ("card", "contrast")

    def __init__(self, cancel: Callable[[Sequence[int]], object]) -> None:
        import ipywidgets  # noqa: PLC0415 - only in a notebook

        self._cancel, self.clicked = cancel, False
        self._drawn: CardView | None = None  # in the head
        # The bar has a part of its own: one without a value is animated, and starts anew whenever it is sent.
        self._head, self._bar, self._numbers, self._details = (ipywidgets.HTML() for _ in range(4))
        self._button = ipywidgets.Button(tooltip=ASK)
        self._button.on_click(self._click)
        self._now = ipywidgets.VBox([self._bar, self._numbers])
        self._now.add_class("lro-now")
        self._row = ipywidgets.HBox([self._now, self._button])
        self._row.add_class("lro-row")
        self.parts: tuple[Any, ...] = (self._head, self._row, self._details)

    @property
    def clickable(self) -> list[Any]:
        """The widgets that people use."""
        return [self._button]

    def update(self, views: Sequence[CardView], note: str, now: datetime) -> None:
        """Bring the widgets up to date; a part that has not changed is not sent."""
        view = aged(views[0], now, note)
        self._bar.value = "" if view.ended else card_html.bar(view)
        self._numbers.value = card_html.live(view)
        drawn = self._drawn
        if drawn is None or drawn.state != view.state or (now - drawn.as_of).total_seconds() >= HEAD:
            self._drawn = view
            self._head.value, self._details.value = card_html.header(view), card_html.details(view)
        asked = self.clicked or view.state == "CANCELLING"
        self._button.description = ENDED if view.ended else CANCELLING if asked else "Cancel"

    def allow_clicks(self) -> None:
        """Let the button be clicked again."""
        self.clicked = False

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        for widget in (*self.parts, self._now, self._bar, self._numbers, self._button):
            widget.close()

    def _click(self, _: object) -> None:
        """Answer a click, in whichever thread it comes: only note it and hand it on."""
        if not self.clicked:
            self.clicked = True
            self._button.description = CANCELLING
            self._cancel([0])
