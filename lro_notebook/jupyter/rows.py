"""Several operations as the rows of one table, in html and text. Pure; every value is escaped here.

The live table uses classes, so that a page of 50 rows stays under 20 kB; a snapshot stands alone.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter.arrange import PAGE, Arrangement, arranged, totals
from lro_notebook.jupyter.render import DIGITS, MUTED, as_of, bar, box, coloured
from lro_notebook.jupyter.view import age, clean, counts, duration, headline, numbers, speed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.view import CardView

#: The columns, and the class of those that hold numbers.
_COLUMNS = (
    ("State", ""),
    ("Method", ""),
    ("Target", ""),
    ("Progress", ""),
    ("Rate", "n"),
    ("Elapsed", "n"),
    ("Failed", "n"),
)
_TEXT = 100  # characters of a target, or of why an operation failed, in the live table
_FEW = 10  # rows that are saved of many running operations
_REASON = 240  # characters of why an operation failed, in a snapshot
_ALIGN = "text-align:left;padding:2px 10px 2px 0"
_NUMBER = "text-align:right;padding:2px 10px 2px 0;white-space:nowrap"

STYLE = f"""<style>
.lro-scroll {{ overflow-x: auto; }}
.lro-table {{ {DIGITS}; width: 100%; border-collapse: collapse; margin: 0; font-size: 12px;
  overflow-wrap: normal; }}
.lro-table th, .lro-table td {{ text-align: left; vertical-align: top; padding: 2px 10px 2px 0; }}
.lro-table th, .lro-table .n, .lro-table strong {{ white-space: nowrap; }}
.lro-table .n {{ text-align: right; }}
.lro-table td:nth-child(3) {{ overflow-wrap: anywhere; }}
.lro-table th:nth-child(3) {{ width: 35%; }}
.lro-table th:nth-child(4) {{ width: 20%; min-width: 112px; }}
.lro-table .lro-bar {{ margin: 5px 0 1px; height: 6px; }}
.lro-table td[colspan] {{ padding-top: 0; overflow-wrap: anywhere; }}
.lro-controls {{ align-items: center; gap: 8px; flex-wrap: wrap; width: 100%; overflow: visible; }}
.lro-controls > * {{ margin: 2px 0; }}
.lro-controls button {{ width: auto; }}
.lro-controls .lro-page {{ width: 34px; padding: 0; }}
.lro-card .lro-controls > .widget-html {{ width: auto; }}
.lro-card .lro-totals {{ flex: 1 1 260px; min-width: 0; }}
</style>"""


def live_table(views: Iterable[CardView], now: datetime) -> str:
    """Return the rows that a live table shows at `now`."""
    head = "".join(f'<th scope="col"{_class(kind)}>{name}</th>' for name, kind in _COLUMNS)
    body = "".join(_live_row(view, now) for view in views)
    return (
        '<div class="lro-scroll"><table class="lro-table" aria-label="Operations">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def foot(words: str, note: str, *, local: bool) -> str:
    """Return the line below a live table: its totals, and what is to be said of it as a whole."""
    synthetic = f' <span style="color:{MUTED}">· local, synthetic</span>' if local else ""
    trouble = f'<div class="lro-trouble" role="alert">{escape(note)}</div>' if note else ""
    return f"{trouble}{escape(words)}{synthetic}"


def saved_table(views: Sequence[CardView], now: datetime, key: str = "") -> str:
    """Return a table that stands alone, as a saved notebook keeps it: the rows that matter, the totals."""
    page = [views[place] for place in _worth_saving(views, now)]
    head = "".join(
        f'<th scope="col" style="{_NUMBER if kind else _ALIGN}">{name}</th>' for name, kind in _COLUMNS
    )
    rows = "".join(_saved_row(view, now) for view in page)
    style = f"margin:0;width:100%;border-collapse:collapse;font-size:12px;{DIGITS}"
    body = (
        f'<table class="lro-table" aria-label="Operations" style="{style}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
    notes = [totals(views), *_notes(views, len(page), now)]
    body += "".join(f'<div style="color:{MUTED}">{escape(note)}</div>' for note in notes)
    return box(body, key)


def table_text(views: Sequence[CardView], now: datetime) -> str:
    """Return several operations as lines of plain text, and the totals."""
    page = [views[place] for place in _worth_saving(views, now)]
    lines = [
        " · ".join(filter(None, [headline(view), view.title, view.target, *numbers(view), view.operation_id]))
        for view in page
    ]
    return "\n".join([*lines, totals(views), *_notes(views, len(page), now)])


def _worth_saving(views: Sequence[CardView], now: datetime) -> list[int]:
    """Return all rows if they fit on a page, else those that need attention most; few while they change."""
    if len(views) <= PAGE:
        return list(range(len(views)))
    page = arranged(views, Arrangement(sort="state"), now).places
    return page if all(view.ended for view in views) else page[:_FEW]


def _notes(views: Sequence[CardView], shown: int, now: datetime) -> list[str]:
    notes = ["local, synthetic"] * any(view.local for view in views)
    if shown < len(views):
        notes.append(f"{len(views) - shown:,} more rows are not kept here; lro.to_frame(...) has them all.")
    if not all(view.ended for view in views):
        notes.append(as_of(now, "ds.operations() shows each"))
    return notes


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cells(view: CardView, now: datetime) -> list[str]:
    elapsed = age(view, now)
    return [
        coloured(view, view.word),
        escape(view.title),
        escape(clean(view.target, _TEXT)),
        escape(counts(view) or clean(view.status, _TEXT)),
        escape(speed(view.rate)) if view.rate is not None and not view.ended else "",
        "" if elapsed is None else duration(elapsed),
        f"{view.failed:,}" if view.failed else "",
    ]


def _why(view: CardView) -> str:
    """Return what a row has to say of trouble, in a line of its own."""
    return view.trouble or (view.sentence if view.state == "FAILED" else "")


def _live_row(view: CardView, now: datetime) -> str:
    cells = _cells(view, now)
    if not view.ended:
        cells[3] = bar(view) + cells[3]
    kinds = (kind for _, kind in _COLUMNS)
    row = "".join(f"<td{_class(kind)}>{cell}</td>" for kind, cell in zip(kinds, cells, strict=True))
    why = escape(clean(_why(view), _TEXT))
    extra = f'<tr><td></td><td colspan="6" class="lro-trouble">{why}</td></tr>' if why else ""
    return f'<tr title="{escape(view.operation_id)}">{row}</tr>{extra}'


def _saved_row(view: CardView, now: datetime) -> str:
    kinds = (kind for _, kind in _COLUMNS)
    row = "".join(
        f'<td style="{_NUMBER if kind else _ALIGN}">{cell}</td>'
        for kind, cell in zip(kinds, _cells(view, now), strict=True)
    )
    why = escape(clean(_why(view), _REASON))
    extra = f'<tr><td></td><td colspan="6" style="{_ALIGN}">{why}</td></tr>' if why else ""
    return f"<tr>{row}</tr>{extra}"
