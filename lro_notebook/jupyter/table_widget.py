"""`TableWidget`: the live table of any number of operations, in pages, with its controls and Cancel buttons.

Core widgets only, so the keyboard works as in any form. The controls appear with the eleventh row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lro_notebook.jupyter import table_html
from lro_notebook.jupyter.card_model import WORDS, clean
from lro_notebook.jupyter.card_widget import ASK, CANCELLING, ENDED, say
from lro_notebook.jupyter.table_model import FEW, SORTS, STATES, TableOptions, page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import Card

#: JupyterLab uses the plain arrows and Shift+arrows to move between cells.
KEYS = "Choose with Ctrl+click, or move with Ctrl+↑ Ctrl+↓ and choose with Ctrl+Space:"
_STATES = {WORDS[state].lower(): state for state in STATES}
_LIST = 18  # rows of the list to choose from; it stands where the table was
_LABEL = 90  # characters of an operation in the list to choose from


class TableWidget:
    """The totals and Cancel buttons, the controls, and below them the table, or the list to choose from.

    Parameters
    ----------
    cancel : callable
        Takes the places of the operations to cancel.
    redraw : callable
        Called when somebody changes the options; has `update` called soon.
    """

    sheets = ("card", "contrast", "table")

    def __init__(self, cancel: Callable[[Sequence[int]], object], redraw: Callable[[], object]) -> None:
        import ipywidgets

        self._cancel, self._redraw = cancel, redraw
        self.clicked = self._pressed = False
        self._options, self._pages = TableOptions(), 1
        self._cards: Sequence[Card] = ()
        self._asked: set[int] = set()
        self._listed: list[int] = []
        self._shown: list[int] = []
        self._order, self._only = (
            ipywidgets.Dropdown(
                options=options,
                description=word,
                style={"description_width": "initial"},
                layout={"width": "150px"},
            )
            for word, options in (("Sort", SORTS), ("State", ("all", *_STATES)))
        )
        self._back = ipywidgets.Button(description="‹", tooltip="Previous page")  # noqa: RUF001 - a button's sign
        self._on = ipywidgets.Button(description="›", tooltip="Next page")  # noqa: RUF001 - a button's sign
        self._where = ipywidgets.HTML()
        for button in (self._back, self._on):
            button.add_class("lro-page")
        self._pager = _row(ipywidgets, self._back, self._where, self._on)
        self._pager.layout.width = "auto"
        self._controls = _row(ipywidgets, self._order, self._only, self._pager)
        self._table = ipywidgets.HTML()
        self._table.add_class("lro-scroll")
        self._totals = ipywidgets.HTML()
        self._totals.add_class("lro-totals")
        self._choose = ipywidgets.ToggleButton(description="Choose…", tooltip="Choose which to cancel")
        self._button = ipywidgets.Button(tooltip=ASK)
        self._over = _row(ipywidgets, self._totals, self._choose, self._button)
        self._over.add_class("lro-over")
        self._list = ipywidgets.SelectMultiple(
            rows=_LIST, description=KEYS, style={"description_width": "initial"}, layout={"display": "none"}
        )
        self._list.add_class("lro-list")
        self.parts: tuple[Any, ...] = (self._over, self._controls, self._table, self._list)
        self._listen()

    @property
    def clickable(self) -> list[Any]:
        """The widgets that people click on."""
        return [self._button, self._choose, self._list, self._order, self._only, self._back, self._on]

    def update(self, cards: Sequence[Card], note: str, now: datetime) -> None:
        """Update the widgets; a part that has not changed is not sent."""
        self._cards = cards
        page = page_of(cards, self._options, now)
        self._options, self._pages = replace(self._options, page=page.number), page.count
        self._shown = page.matching
        self._table.value = table_html.live_table([cards[place] for place in page.places], now)
        self._totals.value = table_html.overall(cards, note, now)
        self._controls.layout.display = "" if len(cards) > FEW else "none"
        if len(cards) > FEW:
            self._table.add_class("lro-many")
        if self._choose.value and all(card.ended for card in cards):
            self._choose.value = False  # nothing is left to choose from
        # Whoever has pressed one of them may have the focus there.
        useless = not self._pressed and all(card.ended for card in cards)
        self._choose.layout.display = self._button.layout.display = "none" if useless else ""
        self._where.value = str(page)
        for button in (self._back, self._on):
            button.layout.display = "" if page.count > 1 else "none"
        self._label()

    def allow_clicks(self) -> None:
        """Let operations be cancelled again after a cancel request failed."""
        self._asked.clear()

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        for widget in (*self.parts, *self.clickable, self._pager, self._where, self._totals):
            widget.close()

    def _listen(self) -> None:
        self._order.observe(lambda change: self._change(sort=change["new"], page=0), "value")
        self._only.observe(lambda change: self._change(state=_STATES.get(change["new"]), page=0), "value")
        # Pages wrap around: a button that is disabled at the end would lose the focus when it is pressed.
        self._back.on_click(lambda _: self._change(page=(self._options.page - 1) % self._pages))
        self._on.on_click(lambda _: self._change(page=(self._options.page + 1) % self._pages))
        self._choose.observe(lambda change: self._offer(offered=change["new"]), "value")
        self._list.observe(lambda _: self._label(), "index")
        self._button.on_click(lambda _: self._click())

    def _change(self, **options: Any) -> None:
        self.clicked = True
        self._options = replace(self._options, **options)
        self._redraw()

    def _is_free(self, place: int) -> bool:
        """Return whether an operation runs and nobody has asked it to stop yet."""
        card = self._cards[place]
        return not card.ended and card.state != "CANCELLING" and place not in self._asked

    def _free(self) -> list[int]:
        return [place for place in range(len(self._cards)) if self._is_free(place)]

    def _offer(self, *, offered: bool) -> None:
        """Open or close the list of the running operations that match the filter, on all its pages.

        It does not change while it is open: a selection is a set of positions, which must keep their meaning.
        """
        self.clicked = self._pressed = True
        self._listed = [place for place in self._shown if offered and self._is_free(place)]
        self._list.options = [_label_of(self._cards[place]) for place in self._listed]
        self._list.layout.display = "" if offered else "none"
        self._table.layout.display = "none" if offered else ""
        self._label()

    def _label(self) -> None:
        """Write on the button what a click does."""
        free = any(map(self._is_free, range(len(self._cards))))
        chosen = len(self._list.index)
        if self._choose.value:
            text, clickable = f"Cancel {chosen:,} chosen", chosen > 0
        elif free:
            text, clickable = "Cancel all", True
        else:
            text, clickable = ENDED if all(card.ended for card in self._cards) else CANCELLING, True
        say(self._button, text)
        self._button.disabled = not clickable

    def _click(self) -> None:
        """Handle a click, on whichever thread it comes: only note it and hand it on."""
        places = [self._listed[index] for index in self._list.index] if self._choose.value else self._free()
        self.clicked = self._pressed = True
        self._asked.update(places)
        self._choose.value = False
        self._label()
        if places:
            self._cancel(places)


def _row(ipywidgets: Any, *widgets: Any) -> Any:
    row = ipywidgets.HBox(widgets)
    row.add_class("lro-controls")
    return row


def _label_of(card: Card) -> str:
    return clean(f"{card.title} {card.target} ({card.operation_id})", _LABEL)
