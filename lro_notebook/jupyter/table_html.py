"""Several operations as the rows of one table, in html and text. Pure; every value is escaped here.

The live table uses classes, so that a page of 50 rows stays under 20 kB; a snapshot stands alone.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter.card_html import (
    DIGITS,
    LINE,
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

#: The columns, the class of those that hold numbers, and their widths in pixels: the target has what is left.
#: Fixed widths, so that nothing moves when a number grows.
_COLUMNS = (
    ("State", "", 94),
    ("Method", "", 102),
    ("Target", "", 0),
    ("Progress", "", 124),
    ("Rate", "n", 54),
    ("Elapsed", "n", 54),
    ("Failed", "n", 44),
)
_KINDS = [kind for _, kind, _ in _COLUMNS]
_TEXT = 100  # characters of a target, or of why an operation failed, in the live table
_FEW = 10  # rows that are saved of many running operations
_REASON = 240  # characters of why an operation failed, in a snapshot
_CELL = "padding:3px 12px 3px 0;vertical-align:top"
_ALIGN, _NUMBER = f"{_CELL};text-align:left", f"{_CELL};text-align:right"
_AGAIN = "ds.operations() shows each"
_ROW = f"background:none;border-top:1px solid {LINE}"

_WIDTHS = "\n".join(
    f".lro-table th:nth-child({place}) {{ width: {width}px; }}"
    for place, (_, _, width) in enumerate(_COLUMNS, 1)
    if width
)

STYLE = f"""<style>
.lro-scroll {{ overflow-x: auto; }}
.lro-table {{ {DIGITS}; width: 100%; table-layout: fixed; border-collapse: collapse; margin: 0;
  font-size: 12px; overflow-wrap: normal; }}
.lro-table th, .lro-table td {{ text-align: left; vertical-align: top; padding: 3px 12px 3px 0; }}
.lro-table th:last-child, .lro-table td:last-child {{ padding-right: 0; }}
.lro-table th, .lro-table .n, .lro-table strong {{ white-space: nowrap; }}
.lro-table .n {{ text-align: right; }}
.lro-table td:nth-child(3), .lro-table td[colspan] {{ overflow-wrap: anywhere; }}
{_WIDTHS}
.lro-table tbody tr {{ border-top: 1px solid {LINE}; }}
.lro-table tbody tr:has([colspan]) {{ border: 0; }}
.lro-table td[colspan] {{ padding-top: 0; }}
.lro-table .lro-bar {{ height: 4px; margin: 2px 0 3px; }}
@media (forced-colors: none) {{ .lro-table .lro-bar:not([value]) {{ animation: none; background-size: auto;
  background-image: repeating-linear-gradient(115deg, {LINE} 0 4px, transparent 4px 8px); }} }}
@media (forced-colors: active) {{ .lro-table .lro-bar {{ height: 8px; }} }}
@container (max-width: 640px) {{
.lro-table {{ min-width: 440px; font-size: 11px; }}
.lro-table th, .lro-table td {{ padding-right: 8px; }}
.lro-table th:nth-child(1) {{ width: 86px; }}
.lro-table th:nth-child(2) {{ width: 56px; }}
.lro-table th:nth-child(4) {{ width: 106px; }}
.lro-table th:nth-child(6) {{ width: 48px; }}
.lro-table :is(th, td):nth-child(5) {{ width: 0; padding: 0; font-size: 0; }}
.lro-controls > .widget-dropdown {{ width: 116px !important; }}
}}
.lro-controls {{ align-items: center; gap: 8px; flex-wrap: wrap; width: 100%; }}
.lro-controls > * {{ margin: 2px 0; }}
.lro-card .lro-controls button {{ width: auto; }}
.lro-card .lro-controls .lro-page {{ width: 34px; padding: 0; }}
.lro-card .lro-controls > .widget-html {{ width: auto; {DIGITS}; }}
.lro-card .lro-totals {{ flex: 1 1 260px; min-width: 0; }}
.lro-card .lro-list {{ flex-direction: column; width: 100%; margin: 4px 0 0; }}
.lro-card .lro-list > label {{ width: auto; max-width: none; text-align: left; }}
.lro-card .lro-list > select {{ width: 100%; }}
</style>"""


def live_table(views: Iterable[CardView], now: datetime) -> str:
    """Return the rows that a live table shows at `now`."""
    head = "".join(f'<th scope="col"{_class(kind)}>{name}</th>' for name, kind, _ in _COLUMNS)
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
    head = "".join(
        f'<th scope="col" style="{_NUMBER if kind else _ALIGN};width:{f"{width}px" if width else "auto"}">'
        f"{name}</th>"
        for name, kind, width in _COLUMNS
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


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


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
    row = "".join(f"<td{_class(kind)}>{cell}</td>" for kind, cell in zip(_KINDS, cells, strict=True))
    why = escape(cut(_why(view), _TEXT))
    extra = f'<tr><td></td><td colspan="6" class="lro-trouble">{why}</td></tr>' if why else ""
    return f'<tr title="{escape(view.operation_id)}">{row}</tr>{extra}'


def _saved_row(view: CardView, now: datetime) -> str:
    cells = [coloured(view, view.word), *_cells(view, now)]
    row = "".join(
        f'<td style="{_NUMBER if kind else _ALIGN}">{cell}</td>'
        for kind, cell in zip(_KINDS, cells, strict=True)
    )
    why = escape(cut(_why(view), _REASON))
    below = f'<td></td><td colspan="6" style="{_ALIGN};padding-top:0">{why}</td>'
    return f'<tr style="{_ROW}">{row}</tr>' + f'<tr style="background:none">{below}</tr>' * bool(why)
