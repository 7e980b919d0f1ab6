"""`CardWidget`: the live card of one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter import card_html
from lro_notebook.jupyter.card_model import aged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import Card

CANCELLING, ENDED = "Cancelling…", "Ended"  # what a button says
SPENT = "lro-spent"  # class of a button that does nothing any more
ASK = "Ask the service to stop; what was done until then remains"  # tooltip
HEAD = 5.0  # seconds after which the head is drawn again, with its sparkline


class CardWidget:
    """Title, progress and the Cancel button of one operation.

    Parameters
    ----------
    cancel : callable
        Takes the places of the operations to cancel; here always the first.
    """

    sheets = ("card", "contrast")

    def __init__(self, cancel: Callable[[Sequence[int]], object]) -> None:
        import ipywidgets

        self._cancel, self.clicked = cancel, False
        self._drawn: Card | None = None  # in the head
        # The bar is a part of its own: without a value it is animated, and sending it restarts the animation.
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
        """The widgets that people click on."""
        return [self._button]

    def update(self, cards: Sequence[Card], note: str, now: datetime) -> None:
        """Update the widgets; a part that has not changed is not sent."""
        card = aged(cards[0], now, note)
        self._bar.value = "" if card.ended else card_html.bar(card)
        self._numbers.value = card_html.live_lines(card)
        drawn = self._drawn
        if drawn is None or drawn.state != card.state or (now - drawn.as_of).total_seconds() >= HEAD:
            self._drawn = card
            self._head.value, self._details.value = card_html.header(card), card_html.details(card)
        asked = self.clicked or card.state == "CANCELLING"
        say(self._button, ENDED if card.ended else CANCELLING if asked else "Cancel")

    def allow_clicks(self) -> None:
        """Let the button be clicked again."""
        self.clicked = False

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        for widget in (*self.parts, self._now, self._bar, self._numbers, self._button):
            widget.close()

    def _click(self, _: object) -> None:
        """Handle a click, on whichever thread it comes: only note it and hand it on."""
        if not self.clicked:
            self.clicked = True
            say(self._button, CANCELLING)
            self._cancel([0])


def say(button: Any, words: str) -> None:
    """Write on a button what it does; one that does nothing any more looks so.

    It is not disabled: it would lose the focus just when it is pressed.
    """
    button.description = words
    (button.add_class if words in (CANCELLING, ENDED) else button.remove_class)(SPENT)
