"""Several operations as the rows of one table, in HTML and text. Pure; every value is escaped here.

The live table uses classes, so that a page of 50 rows stays under 20 kB; a saved table stands alone.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter import stylesheets
from lro_notebook.jupyter.card_html import (
    DIGITS,
    GONE,
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
from lro_notebook.jupyter.card_model import (
    AT_LEAST,
    counts,
    cut,
    duration,
    elapsed_at,
    headline,
    numbers,
    short_id,
    speed,
)
from lro_notebook.jupyter.table_model import PAGE, TableOptions, page_of, totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lro_notebook.jupyter.card_model import Card

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
_FEW = 10  # rows to save of many running operations
_REASON = 240  # characters of why an operation failed, in a saved table
_CELL = "padding:3px 12px 3px 0;vertical-align:top"
_ALIGN, _NUMBER = f"{_CELL};text-align:left", f"{_CELL};text-align:right"


def live_table(cards: Iterable[Card], now: datetime) -> str:
    """Return one page of a live table, as it is at `now`."""
    head = "".join(f'<th scope="col"{_class(name)}>{title}</th>' for title, name in _COLUMNS.items())
    body = "".join(_live_row(card, now) for card in cards)
    return (
        '<div class="lro-scroll"><table class="lro-table" aria-label="Operations">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def foot(words: str, note: str, *, local: bool) -> str:
    """Return the line below a live table: a note on the whole, and its totals."""
    synthetic = f" {quiet('· local, synthetic', tag='span')}" if local else ""
    return f"{alert(note)}{escape(words)}{synthetic}"


def saved_table(cards: Sequence[Card], now: datetime, key: str = "") -> str:
    """Return a table that stands alone, as a saved notebook keeps it: the rows that matter and the totals."""
    page = [cards[place] for place in _worth_saving(cards, now)]
    widths = [
        stylesheets.inline("table", f".lro-table th:nth-child({number})")
        for number in range(1, len(_COLUMNS) + 1)
    ]
    head = "".join(
        f'<th scope="col" style="{_NUMBER if name else _ALIGN};{width}">{title}</th>'
        for (title, name), width in zip(_COLUMNS.items(), widths, strict=True)
    )
    rows = "".join(_saved_row(card, now) for card in page)
    size = "margin:0 0 4px;width:100%;min-width:680px;font-size:12px"
    style = f"{size};table-layout:fixed;border-collapse:collapse;{DIGITS}"
    body = (
        f'<div style="overflow-x:auto"><table class="lro-table" aria-label="Operations" style="{style}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div><div>{escape(totals(cards))}</div>"
    )
    body += "".join(quiet(escape(note)) for note in _notes(cards, len(page)))
    if not all(card.ended for card in cards):
        body += quiet(GONE + as_of(clock(now), _again(cards)))
    return box(body, key, WIDE)


def table_text(cards: Sequence[Card], now: datetime) -> str:
    """Return several operations as lines of plain text, with the totals."""
    page = [cards[place] for place in _worth_saving(cards, now)]
    lines = [
        " · ".join(filter(None, [headline(card), card.title, card.target, *numbers(card), card.operation_id]))
        for card in page
    ]
    ended = all(card.ended for card in cards)
    notes = [*_notes(cards, len(page)), *[as_of(utc(now), _again(cards))] * (not ended)]
    return "\n".join([*lines, totals(cards), *notes])


def _worth_saving(cards: Sequence[Card], now: datetime) -> list[int]:
    """Return all rows if they fit on a page, else those that need attention most: few while they change."""
    if len(cards) <= PAGE:
        return list(range(len(cards)))
    page = page_of(cards, TableOptions(sort="state"), now).places
    return page if all(card.ended for card in cards) else page[:_FEW]


def _again(cards: Iterable[Card]) -> str:
    """Return what shows the operations again: their dataset, or each by its name."""
    of_datasets = all(card.again.startswith("ds.") for card in cards)
    return (
        "ds.operations() shows each"
        if of_datasets
        else "lro.watch(name) shows each, by its name in lro.started()"
    )


def _notes(cards: Sequence[Card], shown: int) -> list[str]:
    notes = ["local, synthetic"] * any(card.local for card in cards)
    if shown < len(cards):
        notes.append(f"{len(cards) - shown:,} more rows are not kept here; lro.to_frame(...) has them all.")
    return notes


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _cells(card: Card, now: datetime) -> list[str]:
    """Return what is in all columns but the first; below the target stands which operation it is."""
    elapsed = elapsed_at(card, now)
    return [
        escape(card.title),
        f"{places(cut(card.target, _TEXT))}<br>{escape(short_id(card))}",
        escape(counts(card) or cut(card.status, _TEXT)),
        escape(speed(card.rate)) if card.rate is not None and not card.ended else "",
        "" if elapsed is None else f"{AT_LEAST * card.first_seen}{duration(elapsed)}",
        f"{card.failed:,}" if card.failed else "",
    ]


def _why(card: Card) -> str:
    """Return what is wrong with an operation, for a line of its own."""
    return card.trouble or (card.sentence if card.state == "FAILED" else "")


def _live_row(card: Card, now: datetime) -> str:
    cells = [classed(card, card.word), *_cells(card, now)]
    if cells[3] and not card.ended:
        cells[3] += bar(card)
    row = "".join(
        f"<td{_class(name)}>{cell}</td>" for name, cell in zip(_COLUMNS.values(), cells, strict=True)
    )
    why = escape(cut(_why(card), _TEXT))
    extra = f'<tr><td></td><td colspan="6" class="lro-trouble">{why}</td></tr>' if why else ""
    return f'<tr title="{escape(card.operation_id)}">{row}</tr>{extra}'


def _saved_row(card: Card, now: datetime) -> str:
    cells = [
        coloured(card, card.word),
        *_cells(card, now),
    ]
    row = "".join(
        f'<td style="{_NUMBER if name else _ALIGN}">{cell}</td>'
        for name, cell in zip(_COLUMNS.values(), cells, strict=True)
    )
    why = escape(cut(_why(card), _REASON))
    below = f'<td></td><td colspan="6" style="{_ALIGN};padding-top:0">{why}</td>'
    line = stylesheets.inline("table", ".lro-table tbody tr")
    return (
        f'<tr style="background:none;{line}">{row}</tr>'
        + f'<tr style="background:none">{below}</tr>' * bool(why)
    )
