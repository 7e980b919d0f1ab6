"""`Live`: the widget view of a cell output, whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.jupyter import card_html, stylesheets
from lro_notebook.jupyter.card_widget import CardBody
from lro_notebook.jupyter.table_widget import TableBody

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import CardView


class Live:
    """The widgets of a cell output: a card while it has one operation, a table from the second on."""

    def __init__(
        self, key: str, cancel: Callable[[Sequence[int]], object], redraw: Callable[[], object]
    ) -> None:
        import ipywidgets  # noqa: PLC0415 - only in a notebook

        self._key, self._cancel, self._redraw = key, cancel, redraw
        self._style = ipywidgets.HTML()
        self._body: CardBody | TableBody | None = None
        self._end = ipywidgets.HTML()
        self.root = ipywidgets.VBox()
        self.root.add_class("lro-card")

    @property
    def comm_ids(self) -> list[str]:
        """The comms of the widgets that people use."""
        widgets = self._body.clickable if self._body is not None else []
        return [widget.model_id for widget in widgets if widget.model_id]

    @property
    def clicked(self) -> bool:
        """Whether somebody has used a widget, so that the focus is likely there."""
        return self._body is not None and self._body.clicked

    def update(self, views: Sequence[CardView], note: str, now: datetime) -> None:
        """Bring the widgets up to date; a part that has not changed is not sent."""
        old, body = self._body, self._body_for(len(views))
        body.update(views, note, now)
        if body is not old:
            self._style.value = stylesheets.style(*body.sheets) + card_html.hiding(self._key)
            self.root.children = (self._style, *body.parts)
            self._body = body
            if old is not None:
                old.close()

    def close(self) -> None:
        """Remove the widgets from the page and from the kernel."""
        if self._body is not None:
            self._body.close()
        for widget in (self.root, self._style, self._end):
            widget.close()

    def end(self, html: str) -> None:
        """Show how it ended, and nothing to click."""
        self._end.value = html
        self.root.children = (self._style, self._end)
        self.root.remove_class("lro-card").add_class("lro-ended")
        if self._body is not None:
            self._body.close()
            self._body = None

    def allow_clicks(self) -> None:
        """Let operations be cancelled again of which somebody asked it before."""
        if self._body is not None:
            self._body.allow_clicks()

    def _body_for(self, count: int) -> CardBody | TableBody:
        if count == 1:
            return self._body or CardBody(self._cancel)
        return self._body if isinstance(self._body, TableBody) else TableBody(self._cancel, self._redraw)
