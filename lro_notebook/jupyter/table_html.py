"""Several operations as the rows of one table, in html and text. Pure; every value is escaped here.

The live table uses classes, so that a page of 50 rows stays under 20 kB; a snapshot stands alone.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter import stylesheets
from lro_notebook.jupyter.card_html import (
    DIGITS,
    WIDE,
    alert,
    as_of,
    bar,
    box,
    classed,
    clock,
    coloured,
    places,
    quiet,
    utc,
)
from lro_notebook.jupyter.card_model import age, counts, cut, duration, headline, numbers, speed
from lro_notebook.jupyter.table_model import PAGE, Arrangement, arranged, totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import CardView

#: The columns, and the class of those that hold numbers; ``table.css`` has their widths.
_COLUMNS = {
    "State": "",
    "Method": "",
    "Target": "",
    "Progress": "",
    "Rate": "n",
    "Elapsed": "n",
    "Failed": "n",
}
_TEXT = 100  # characters of a target, or of why an operation failed, in the live table
_FEW = 10  # rows that are saved of many running operations
_REASON = 240  # characters of why an operation failed, in a snapshot
_CELL = "padding:3px 12px 3px 0;vertical-align:top"
_ALIGN, _NUMBER = f"{_CELL};text-align:left", f"{_CELL};text-align:right"
_AGAIN = "ds.operations() shows each"


def live_table(views: Iterable[CardView], now: datetime) -> str:
    """Return the rows that a live table shows at `now`."""
    head = "".join(f'<th scope="col"{_class(name)}>{title}</th>' for title, name in _COLUMNS.items())
    body = "".join(_live_row(view, now) for view in views)
    return (
        '<div class="lro-scroll"><table class="lro-table" aria-label="Operations">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def foot(words: str, note: str, *, local: bool) -> str:
    """Return the line below a live table: its totals, and what is to be said of it as a whole."""
    synthetic = f" {quiet('· local, synthetic', tag='span')}" if local else ""
    return f"{alert(note)}{escape(words)}{synthetic}"


def saved_table(views: Sequence[CardView], now: datetime, key: str = "") -> str:
    """Return a table that stands alone, as a saved notebook keeps it: the rows that matter, the totals."""
    page = [views[place] for place in _worth_saving(views, now)]
    widths = [
        stylesheets.inline("table", f".lro-table th:nth-child({number})")
        for number in range(1, len(_COLUMNS) + 1)
    ]
    head = "".join(
        f'<th scope="col" style="{_NUMBER if name else _ALIGN};{width}">{title}</th>'
        for (title, name), width in zip(_COLUMNS.items(), widths, strict=True)
    )
    rows = "".join(_saved_row(view, now) for view in page)
    size = "margin:0 0 4px;width:100%;min-width:680px;font-size:12px"
    style = f"{size};table-layout:fixed;border-collapse:collapse;{DIGITS}"
    body = (
        f'<div style="overflow-x:auto"><table class="lro-table" aria-label="Operations" style="{style}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div><div>{escape(totals(views))}</div>"
    )
    body += "".join(quiet(escape(note)) for note in _notes(views, len(page)))
    if not all(view.ended for view in views):
        body += quiet(as_of(clock(now), _AGAIN))
    return box(body, key, WIDE)


def table_text(views: Sequence[CardView], now: datetime) -> str:
    """Return several operations as lines of plain text, and the totals."""
    page = [views[place] for place in _worth_saving(views, now)]
    lines = [
        " · ".join(filter(None, [headline(view), view.title, view.target, *numbers(view), view.operation_id]))
        for view in page
    ]
    ended = all(view.ended for view in views)
    notes = [*_notes(views, len(page)), *[as_of(utc(now), _AGAIN)] * (not ended)]
    return "\n".join([*lines, totals(views), *notes])


def _worth_saving(views: Sequence[CardView], now: datetime) -> list[int]:
    """Return all rows if they fit on a page, else those that need attention most; few while they change."""
    if len(views) <= PAGE:
        return list(range(len(views)))
    page = arranged(views, Arrangement(sort="state"), now).places
    return page if all(view.ended for view in views) else page[:_FEW]


def _notes(views: Sequence[CardView], shown: int) -> list[str]:
    notes = ["local, synthetic"] * any(view.local for view in views)
    if shown < len(views):
        notes.append(f"{len(views) - shown:,} more rows are not kept here; lro.to_frame(...) has them all.")
    return notes


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _cells(view: CardView, now: datetime) -> list[str]:
    """Return what is in the columns, but the first."""
    elapsed = age(view, now)
    return [
        escape(view.title),
        places(cut(view.target, _TEXT)),
        escape(counts(view) or cut(view.status, _TEXT)),
        escape(speed(view.rate)) if view.rate is not None and not view.ended else "",
        "" if elapsed is None else duration(elapsed),
        f"{view.failed:,}" if view.failed else "",
    ]


def _why(view: CardView) -> str:
    """Return what a row has to say of trouble, in a line of its own."""
    return view.trouble or (view.sentence if view.state == "FAILED" else "")


def _live_row(view: CardView, now: datetime) -> str:
    cells = [classed(view, view.word), *_cells(view, now)]
    if cells[3] and not view.ended:
        cells[3] += bar(view)
    row = "".join(
        f"<td{_class(name)}>{cell}</td>" for name, cell in zip(_COLUMNS.values(), cells, strict=True)
    )
    why = escape(cut(_why(view), _TEXT))
    extra = f'<tr><td></td><td colspan="6" class="lro-trouble">{why}</td></tr>' if why else ""
    return f'<tr title="{escape(view.operation_id)}">{row}</tr>{extra}'


def _saved_row(view: CardView, now: datetime) -> str:
    cells = [coloured(view, view.word), *_cells(view, now)]
    row = "".join(
        f'<td style="{_NUMBER if name else _ALIGN}">{cell}</td>'
        for name, cell in zip(_COLUMNS.values(), cells, strict=True)
    )
    why = escape(cut(_why(view), _REASON))
    below = f'<td></td><td colspan="6" style="{_ALIGN};padding-top:0">{why}</td>'
    line = stylesheets.inline("table", ".lro-table tbody tr")
    return (
        f'<tr style="background:none;{line}">{row}</tr>'
        + f'<tr style="background:none">{below}</tr>' * bool(why)
    )
