"""A card as html and text, and what cards and tables share. Pure.

Every value is escaped here, and links are https only. The live parts use classes and one
style sheet, so that an update stays small. A snapshot stands alone with inline styles, since viewers of
saved notebooks drop style sheets and scripts.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter.view import headline, numbers

if TYPE_CHECKING:
    from datetime import datetime

    from lro_notebook.jupyter.view import CardView

_TONES = {
    "PENDING": ("#616161", "--jp-ui-font-color2"),
    "RUNNING": ("#1565c0", "--jp-brand-color1"),
    "CANCELLING": ("#a15c00", "--jp-warn-color1"),
    "SUCCEEDED": ("#2e7d32", "--jp-success-color1"),
    "FAILED": ("#c62828", "--jp-error-color1"),
    "CANCELLED": ("#616161", "--jp-ui-font-color2"),
}
MUTED = "var(--jp-ui-font-color2, #616161)"
_WIDE, _HIGH = 64, 16  # pixels of the line over time
_LINE = "var(--jp-border-color2, #d0d0d0)"
DIGITS = "font-variant-numeric:tabular-nums"
_BOX = (
    f"border:1px solid {_LINE};border-radius:4px;padding:10px 14px;margin:2px 0;max-width:760px;"
    "box-sizing:border-box;overflow-wrap:anywhere;line-height:1.5;"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;"
    "color:var(--jp-ui-font-color1,inherit)"
)

STYLE = f"""<style>
.lro-card {{ {_BOX}; overflow: hidden; width: calc(100% - 20px); }}
.lro-card .widget-html, .lro-card .widget-html-content {{ width: 100%; margin: 0; line-height: 1.5;
  font-size: 13px; color: inherit; overflow-wrap: anywhere; }}
.lro-card .lro-row {{ width: 100%; align-items: center; gap: 16px; overflow: hidden; margin: 6px 0 0; }}
.lro-card .lro-row > .widget-html {{ flex: 1 1 auto; min-width: 0; width: auto; }}
.lro-card .lro-row > button {{ flex: 0 0 auto; margin: 0; width: 104px; }}
.lro-bar {{ display: block; width: 100%; height: 8px; accent-color: var(--jp-brand-color1, #1565c0); }}
.lro-numbers {{ {DIGITS}; min-height: 1.5em; }}
.lro-card a {{ color: var(--jp-content-link-color, #1565c0); }}
.lro-trouble {{ color: var(--jp-warn-color0, #8a4b00); }}
</style>"""


def hiding(key: str) -> str:
    """Return the style that hides the snapshot of surface `key` while its live part is on the page."""
    return f"<style>.lro-{key}{{display:none}}</style>"


def hiding_the_dead(key: str) -> str:
    """Return the style that hides the output after the snapshot of surface `key` where nothing lives in it.

    JupyterLab writes "model not found" there when a notebook that was saved in the middle is opened again.
    """
    after = f".jp-OutputArea-child:has(.lro-{key}) + .jp-OutputArea-child:not(:has(.lro-card, .lro-ended))"
    return f"<style>{after}{{display:none}}</style>"


def header(view: CardView) -> str:
    """Return the lines of a card that seldom change: title, state, target, id and log."""
    return f'<div role="group" aria-label="{escape(view.title)}">{_head(view)}</div>'


def live(view: CardView) -> str:
    """Return the lines of a card that change all the time; at most about 400 bytes."""
    line = escape(" · ".join(numbers(view)) or view.status or "waiting for the first answer")
    return f'{bar(view)}<div class="lro-numbers">{line}</div>{_trouble(view)}'


def bar(view: CardView) -> str:
    """Return a native progress bar; without a value where nothing says how far it is."""
    known = f' value="{view.fraction:.3f}" max="1"' if view.fraction is not None else ""
    return f'<progress class="lro-bar" aria-label="Progress"{known}></progress>'


def snapshot(view: CardView, key: str = "") -> str:
    """Return a card that stands alone, as a saved notebook keeps it."""
    lines = [_head(view)]
    if view.ended:
        lines += [f"<div>{escape(line)}</div>" for line in (view.sentence, view.advice) if line]
        if view.next_line:
            lines.append(f'<div style="color:{MUTED}">Next: <code>{escape(view.next_line)}</code></div>')
    else:
        if view.fraction is not None:
            lines.append(
                f'<progress style="width:100%;height:8px" value="{view.fraction:.3f}" max="1"></progress>'
            )
        lines.append(f'<div style="{DIGITS}">{escape(" · ".join(numbers(view)))}</div>')
        lines.append(f'<div style="color:{MUTED}">{escape(_as_of(view))}</div>')
    return box("".join(lines), key)


def text(view: CardView) -> str:
    """Return a card as lines of plain text."""
    first = " ".join(filter(None, [f"{view.title}:", f"{headline(view)}.", view.target]))
    if view.ended:
        second = " ".join(filter(None, [view.sentence, view.advice]))
        third = f"Next: {view.next_line}" if view.next_line else ""
    else:
        second, third = " · ".join(numbers(view)), _as_of(view)
    where = f"Operation {view.operation_id}{', local, synthetic' if view.local else ''}"
    return "\n".join(line for line in (first, second, third, where) if line)


def box(body: str, key: str) -> str:
    """Return a snapshot; `key` ties one of running operations to its live part, a final one has none."""
    if not key:
        return f'<div class="lro-snapshot" style="{_BOX}">{body}</div>'
    return f'{hiding_the_dead(key)}<div class="lro-snapshot lro-{key}" style="{_BOX}">{body}</div>'


def _head(view: CardView) -> str:
    local = f' <span style="color:{MUTED}">· local, synthetic</span>' if view.local else ""
    log = (
        f' · <a href="{escape(view.logs_url)}" target="_blank" rel="noopener noreferrer">log</a>'
        if view.logs_url
        else ""
    )
    return (
        f'<div style="display:flex;justify-content:space-between;gap:12px;flex-wrap:wrap">'
        f"<span><strong>{escape(view.title)}</strong>{line(view)}</span>"
        f'<span class="lro-state" role="status">{coloured(view, headline(view))}</span></div>'
        f'<div style="overflow-wrap:anywhere">{escape(view.target)}{local}</div>'
        f'<div style="color:{MUTED}">operation <code class="lro-id" style="user-select:all">'
        f"{escape(view.operation_id)}</code>{log}</div>"
    )


def line(view: CardView) -> str:
    """Return what was done over time as a small picture; empty where nothing has moved yet."""
    if not view.line:
        return ""
    step = _WIDE / (len(view.line) - 1)
    heights = (_HIGH - 1 - part * (_HIGH - 2) for part in view.line)
    points = " ".join(f"{at * step:.0f},{height:.0f}" for at, height in enumerate(heights))
    return (
        f'<svg style="margin-left:10px;vertical-align:middle;color:{MUTED}" width="{_WIDE}" height="{_HIGH}" '
        f'viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="Progress over time">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def coloured(view: CardView, words: str) -> str:
    """Return the words for a state in its colour."""
    partly = view.state == "SUCCEEDED" and view.failed
    colour, variable = _TONES["CANCELLING" if partly else view.state]
    return f'<strong style="color:var({variable}, {colour})">{escape(words)}</strong>'


def _trouble(view: CardView) -> str:
    return f'<div class="lro-trouble" role="alert">{escape(view.trouble)}</div>' if view.trouble else ""


def as_of(moment: datetime, how: str) -> str:
    """Return the line that tells when a snapshot was saved, and how to see more."""
    return f"As of {moment:%Y-%m-%d %H:%M:%S} UTC, when this was saved. {how} as it is now."


def _as_of(view: CardView) -> str:
    return as_of(view.as_of, f'ds.operation("{view.operation_id}") shows it')
