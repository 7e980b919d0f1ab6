"""Several operations as the rows of one table, in HTML and text. Pure; every value is escaped here.

Tables use classes, so that a page of 50 rows stays under 20 kB. A saved table brings the style sheet and, for
viewers that drop it, says in attributes what makes it legible.
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
    progress,
    quiet,
    silence,
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
from lro_notebook.jupyter.table_model import (
    FEW,
    PAGE,
    TableOptions,
    fraction,
    pace,
    sorted_places,
    states_of,
    totals,
    units_of,
)

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
_TEXT = 100  # characters of a target
KEPT = 1_000  # rows of ended operations in a saved table
BOX = "height:420px;overflow:auto"  # what many rows scroll in, live and saved
_REASON = 240  # characters of why an operation failed


def live_table(cards: Iterable[Card], now: datetime) -> str:
    """Return one page of a live table, as it is at `now`."""
    head = "".join(f'<th scope="col"{_class(name)}>{title}</th>' for title, name in _COLUMNS.items())
    body = "".join(_live_row(card, now) for card in cards)
    return (
        '<table class="lro-table" aria-label="Operations">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def overall(cards: Sequence[Card], note: str, now: datetime) -> str:
    """Return what stands over a live table: totals, rate, time left, a bar, and a note on the whole."""
    synthetic = f" {quiet('· local, synthetic', tag='span')}" if any(card.local for card in cards) else ""
    done = fraction(cards)
    known = done is not None and not all(card.ended for card in cards)
    bar_of_all = progress(done, "Progress of all") if known else '<div class="lro-bar lro-none"></div>'
    beat = "" if all(card.ended for card in cards) else silence(now)
    return f"{alert(note)}{_lines(cards, now, synthetic)}{bar_of_all}{beat}"


def _lines(cards: Sequence[Card], now: datetime, after: str = "") -> str:
    """Return what all operations add up to: how many there are, and their units, rate and time left."""
    second = " · ".join(filter(None, [units_of(cards), pace(cards, now)]))
    return f"<div>{_unbroken(states_of(cards))}{after}</div><div>{_unbroken(second)}</div>"


def _unbroken(text: str) -> str:
    """Return a line that breaks between its parts alone, so that no number loses its word."""
    parts = (f'<span class="lro-part">{escape(part)}</span>' for part in text.split(" · "))
    return " · ".join(parts) if text else ""


def saved_table(cards: Sequence[Card], now: datetime, key: str = "") -> str:
    """Return a table that stands alone, as a saved notebook keeps it: the rows that matter and the totals."""
    page = [cards[place] for place in _worth_saving(cards, now, KEPT)]
    ended = all(card.ended for card in cards)
    head = "".join(f'<th scope="col"{_aligned(name)}>{title}</th>' for title, name in _COLUMNS.items())
    rows = "".join(_saved_row(card, now) for card in page)
    style = f"width:100%;border-collapse:collapse;margin:0;{DIGITS}"
    size = BOX if len(page) > FEW else "overflow-x:auto"
    body = (
        f'{stylesheets.style("table")}<div class="lro-whole"><div class="lro-over">{_lines(cards, now)}</div>'
        f'<div class="lro-scroll" style="{size}" role="region" aria-label="Operations" tabindex="0">'
        f'<table class="lro-table" cellpadding="3" style="{style}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )
    notes = [escape(note) for note in _notes(cards, len(page))]
    notes += [GONE + as_of(clock(now), _again(cards))] * (not ended)
    body += "".join(quiet(note, "font-size:12px;margin-top:6px") for note in notes)
    return box(body, key, WIDE)


def table_text(cards: Sequence[Card], now: datetime) -> str:
    """Return several operations as lines of plain text, with the totals."""
    page = [cards[place] for place in _worth_saving(cards, now, PAGE)]
    lines = [
        " · ".join(filter(None, [headline(card), card.title, card.target, *numbers(card), card.operation_id]))
        for card in page
    ]
    ended = all(card.ended for card in cards)
    notes = [*_notes(cards, len(page)), *[as_of(utc(now), _again(cards))] * (not ended)]
    return "\n".join([*lines, totals(cards), *notes])


def _worth_saving(cards: Sequence[Card], now: datetime, most: int) -> list[int]:
    """Return all rows that are not too many, else those that need attention most: few while they change."""
    ended = all(card.ended for card in cards)
    if len(cards) <= (most if ended else PAGE):
        return list(range(len(cards)))
    places = sorted_places(cards, TableOptions(sort="state"), now)
    return places[: most if ended else FEW]


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
        f"{places(cut(card.target, _TEXT))}<div>{escape(short_id(card))}</div>",
        escape(counts(card) or cut(card.status, _TEXT)),
        escape(speed(card.rate)) if card.rate is not None and not card.ended else "",
        "" if elapsed is None else f"{AT_LEAST * card.first_seen}{duration(elapsed)}",
        f"{card.failed:,}" if card.failed else "",
    ]


def _reason(card: Card) -> str:
    """Return what is wrong with an operation as a row of its own; a trouble may pass, so it has a colour."""
    why = card.trouble or (card.sentence if card.state == "FAILED" else "")
    tone = ' class="lro-trouble"' * bool(card.trouble)
    return f'<tr><td></td><td colspan="6"{tone}>{escape(cut(why, _REASON))}</td></tr>' if why else ""


def _live_row(card: Card, now: datetime) -> str:
    cells = [classed(card, card.word), *_cells(card, now)]
    if cells[3] and not card.ended:
        cells[3] += bar(card)
    row = "".join(
        f"<td{_class(name)}>{cell}</td>" for name, cell in zip(_COLUMNS.values(), cells, strict=True)
    )
    cut_off = card.operation_id != short_id(card)
    title = f' title="{escape(card.operation_id)}"' * cut_off
    return f"<tr{title}>{row}</tr>{_reason(card)}"


def _saved_row(card: Card, now: datetime) -> str:
    cells = zip(_COLUMNS.values(), [coloured(card, card.word), *_cells(card, now)], strict=True)
    row = "".join(f"<td{_aligned(name)}>{cell}</td>" for name, cell in cells)
    return f'<tr valign="top">{row}</tr>{_reason(card)}'


def _aligned(name: str) -> str:
    """Return the class of a saved cell, and what it means where viewers drop the style sheet."""
    return _class(name) + ' align="right"' * bool(name)
