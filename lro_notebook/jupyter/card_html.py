"""A card as HTML and as plain text. Pure; every value is escaped here.

The live parts use classes and bring a style sheet. A saved card has its styles inline, because viewers of
saved notebooks drop style sheets and scripts.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter import stylesheets
from lro_notebook.jupyter.card_model import amounts, headline, numbers, times

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.jupyter.card_model import Card


#: The sign of each state, and of a success with failures. The word alone says the same.
_SIGNS = {
    "PENDING": "○",
    "RUNNING": "●",
    "CANCELLING": "◐",
    "SUCCEEDED": "✓",
    "PARTLY": "▲",
    "FAILED": "✕",
    "CANCELLED": "■",
}
_WIDE, _HIGH = 64, 16  # pixels of the sparkline
DIGITS = "font-variant-numeric:tabular-nums"
_BARE = "background:none;color:inherit;padding:0"  # for code, which JupyterLab would put in a box
BEAT = 15  # seconds after which a page hears from a live part, whether there is news or not
NARROW, WIDE = 760, 960  # the most pixels that a card and a table take


#: Shown once nothing follows the operation on the page; see `hiding` and `hiding_the_dead`.
GONE = '<span class="lro-gone" style="display:none">The kernel is gone or out of reach. </span>'
LEFT = "lro-left"  # class of a live part whose kernel has ended
#: A notebook in JupyterLab or Notebook 7 whose kernel was shut down, has died, or cannot be reached any more.
_LOST = (
    ".jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator"
    ":is([data-status=unknown],[data-status=dead],[data-status=disconnected]))"
)


def hiding(key: str) -> str:
    """Return the style that shows of cell output `key` the live part alone, or the saved one alone.

    What was saved last is shown once the live part has lost its kernel: numbers that stand still, and a
    button that does nothing. A kernel that ends marks it, ipywidgets does after a restart, and the notebook's
    own indicator tells of any other loss.
    """
    live = f".lro-card.lro-live-{key}"
    lost = f":is(body:has({live}:is(.{LEFT},.jupyter-widgets-disconnected)),{_LOST})"
    return (
        f"<style>.lro-{key}{{display:none}}{lost} {live}{{display:none!important}}"
        f"{lost} .lro-{key}{{display:block}}{lost} .lro-{key} .lro-gone{{display:inline!important}}</style>"
    )


def hiding_the_dead(key: str) -> str:
    """Return the style that hides the output after the saved part of `key` if no widget lives in it.

    JupyterLab writes "model not found" there when a notebook that was saved half-way is opened again, and
    gives it a class that it gives to no living widget's output.
    """
    saved, after = f".jp-OutputArea-child:has(.lro-{key})", "+ .jp-OutputArea-child"
    not_found = f"{after}>.jp-OutputArea-output.jupyter-widgets"
    return (
        f"<style>{saved} {after}:not(:has(.lro-card, .lro-ended)){{display:none}}"
        f"{saved}:has({not_found}) .lro-gone{{display:inline!important}}</style>"
    )


def header(card: Card) -> str:
    """Return the lines of a card that seldom change: title, sparkline, state, target."""
    return (
        f'<div role="group" aria-label="{escape(card.title)}">'
        '<div style="display:flex;justify-content:space-between;gap:4px 12px;flex-wrap:wrap">'
        f'<strong>{escape(card.title)}</strong><span style="margin-left:auto">{sparkline(card)}'
        f'<span class="lro-state" role="status">{coloured(card, headline(card))}</span></span></div>'
        f"<div>{places(card.target)}</div></div>"
    )


def details(card: Card) -> str:
    """Return the line that never changes: which operation, since when, and where its log and store are."""
    identifier = f'<code class="lro-id" style="user-select:all;{_BARE}">{escape(card.operation_id)}</code>'
    parts = [f"operation {identifier}"]
    if card.created is not None:
        parts.append(f"{_began(card)} {clock(card.created)}")
    parts += [_link("log", card.logs_url)] * bool(card.logs_url)
    parts += [_link(words, url) for words, url in card.links]
    parts += ["local, synthetic"] * card.local
    return quiet(" · ".join(parts), f"font-size:12px;{DIGITS}")


def _link(words: str, url: str) -> str:
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(words)}</a>'


def _began(card: Card) -> str:
    return "first seen" if card.first_seen else "began"


def live_lines(card: Card) -> str:
    """Return the lines that change all the time, or how the operation ended; at most about 400 bytes."""
    if card.ended:
        return ending(card)
    done = " · ".join(amounts(card)) or card.status or "no progress reported yet"
    spans = f"<span>{escape(done)}</span><span>{escape(' · '.join(times(card)))}</span>"
    return f'<div class="lro-numbers">{spans}</div>{alert(card.trouble)}{silence(card.as_of)}'


def silence(now: datetime) -> str:
    """Return what tells that nothing has come for a minute: a new one, every few seconds, puts that off.

    A kernel that is busy for long, frozen or out of reach may look the same; the words leave that open.
    """
    return f'<div class="lro-silence" data-beat="{int(now.timestamp() / BEAT) % 10}"></div>'


def bar(card: Card) -> str:
    """Return a progress bar; it has no value where nothing says how far the operation is."""
    return progress(card.fraction)


def progress(fraction: float | None, label: str = "Progress") -> str:
    """Return a progress bar for a part of 1, None if it is not known."""
    known = f' value="{fraction:.3f}"' if fraction is not None else ""
    return f'<progress class="lro-bar" aria-label="{label}"{known}></progress>'


def ending(card: Card) -> str:
    """Return how an operation ended, what to do about it, and the next line to type."""
    lines = [f"<div>{escape(line)}</div>" for line in (card.sentence, card.advice) if line]
    if card.next_line:
        lines.append(f"<div>{quiet('Next:', tag='span')} <code>{escape(card.next_line)}</code></div>")
    return "".join(lines)


def saved_card(card: Card, key: str = "") -> str:
    """Return a card that stands alone, as a saved notebook keeps it."""
    if card.ended:
        middle = ending(card)
    else:
        middle = f'<div style="{DIGITS}">{escape(" · ".join(numbers(card)))}</div>'
        if card.fraction is not None:
            style = f'style="width:100%;height:6px" value="{card.fraction:.3f}"'
            middle = f'<progress {style} aria-label="Progress"></progress>{middle}'
    saved = (
        ""
        if card.ended
        else quiet(GONE + as_of(clock(card.as_of), escape(f"{card.again} shows it")), "font-size:12px")
    )
    return box(f'{header(card)}<div style="margin:6px 0">{middle}</div>{details(card)}{saved}', key)


def card_text(card: Card) -> str:
    """Return a card as lines of plain text."""
    first = " ".join(filter(None, [f"{card.title}:", f"{headline(card)}.", card.target]))
    if card.ended:
        stop = "." if card.advice and not card.sentence.endswith((".", "!", "?")) else ""
        second = " ".join(filter(None, [card.sentence + stop, card.advice]))
        third = f"Next: {card.next_line}" if card.next_line else ""
    else:
        second, third = " · ".join(numbers(card)), as_of(utc(card.as_of), f"{card.again} shows it")
    began = f", {_began(card)} {utc(card.created)}" if card.created is not None else ""
    where = f"Operation {card.operation_id}{began}{', local, synthetic' if card.local else ''}"
    return "\n".join(line for line in (first, second, third, where) if line)


def box(body: str, key: str, width: int = NARROW) -> str:
    """Return what a saved notebook shows; `key` ties it to its live part, and is empty once it is final."""
    style, name = (hiding_the_dead(key), f" lro-{key}") if key else ("", "")
    outline = f"{stylesheets.inline('card', '.lro-snapshot')};max-width:{width}px"
    return (
        f"{stylesheets.style('contrast')}{style}"
        f'<div class="lro-snapshot{name}" style="{outline}">{body}</div>'
    )


def sparkline(card: Card) -> str:
    """Return progress over time as a small picture; empty where nothing has moved yet."""
    if not card.sparkline:
        return ""
    step = _WIDE / (len(card.sparkline) - 1)
    heights = (_HIGH - 1 - part * (_HIGH - 2) for part in card.sparkline)
    points = " ".join(f"{at * step:.0f},{height:.0f}" for at, height in enumerate(heights))
    style = f"margin-right:12px;vertical-align:middle;{stylesheets.inline('card', '.lro-quiet')}"
    return (
        f'<svg class="lro-quiet" style="{style}" width="{_WIDE}" height="{_HIGH}" '
        f'viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="Progress over time">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def coloured(card: Card, words: str) -> str:
    """Return the words for a state with its sign, in its colour."""
    return _marked(card, words, f'style="{stylesheets.inline("card", f".lro-{_tone_of(card)}")}"')


def classed(card: Card, words: str) -> str:
    """Return the same in fewer bytes, for where the style sheet is."""
    return _marked(card, words, f'class="lro-{_tone_of(card)}"')


def _tone_of(card: Card) -> str:
    return "PARTLY" if card.state == "SUCCEEDED" and card.failed else card.state


def _marked(card: Card, words: str, attribute: str) -> str:
    sign = _SIGNS[_tone_of(card)]
    return f'<span {attribute}><span aria-hidden="true">{sign}</span> <strong>{escape(words)}</strong></span>'


def quiet(html: str, style: str = "", tag: str = "div") -> str:
    """Return text that stands back."""
    return (
        f'<{tag} class="lro-quiet" style="{stylesheets.inline("card", ".lro-quiet")};{style}">{html}</{tag}>'
    )


def alert(words: str) -> str:
    """Return a warning, which screen readers read out at once; nothing for no words."""
    return f'<div class="lro-trouble" role="alert">{escape(words)}</div>' if words else ""


def places(text: str) -> str:
    """Return names and URIs that may break after a slash where there is little room."""
    return escape(text).replace("/", "/<wbr>").replace("/<wbr>/<wbr>", "//")


def utc(moment: datetime) -> str:
    """Return a time in UTC as plain text."""
    return f"{_seconds(moment)} UTC"


def clock(moment: datetime) -> str:
    """Return a time in UTC that shows the kernel's local time on hover.

    Only a script could tell the local time where the page is shown.
    """
    try:
        here = moment.astimezone()
    except (OverflowError, ValueError, OSError):  # at the ends of the calendar, which a service may name
        here = moment
    local = f"{_seconds(here)} {here.tzname() or ''}, the local time of the kernel"
    machine = f"{_seconds(moment).replace(' ', 'T')}Z"
    return f'<time datetime="{machine}" title="{escape(local)}">{utc(moment)}</time>'


def _seconds(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def as_of(when: str, how: str) -> str:
    """Return the line that says when this was saved, and how to see the present state."""
    return f"As of {when}, when this was saved. {how} as it is now."
