"""Write the table of docs/any-api.md: which of Google's clients the tests follow, from the rows of the tests.

Usage: PYTHONPATH=tests:notebooks:. python scripts/google_table.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from google_rows.table import ROWS

from scripts.marked import replaced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google_rows.row import Row

PAGE = Path(__file__).parents[1] / "docs" / "any-api.md"
OVER = {"grpc": "gRPC", "grpc_asyncio": "asyncio", "rest": "REST"}


def table(rows: Iterable[Row]) -> str:
    """Return the rows as Markdown."""
    rows = sorted(rows, key=lambda row: (row.package, row.id))
    head = [
        f"{len(rows)} operations of {len({row.package for row in rows})} libraries:",
        "",
        "| library | started by | over | the card says | progress |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *map(_line, rows)])


def _line(row: Row) -> str:
    over = ", ".join(word for transport, word in OVER.items() if transport in row.over)
    missing = [
        word for transport, word in OVER.items() if transport in row.over and transport not in row.cancels
    ]
    if missing:
        over += f" (no cancel over {' or '.join(missing)})"
    return (
        f"| `{row.package}` | `{row.id}` | {over} | {row.title}, `{_short(row.target)}` | {_progress(row)} |"
    )


def _short(name: str) -> str:
    """Return the last collection and id of a name, as a card does; a URI stays as it is."""
    return name if "://" in name else "/".join(name.split("/")[-2:])


def _progress(row: Row) -> str:
    """Return how a row tells its progress, by the step that tells most in the middle of it."""
    done = [step for step in row.steps if step.fraction is not None or step.counts[0] is not None]
    if not done:
        return ""
    step = next((each for each in done if (each.fraction or 0.0) not in (0.0, 1.0)), done[0])
    completed, total = step.counts
    if total is not None:
        return f"{completed:,} of {total:,}"
    return f"{100 * step.fraction:g} %" if step.fraction is not None else f"{completed:,} done"


def page(text: str) -> str:
    """Return the text of the page with the table of today."""
    return replaced(text, "google", table(ROWS))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE}: {len(ROWS)} operations")
