"""A card as html and as plain text. Pure; every value is escaped here.

The live parts use classes, and bring a style sheet; a snapshot has its styles inline, because viewers of
saved notebooks drop style sheets and scripts.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter import stylesheets
from lro_notebook.jupyter.card_model import amounts, headline, numbers, times

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.jupyter.card_model import CardView


#: The sign of each state, and of a success with failures. The word tells it without them.
_SIGNS = {
    "PENDING": "○",
    "RUNNING": "●",
    "CANCELLING": "◐",
    "SUCCEEDED": "✓",
    "PARTLY": "▲",
    "FAILED": "✕",
    "CANCELLED": "■",
}
_WIDE, _HIGH = 64, 16  # pixels of the line over time
DIGITS = "font-variant-numeric:tabular-nums"
_BARE = "background:none;color:inherit;padding:0"  # of code, which JupyterLab would set in a box
NARROW, WIDE = 760, 960  # pixels of a card and of a table at most


def hiding(key: str) -> str:
    """Return the style that hides the snapshot of cell output `key` while its live part is on the page."""
    return f"<style>.lro-{key}{{display:none}}</style>"


def hiding_the_dead(key: str) -> str:
    """Return the style that hides what follows the snapshot of `key` where nothing lives in it.

    JupyterLab writes "model not found" there when a notebook that was saved in the middle is opened again.
    """
    after = f".jp-OutputArea-child:has(.lro-{key}) + .jp-OutputArea-child:not(:has(.lro-card, .lro-ended))"
    return f"<style>{after}{{display:none}}</style>"


def header(view: CardView) -> str:
    """Return the lines of a card that seldom change: title, state, line over time, target."""
    return (
        f'<div role="group" aria-label="{escape(view.title)}">'
        '<div style="display:flex;justify-content:space-between;gap:4px 12px;flex-wrap:wrap">'
        f'<strong>{escape(view.title)}</strong><span style="margin-left:auto">{line(view)}'
        f'<span class="lro-state" role="status">{coloured(view, headline(view))}</span></span></div>'
        f"<div>{places(view.target)}</div></div>"
    )


def details(view: CardView) -> str:
    """Return the line that never changes: which operation it is, since when, and where to read more."""
    identifier = f'<code class="lro-id" style="user-select:all;{_BARE}">{escape(view.operation_id)}</code>'
    parts = [f"operation {identifier}"]
    if view.created is not None:
        parts.append(f"began {clock(view.created)}")
    if view.logs_url:
        link = f'<a href="{escape(view.logs_url)}" target="_blank" rel="noopener noreferrer">log</a>'
        parts.append(link)
    parts += ["local, synthetic"] * view.local
    return quiet(" · ".join(parts), f"font-size:12px;{DIGITS}")


def live(view: CardView) -> str:
    """Return the lines of a card that change all the time, or how it ended; at most about 400 bytes."""
    if view.ended:
        return ending(view)
    done = " · ".join(amounts(view)) or view.status or "no progress reported yet"
    spans = f"<span>{escape(done)}</span><span>{escape(' · '.join(times(view)))}</span>"
    return f'<div class="lro-numbers">{spans}</div>{alert(view.trouble)}'


def bar(view: CardView) -> str:
    """Return a progress bar; without a value where nothing says how far it is."""
    known = f' value="{view.fraction:.3f}"' if view.fraction is not None else ""
    return f'<progress class="lro-bar" aria-label="Progress"{known}></progress>'


def ending(view: CardView) -> str:
    """Return how an operation ended, what to do about it, and the next line to type."""
    lines = [f"<div>{escape(line)}</div>" for line in (view.sentence, view.advice) if line]
    if view.next_line:
        lines.append(f"<div>{quiet('Next:', tag='span')} <code>{escape(view.next_line)}</code></div>")
    return "".join(lines)


def snapshot(view: CardView, key: str = "") -> str:
    """Return a card that stands alone, as a saved notebook keeps it."""
    if view.ended:
        middle = ending(view)
    else:
        middle = f'<div style="{DIGITS}">{escape(" · ".join(numbers(view)))}</div>'
        if view.fraction is not None:
            style = f'style="width:100%;height:6px" value="{view.fraction:.3f}"'
            middle = f'<progress {style} aria-label="Progress"></progress>{middle}'
    saved = "" if view.ended else quiet(as_of(clock(view.as_of), escape(_again(view))), "font-size:12px")
    return box(f'{header(view)}<div style="margin:6px 0">{middle}</div>{details(view)}{saved}', key)


def text(view: CardView) -> str:
    """Return a card as lines of plain text."""
    first = " ".join(filter(None, [f"{view.title}:", f"{headline(view)}.", view.target]))
    if view.ended:
        second = " ".join(filter(None, [view.sentence, view.advice]))
        third = f"Next: {view.next_line}" if view.next_line else ""
    else:
        second, third = " · ".join(numbers(view)), as_of(utc(view.as_of), _again(view))
    began = f", began {utc(view.created)}" if view.created is not None else ""
    where = f"Operation {view.operation_id}{began}{', local, synthetic' if view.local else ''}"
    return "\n".join(line for line in (first, second, third, where) if line)


def box(body: str, key: str, width: int = NARROW) -> str:
    """Return a snapshot; `key` ties one of running operations to its live part, a final one has none."""
    style, name = (hiding_the_dead(key), f" lro-{key}") if key else ("", "")
    outline = f"{stylesheets.inline('card', '.lro-snapshot')};max-width:{width}px"
    return (
        f"{stylesheets.style('contrast')}{style}"
        f'<div class="lro-snapshot{name}" style="{outline}">{body}</div>'
    )


def line(view: CardView) -> str:
    """Return what was done over time as a small picture; empty where nothing has moved yet."""
    if not view.line:
        return ""
    step = _WIDE / (len(view.line) - 1)
    heights = (_HIGH - 1 - part * (_HIGH - 2) for part in view.line)
    points = " ".join(f"{at * step:.0f},{height:.0f}" for at, height in enumerate(heights))
    style = f"margin-right:12px;vertical-align:middle;{stylesheets.inline('card', '.lro-quiet')}"
    return (
        f'<svg class="lro-quiet" style="{style}" width="{_WIDE}" height="{_HIGH}" '
        f'viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="Progress over time">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def coloured(view: CardView, words: str) -> str:
    """Return the words for a state with its sign, in its colour."""
    return _marked(view, words, f'style="{stylesheets.inline("card", f".lro-{_tone_of(view)}")}"')


def classed(view: CardView, words: str) -> str:
    """Return the same in less bytes, where the style sheet is."""
    return _marked(view, words, f'class="lro-{_tone_of(view)}"')


def _tone_of(view: CardView) -> str:
    return "PARTLY" if view.state == "SUCCEEDED" and view.failed else view.state


def _marked(view: CardView, words: str, attribute: str) -> str:
    sign = _SIGNS[_tone_of(view)]
    return f'<span {attribute}><span aria-hidden="true">{sign}</span> <strong>{escape(words)}</strong></span>'


def quiet(html: str, style: str = "", tag: str = "div") -> str:
    """Return what is not the first to be read."""
    return (
        f'<{tag} class="lro-quiet" style="{stylesheets.inline("card", ".lro-quiet")};{style}">{html}</{tag}>'
    )


def alert(words: str) -> str:
    """Return what stands in the way, told at once by screen readers; nothing for no words."""
    return f'<div class="lro-trouble" role="alert">{escape(words)}</div>' if words else ""


def places(text: str) -> str:
    """Return names and URIs, to be broken at their slashes where there is little room."""
    return escape(text).replace("/", "/<wbr>").replace("/<wbr>/<wbr>", "//")


def utc(moment: datetime) -> str:
    """Return a time as it reads everywhere."""
    return f"{_seconds(moment)} UTC"


def clock(moment: datetime) -> str:
    """Return a time in UTC that tells the local time to those who hover over it: that of the kernel.

    Which time it is where the page is shown, only a script could tell.
    """
    try:
        here = moment.astimezone()
    except (OverflowError, ValueError, OSError):  # the ends of the calendar, whatever a service says
        here = moment
    local = f"{_seconds(here)} {here.tzname() or ''}, the local time of the kernel"
    machine = f"{_seconds(moment).replace(' ', 'T')}Z"
    return f'<time datetime="{machine}" title="{escape(local)}">{utc(moment)}</time>'


def _seconds(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def as_of(when: str, how: str) -> str:
    """Return the line that tells when a snapshot was saved, and how to see more."""
    return f"As of {when}, when this was saved. {how} as it is now."


def _again(view: CardView) -> str:
    return f'ds.operation("{view.operation_id}") shows it'
