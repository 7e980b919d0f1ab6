"""`CardBody`: the widgets of one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter import render
from lro_notebook.jupyter.view import aged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.view import CardView

CANCELLING = "Cancelling…"
HEAD = 5.0  # seconds after which the head is drawn again, with the line over time


class CardBody:
    """Title, progress and the Cancel button of one operation.

    Parameters
    ----------
    cancel : callable
        Is told of a click: the places of the operations to cancel, here always the first.
    """

    style = render.STYLE

    def __init__(self, cancel: Callable[[Sequence[int]], object]) -> None:
        import ipywidgets  # noqa: PLC0415 - only in a notebook

        self._cancel, self._clicked = cancel, False
        self._drawn: CardView | None = None  # in the head
        self._head = ipywidgets.HTML()
        self._numbers = ipywidgets.HTML()
        self._button = ipywidgets.Button(tooltip="Ask the service to stop; what was done until then remains")
        self._button.on_click(self._click)
        self._row = ipywidgets.HBox([self._numbers, self._button])
        self._row.add_class("lro-row")
        self.parts: tuple[Any, ...] = (self._head, self._row)

    @property
    def clickable(self) -> list[Any]:
        """The widgets that people use."""
        return [self._button]

    def update(self, views: Sequence[CardView], note: str, now: datetime) -> None:
        """Bring the widgets up to date; a part that has not changed is not sent."""
        view = aged(views[0], now, note)
        self._numbers.value = render.live(view)
        drawn = self._drawn
        if drawn is None or drawn.state != view.state or (now - drawn.as_of).total_seconds() >= HEAD:
            self._drawn, self._head.value = view, render.header(view)
        asked = self._clicked or view.state == "CANCELLING" or view.ended
        self._button.description = CANCELLING if asked else "Cancel"

    def allow_clicks(self) -> None:
        """Let the button be clicked again."""
        self._clicked = False

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        for widget in (self._row, self._head, self._numbers, self._button):
            widget.close()

    def _click(self, _: object) -> None:
        """Answer a click, in whichever thread it comes: only note it and hand it on."""
        if not self._clicked:
            self._clicked = True
            self._button.description = CANCELLING
            self._cancel([0])
