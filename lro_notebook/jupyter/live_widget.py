"""`LiveWidget`: the live part of a cell output, a card or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.jupyter import card_html, stylesheets
from lro_notebook.jupyter.card_widget import CardWidget
from lro_notebook.jupyter.table_widget import TableWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import Card


class LiveWidget:
    """The widgets of a cell output: a card while it has one operation, a table from the second on."""

    def __init__(
        self, key: str, cancel: Callable[[Sequence[int]], object], redraw: Callable[[], object]
    ) -> None:
        import ipywidgets

        self._key, self._cancel, self._redraw = key, cancel, redraw
        self._style = ipywidgets.HTML()
        self._content: CardWidget | TableWidget | None = None
        self._end = ipywidgets.HTML()
        self.root = ipywidgets.VBox()
        self.root.add_class("lro-card").add_class(f"lro-live-{key}")

    @property
    def comm_ids(self) -> list[str]:
        """The comms of the widgets that people click on."""
        widgets = self._content.clickable if self._content is not None else []
        return [widget.model_id for widget in widgets if widget.model_id]

    @property
    def clicked(self) -> bool:
        """Whether somebody has clicked on a widget, so that the focus is likely there."""
        return self._content is not None and self._content.clicked

    def update(self, cards: Sequence[Card], note: str, now: datetime) -> None:
        """Update the widgets; a part that has not changed is not sent."""
        old, content = self._content, self._content_for(len(cards))
        content.update(cards, note, now)
        if content is not old:
            self._style.value = stylesheets.style(*content.sheets) + card_html.hiding(self._key)
            self.root.children = (self._style, *content.parts)
            self._content = content
            if old is not None:
                old.close()

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        if self._content is not None:
            self._content.close()
        for widget in (self.root, self._style, self._end):
            widget.close()

    def end(self, html: str) -> None:
        """Show how it ended, with nothing to click on."""
        self._end.value = html
        self.root.children = (self._style, self._end)
        self.root.remove_class("lro-card").add_class("lro-ended")
        if self._content is not None:
            self._content.close()
            self._content = None

    def leave(self) -> None:
        """Mark it as one that nothing updates any more."""
        self.root.add_class(card_html.LEFT)

    def allow_clicks(self) -> None:
        """Let operations be cancelled again after a cancel request failed."""
        if self._content is not None:
            self._content.allow_clicks()

    def _content_for(self, count: int) -> CardWidget | TableWidget:
        if count == 1:
            return self._content or CardWidget(self._cancel)
        if isinstance(self._content, TableWidget):
            return self._content
        return TableWidget(self._cancel, self._redraw)
